"""What alert rules need to know of a config."""

from dataclasses import dataclass

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True, slots=True)
class Watched:
    """One bot. The defaults are those of the config, so that the rules of a `Watched()` serve any bot."""

    location: str | None = None
    """Whose metrics the rules look at; None: those of all bots."""
    reach_every: float = 60.0
    """Seconds between two reach probes of a target."""
    form_every: float = 900.0
    """Seconds between two looks at the fields of a form."""
    shortest_promise: float = 3_600.0
    """Seconds of the shortest time that a desk promises."""
    slowest_visit: float = 86_400.0
    """Seconds between two conversations of the visit that runs most rarely."""
    runbooks: str = RUNBOOKS
    """Where the runbooks are: a folder, or the address of one."""
