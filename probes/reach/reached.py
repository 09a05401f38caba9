"""The result of a reach probe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reached:
    """Whether a channel could be reached, and how long each phase took.

    `up` is None when that could not be tried for a reason on our side. `phases` are seconds, in the order they were gone
    through, up to the one that failed (which is included). `reason` is one line for a person: why it is not up, or what is
    wrong all the same. `certificate_expires` is the end of the server's certificate, when it showed a valid one,
    or one that has ended.
    `addresses`: `4` and `6`, those kinds of addresses that the host has and that this machine has a way to → whether the
    channel is up over them.
    """

    up: bool | None
    phases: Mapping[str, float]
    reason: str | None
    certificate_expires: datetime | None = None
    addresses: Mapping[str, bool] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """`success`, `failure`, or `fault` for one that could not be tried."""
        return "fault" if self.up is None else "success" if self.up else "failure"
