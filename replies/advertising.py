"""Mail sent to many at once: lists, newsletters, advertising."""

import re

from replies.message import Message
from replies.phrases import plain, table

_UNSUBSCRIBE = table("unsubscribe")
_ADVERT = table("advert")
_ADVERTISER = re.compile(
    r"newsletter|\bnews@|deals?@|offers?@|promo|marketing|mailing|campaign|announce|pharmac|drugs|viagra|casino"
    r"|lotter|loan|-bounces?@|\bowner-|@lists?\.|dev-null"
)
_LIST_FIELDS = (
    *("list-id", "list-unsubscribe", "list-post", "list-help", "x-mailman-version", "x-campaign", "x-campaignid"),
    *("x-mailchimp-id", "x-list", "x-beenthere", "x-bulkmail"),
)
_LINKS = re.compile(r"https?://")


def bulk_evidence(message: Message, text: str) -> str:
    """What shows that `message` went to many, or ""; `text` is its new part in plain form."""
    for name in _LIST_FIELDS:
        if message.headers.get(name):
            return f"{name}: {message.header(name)}"
    found = _UNSUBSCRIBE.search(plain(message.text[-6000:])) or _UNSUBSCRIBE.search(text)
    if found:
        return found[0]
    precedence = plain(message.header("precedence"))
    if precedence in ("bulk", "list", "junk"):
        return f"precedence: {precedence}"
    if message.in_reply_to or message.references:
        return ""
    sender = plain(f"{message.header('from')} {message.return_path or ''} {message.header('reply-to')}")
    found_words = {match[0] for match in _ADVERT.finditer(f"{plain(message.subject)} {text}")}
    advertiser = _ADVERTISER.search(sender)
    # one word of advertising proves nothing, and a person may write two: the sender or many links must agree
    score = len(found_words) + 2 * bool(advertiser) + (len(_LINKS.findall(text)) >= 4)
    return ", ".join(sorted(found_words) or [advertiser[0] if advertiser else ""]) if score >= 3 else ""
