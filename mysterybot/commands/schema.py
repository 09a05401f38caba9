"""`mysterybot schema`: for editors."""

import json

from mysterybot.config import schema as config_schema


def schema() -> int:
    """Print it."""
    print(json.dumps(config_schema(), indent=2))
    return 0
