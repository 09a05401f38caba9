"""`python -m mysterybot`, the same as the command `mysterybot`."""

from mysterybot.cli import main

main(prog_name="mysterybot")
