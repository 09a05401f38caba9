"""What a mystery customer does: one scenario a file."""
