"""What the journal has counted, for tests to look at."""

import json

from sqlalchemy.engine import Connection

from conversations.journal import aggregates


def everything(connection: Connection) -> dict[str, list[tuple[dict[str, str], float]]]:
    """metric → [(labels, value)]."""
    return {
        metric: [(json.loads(one.labels), one.value) for one in each]
        for metric, each in aggregates.kept(connection).items()
    }
