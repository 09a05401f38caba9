"""Whether a mail is a delivery report (RFC 3464, and the many that are older or odder), and whether it is final."""

import re
from dataclasses import dataclass

from replies.message import Message
from replies.phrases import PERSON, plain, table

_DAEMON = table("bounce_sender")
_LIST_PROGRAM = re.compile(r"-(?:admin|request|owner|bounces?)@|\b(?:listserv|majordomo|mailman|sympa|ezmlm)\b")
_SUBJECT = table("bounce_subject")
_BODY = table("bounce_text")
_DELAYED = table("bounce_delayed")
_SNS = re.compile(  # Amazon SES through SNS: JSON, at times with JSON in it
    r'^\s{0,9}\{.{0,2000}?\\?"(?:notificationType|eventType)\\?"\s?:\s?\\?"(Bounce|Delivery)\b', re.S
)
_FINAL = table("bounce_final")
_REPLIED = re.compile(r"(?:re|aw|sv|antw|rép|rif|vs|odp|ynt)(?:\[\d\])? ?:")
_UNDELIVERED = table("undelivered")
_ADDRESS = re.compile(r"[\w.+-]{1,60}@[\w.-]{1,80}")
_NO_REPLY = ("noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "mail", "postfach", "server", "root")


@dataclass(frozen=True, slots=True)
class Bounce:
    """That it is one, by which rule; `permanent` is False where nothing has failed for good."""

    permanent: bool
    rule: str
    evidence: str


def bounce(message: Message) -> Bounce | None:
    """The delivery report that `message` is, or None."""
    report = message.report
    if report and report.type == "delivery-status":
        if report.action:
            evidence = " ".join(filter(None, (f"Action: {report.action}", report.status, report.diagnostic)))
            return Bounce(report.action == "failed", "bounce.report", evidence)
        return Bounce(_permanent(message), "bounce.report", message.header("content-type"))
    if report:
        return None
    if notice := _SNS.match(message.text[:4000]):
        return Bounce(notice[1] == "Bounce", "bounce.sns", notice[0])
    if message.header("x-failed-recipients"):
        return Bounce(_permanent(message), "bounce.failed_recipients", message.header("x-failed-recipients"))
    return _odd(message)


def _odd(message: Message) -> Bounce | None:
    """Reports without a machine-readable part: a daemon speaks, the subject says so, the text says so: two of three."""
    sender = plain(f"{message.header('from')} {message.sender}")
    head = plain(message.text[:6000])
    null = message.return_path == "" or message.return_path in ("mailer-daemon", "postmaster")
    daemon = _DAEMON.search(sender)
    answered = bool(_REPLIED.match(plain(message.subject)))  # then the subject is one of ours that comes back
    subject = None if answered and not null else _SUBJECT.search(plain(message.subject))
    body = _BODY.search(head)
    enclosed = bool(message.returned_ids)
    if (
        (daemon and (subject or (body and not (answered and PERSON.search(head))) or null))
        or (subject and body and (null or enclosed or _LIST_PROGRAM.search(sender)))
        or (null and body and enclosed)
        or _tells_of_an_address(message, head, null=null)
    ):
        proof = (subject and message.subject) or (body and body[0]) or message.header("from")
        return Bounce(_permanent(message), "bounce.wording", proof or "")
    return None


def _tells_of_an_address(message: Message, head: str, *, null: bool) -> bool:
    """A provider's plain notice: what was sent to an address that it names did not arrive."""
    speaks = bool(message.in_reply_to) and PERSON.search(head)
    program = null or (message.sender.startswith(_NO_REPLY) and not speaks)
    undelivered = _UNDELIVERED.search(head) if program else None
    return bool(undelivered and _ADDRESS.search(head[: undelivered.end() + 200]))


def _permanent(message: Message) -> bool:
    text = plain(f"{message.subject} {message.text[:4000]}")
    return not (_DELAYED.search(text) and not _FINAL.search(text.replace("has not failed", "")))
