"""SPF, DKIM and DMARC as our provider saw them, and nobody else."""

from replies.authentication import Authentication, authentication, authentication_finding
from replies.message import Message, read


def results(*fields: str) -> Message:
    return read("".join(f"Authentication-Results: {field}\r\n" for field in fields).encode() + b"\r\nHello")


GOOD = "mx.inbox.example; spf=pass (a; comment (nested; spf=fail)) smtp.mailfrom=x; dkim=pass header.d=y; dmarc=pass"


def test_the_results_of_our_provider_are_read_past_comments() -> None:
    assert authentication(results(GOOD), "mx.inbox.example") == Authentication("pass", "pass", "pass")
    assert authentication(results(GOOD), "inbox.example") == Authentication("pass", "pass", "pass")


def test_results_that_the_sender_wrote_are_not_trusted() -> None:
    forged = results("mx.desk.example; spf=pass; dkim=pass; dmarc=pass")
    assert authentication(forged, "mx.inbox.example") == Authentication()
    assert authentication(forged, None) == Authentication()
    assert authentication(results("evilinbox.example; dmarc=pass"), "inbox.example") == Authentication()
    assert authentication_finding(forged, "mx.inbox.example").result == "unknown"


def test_results_in_several_fields_are_joined_and_the_topmost_counts() -> None:
    message = results("mx.inbox.example; dmarc=fail", "mx.inbox.example; spf=softfail", "mx.inbox.example; dmarc=pass")
    assert authentication(message, "mx.inbox.example") == Authentication("softfail", None, "fail")
    assert authentication_finding(message, "mx.inbox.example").result == "problem"


def test_one_good_signature_of_several_is_enough() -> None:
    message = results("mx.inbox.example; dkim=fail header.d=a; dkim=pass header.d=b; dkim=none")
    assert authentication(message, "mx.inbox.example").dkim == "pass"
    assert authentication_finding(message, "mx.inbox.example").result == "ok"
