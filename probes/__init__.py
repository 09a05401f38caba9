"""How a customer touches the world: one channel or protocol a file."""
