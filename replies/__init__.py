"""How an answer is read: pure functions from a message to findings."""
