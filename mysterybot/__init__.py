"""mysterybot: a mystery customer that never sleeps."""

__version__ = "0.1.0"
