"""What a customer would complain about, for each check that found a problem."""

from types import MappingProxyType
from typing import Final

COMPLAINTS: Final = MappingProxyType(
    {
        "already_told": "asked for something that was told already",
        "promise": "did not answer within the time that it had promised",
        "no_reply": "wrote from an address that cannot be answered",
        "login_wall": "wanted a login to read or answer",
        "form_only": "wanted a form filled in instead of an answer",
        "closed": "closed the request before the customer agreed",
        "survey": "asked for a rating instead of answering",
        "questions_answered": "left a question open",
        "off_topic": "answered something else",
        "canned": "sent a canned answer",
        "handoff": "handed the customer on",
        "loop": "sent the customer in a circle",
        "greeting": "did not greet by name",
        "thanks": "did not say thank you",
        "apology": "did not apologise",
        "closing": "ended without a closing",
        "signed": "was not signed by a person",
        "rude": "was rude",
        "language": "answered in another language",
        "spelling": "made spelling mistakes",
        "spam_folder": "landed in the spam folder",
        "authentication": "failed the sender's authentication",
        "threading": "broke the thread",
        "intact": "arrived damaged",
        "parity": "was slower than for another customer",
        "reopened": "did not take the request up again after closing it",
        "context_lost": "did not know what was told over another channel",
        "apologised": "never apologised",
        "expectation": "did not say when to expect an answer",
        "kept_in_hours": "answered later than promised, counted in business hours",
    }
)


def complaint(check: str) -> str:
    """In words; for checks of users' own the name of the check."""
    return COMPLAINTS.get(check, f"problem: {check.replace('_', ' ')}")
