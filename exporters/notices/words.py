"""A notice in words for people, and as JSON for programs. No text of a message is in them, only the reason of a verdict."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from conversations.notice import Notice, What

FORM = 1
"""The version of the JSON; fields may be added without a new one."""


def headline(notice: Notice, desks: Mapping[str, str]) -> str:
    """What has happened, in one line. `desks`: their names as people say them."""
    about = notice.about
    desk, number = desks.get(about.desk, about.desk), about.in_a_row
    match notice.what, notice.over:
        case What.FAILED, False:
            who = f"{number} customers in a row were" if number > 1 else "a customer was"
            return f"{desk}: {who} let down (visit {about.visit}, channel {about.channel})"
        case What.FAILED, True:
            return f"{desk}: visit {about.visit} passes again, after {_times(number)} that failed"
        case What.FAULTED, False:
            return f"mysterybot: visit {about.visit} came to nothing through our own fault, {_times(number)} in a row"
        case What.FAULTED, True:
            return f"mysterybot: our own fault in visit {about.visit} is over, after {_times(number)}"
        case What.OVERDUE, False:
            return f"{desk}: a customer has waited longer than promised ({_promise(notice)})"
        case What.OVERDUE, True if about.reason:
            return f"{desk}: a customer waits no longer ({_promise(notice)})"
        case What.OVERDUE, True:
            return f"{desk}: the customer has been answered ({_promise(notice)})"
        case What.MAILBOX, False:
            return f"mysterybot: the mailbox {about.mailbox} cannot be read since {_moment(notice.since)}"
        case What.MAILBOX, True:
            return f"mysterybot: the mailbox {about.mailbox} is read again"
    return "mysterybot: a test notice; nothing has happened"


def details(notice: Notice, location: str) -> str:
    """What else there is to know, line by line."""
    about = notice.about
    told = {
        "Reason": about.reason,
        "Visit": about.visit,
        "Channel": about.channel,
        "Conversation": notice.conversation or "",
        "Time": _moment(notice.at),
        "Location": location,
    }
    return "\n".join(f"{name}: {value}" for name, value in told.items() if value)


def document(notice: Notice, desks: Mapping[str, str], location: str) -> dict[str, Any]:
    """As JSON; docs/configuration.md tells its form."""
    about = notice.about
    told = {
        "version": FORM,
        "id": notice.token,
        "event": notice.what.value,
        "state": "recovered" if notice.over else "problem",
        "incident": notice.incident,
        "summary": headline(notice, desks),
        "at": _moment(notice.at),
        "location": location,
        "desk": about.desk,
        "desk_name": desks.get(about.desk, about.desk),
        "channel": about.channel,
        "visit": about.visit,
        "conversation": notice.conversation,
        "mailbox": about.mailbox,
        "promise": about.promise,
        "since": _moment(notice.since) if notice.since is not None else None,
        "in_a_row": about.in_a_row or None,
        "reason": about.reason,
    }
    return {name: value or None for name, value in told.items()}


def slack(headline: str, details: str, *, over: bool) -> dict[str, Any]:
    """As Slack's incoming webhooks take it; & < > are escaped as Slack asks, so that nobody is mentioned and no link is made."""
    text = f"{'✅' if over else '🔴'} {headline}\n{details}"
    return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}


def _promise(notice: Notice) -> str:
    what = notice.about.promise.replace("_", " ")
    late = f", {_length(notice.at - notice.since)} late" if notice.over and notice.since is not None else ""
    return f"{what} due {_moment(notice.since)}{late}, visit {notice.about.visit}"


def _times(number: int) -> str:
    return "one conversation" if number == 1 else f"{number} conversations"


def _length(seconds: float) -> str:
    minutes = max(0, round(seconds / 60))
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _moment(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
