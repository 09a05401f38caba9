"""Quick checks that a channel can be reached at all; nothing is sent to anybody."""
