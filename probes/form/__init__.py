"""Contact a desk through a form on its web page, with a real browser."""
