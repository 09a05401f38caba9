"""Nothing personal leaves the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.masking import masked

PRIVATE = {
    "Anna Keller": "name",
    "EX-20417": "order number",
    "Business": "plan",
    "RX482173": "reference",
    "Mia": "agent",
}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to anna.k+rx@inbox.example, please.", "Write to [e-mail], please."),
        ("Call +41 44 555 01 02 or (044) 555-01-02.", "Call [phone] or [phone]."),
        ("Call 0445550102!", "Call [phone]!"),
        ("Pay to CH93 0076 2011 6238 5295 7 today.", "Pay to [IBAN] today."),
        ("DE89370400440532013000", "[IBAN]"),
        ("My card is 4111 1111 1111 1111.", "My card is [card]."),
        ("Card 4111-1111-1111-1111, thanks", "Card [card], thanks"),
        ("See https://desk.example/t?token=s3cret#x and www.desk.example/a.", "See [link] and [link]"),
        ("Hi Anna, dear Mrs Keller, ANNA KELLER!", "Hi [name], dear Mrs [name], [name]!"),
        ("Order ex-20417 of RX482173, plan business", "Order [order number] of [reference], plan [plan]"),
        ("Kind regards, Mia", "Kind regards, [agent]"),
        ("Annabel and Miami are nobody of ours", "Annabel and Miami are nobody of ours"),
        ("It costs 12.90 and comes on 12.04.2026 at 9:30.", "It costs 12.90 and comes on 12.04.2026 at 9:30."),
        ("", ""),
    ],
)
def test_what_could_tell_who_somebody_is_becomes_a_blank(text: str, left: str) -> None:
    assert masked(text, PRIVATE) == left


def test_values_too_short_to_be_found_safely_are_left_alone() -> None:
    assert masked("At 7 in the Al hall", {"7": "floor", "Al": "name", "": "nothing"}) == "At 7 in the Al hall"


@given(st.text(max_size=300), st.from_regex(r"[a-z]{3,9}\.[a-z]{3,9}@[a-z]{3,9}\.example", fullmatch=True))
def test_an_address_never_survives_wherever_it_stands(around: str, address: str) -> None:
    assert address not in masked(f"{around} {address} {around}", {})


@pytest.mark.parametrize(
    "text", ["1" * 64_000, "1 " * 32_000, "a@" * 32_000, "+1(" * 20_000, "AB12" * 16_000, "http://" * 9_000]
)
def test_hostile_text_takes_no_time(text: str) -> None:
    masked(text, PRIVATE)
