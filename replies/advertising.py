"""Mail sent to many at once: lists, newsletters, advertising."""

import re

from replies.message import Message
from replies.phrases import plain, table

ENOUGH = 3
"""Points of suspicion that make a mail advertising; no single sign gives them, a spam filter's verdict aside."""

_UNSUBSCRIBE = table("unsubscribe")
_ADVERT = table("advert")
_TO_MANY = table("to_many")
_ADVERTISER = re.compile(
    r"newsletter|\bnews@|deals?@|offers?@|promo|marketing|mailing|campaign|announce|pharmac|drugs|viagra|casino"
    r"|lotter|loan|\@lists?\.|dev-null|\bads?@|digest|subscri|bulletin|shopper|update@|@e?mail\d?\.|@em\d{0,4}\.|@click\."
)
_ENVELOPE = re.compile(
    r"(?:^|[-+._])(?:bounces?|owner|return|errors?|admin)(?:[-+._@]|\d)|[-=+][\w.-]{2,40}=[\w.-]{3,60}@"
)
_LISTS = ("list-id", "list-post", "x-mailman-version", "x-beenthere", "mailing-list", "x-mailing-list", "x-ml-name")
_MAILINGS = (
    *("list-unsubscribe", "list-help", "list-subscribe", "x-campaign", "x-campaignid", "x-mailchimp-id", "x-list"),
    *("x-bulkmail", "x-mc-user", "x-newsletter", "x-csa-complaints", "x-mailer-lid", "x-ml-info", "x-rpcampaign"),
    *("x-sg-marketing", "x-mailgun-tag", "x-list-unsubscribe", "x-unsubscribe"),
)
_LINKS = re.compile(r"https?://")


def bulk_evidence(message: Message, text: str) -> str:
    """What shows that `message` went to many, or ""; `text` is its new part in plain form.

    Of an answer only the marks of a discussion list count: desks add links to unsubscribe to what their people write.
    """
    answers = bool(message.in_reply_to or message.references)
    for name in _LISTS if answers else (*_LISTS, *_MAILINGS):
        if message.headers.get(name):
            return f"{name}: {message.header(name)}"
    precedence = plain(message.header("precedence"))
    if precedence in ("bulk", "list", "junk"):
        return f"precedence: {precedence}"
    if answers:
        return ""
    found = _UNSUBSCRIBE.search(plain(message.text[-6000:])) or _UNSUBSCRIBE.search(text)
    found = found or _TO_MANY.search(text)
    return found[0] if found else _suspicion(message, text)


def _suspicion(message: Message, text: str) -> str:
    advert = sorted({match[0] for match in _ADVERT.finditer(f"{plain(message.subject)} {text}")})
    sender = plain(f"{message.header('from')} {message.return_path or ''} {message.header('reply-to')}")
    advertiser = _ADVERTISER.search(sender)
    envelope = message.return_path != message.sender and _ENVELOPE.search(message.return_path or "")
    links = max(message.links, len(_LINKS.findall(message.text)))
    filtered = plain(message.header("x-spam-flag")).startswith("yes")
    points = min(len(advert), 3) + 2 * bool(advertiser) + 2 * bool(envelope)
    points += (links >= 4) + (links >= 10) + (links >= 25) + 3 * filtered
    if points < ENOUGH:
        return ""
    signs = (*advert, *(match[0] for match in (advertiser, envelope) if match), "x-spam-flag" if filtered else "")
    return ", ".join(filter(None, signs)) or f"{links} links"
