"""What each command of the command line does. A command returns its exit code."""
