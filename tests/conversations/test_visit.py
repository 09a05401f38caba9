import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.visit import Channel, Desk, EmailChannel, Limits, Persona, Visit
from probes.form.channel import FormChannel

FORM = {"form": "https://acme.example/contact", "fields": {"Name": "{name}"}, "submit": "Send"}
OFFICE = {"timezone": "Europe/Zurich", "open": ["mon-fri 09:00-17:00"]}


def visit(**changes: Any) -> Visit:
    return Visit.model_validate({"desk": "acme", "channel": "mail", "mailbox": "anna", "scenario": "ask"} | changes)


def desk(**changes: Any) -> Desk:
    return Desk.model_validate({"name": "Acme", "channels": {"mail": {"email": "a@acme.example"}}} | changes)


def complaints(caught: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [error["msg"].removeprefix("Value error, ") for error in caught.value.errors(include_input=False)]


def test_a_channel_is_told_by_its_key() -> None:
    channels = desk(channels={"mail": {"email": "a@acme.example"}, "page": FORM}).channels
    assert isinstance(channels["mail"], EmailChannel)
    assert isinstance(channels["page"], FormChannel)


@pytest.mark.parametrize("written", [{}, {"phone": "1"}, {**FORM, "email": "a@b.example"}, "a@b.example", None])
def test_a_channel_is_either_email_or_form(written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Channel).validate_python(written)
    assert complaints(caught) == ["should have either email or form"]


def test_a_desk_without_hours_is_open_round_the_clock() -> None:
    assert desk().business_hours == BusinessHours.always()
    assert desk(hours=OFFICE).business_hours.timezone == "Europe/Zurich"


def test_promises_in_business_time_need_hours() -> None:
    promises = {"first_reply": "4 business hours", "next_reply": "1 day"}
    given = desk(hours=OFFICE, promises=promises).promises.given()
    assert given == {"first_reply": Duration(business_hours=4), "next_reply": Duration(seconds=86400)}
    with pytest.raises(ValidationError) as caught:
        desk(promises=promises)
    assert complaints(caught) == ["first_reply in business time needs the desk's hours"]


@pytest.mark.parametrize(
    ("timetable", "seconds"),
    [({"every": "2 hours"}, 7200), ({"at": ["10:30"]}, 86400), ({"at": ["mon 10:30"]}, 7 * 86400),
     ({"at": ["10:30", "mon-fri 16:00"]}, 19800), ({"at": ["sun 23:50", "mon 00:10"]}, 1200),
     ({"cron": "*/10 * * * *"}, 600), ({"cron": "0 9 * * mon-fri"}, 86400), ({"cron": "0 0 29 2 *"}, 1461 * 86400)],
)  # fmt: skip
def test_the_interval_is_the_shortest_time_between_visits(timetable: dict[str, Any], seconds: float) -> None:
    assert visit(**timetable).interval == seconds


@pytest.mark.parametrize("timetable", [{}, {"every": "1h", "cron": "* * * * *"}, {"at": ["1:00"], "every": "1h"}])
def test_a_visit_has_exactly_one_timetable(timetable: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        visit(**timetable)
    assert complaints(caught) == ["should have exactly one of every, at and cron"]


def test_jitter_is_shorter_than_the_interval() -> None:
    assert visit(at=["10:00", "10:30"], jitter="29m").jitter == Duration(seconds=1740)
    with pytest.raises(ValidationError) as caught:
        visit(at=["10:00", "10:30"], jitter="30m")
    assert complaints(caught) == ["should be shorter than the time between visits, 30 minutes"]


@pytest.mark.parametrize("every", ["0s", "0.9s", "1 business hour", 60])
def test_every_is_calendar_time_of_a_second_or_more(every: object) -> None:
    with pytest.raises(ValidationError):
        visit(every=every)


@pytest.mark.parametrize("cron", ["", "* * *", "0 25 * * *", "61 * * * *", "0 0 31 2 *", "@daily", "x" * 1000])
def test_what_is_no_cron_expression_is_refused(cron: str) -> None:
    with pytest.raises(ValidationError) as caught:
        visit(cron=cron)
    assert "a cron expression is like 30 9 * * mon-fri" in complaints(caught)[0]


def test_defaults_are_careful() -> None:
    assert Limits() == Limits(desk_per_day=200, mailbox_per_day=200, turns=8, open_per_visit=1)
    assert Limits().uncertain_grace == Duration(seconds=120)
    refund = visit(every="1h")
    assert (refund.overlap, refund.catch_up, refund.jitter, refund.with_) == (False, "skip", Duration(seconds=0), {})
    assert desk().disclosure == "none"


def test_what_a_persona_knows_stays_as_it_was_written() -> None:
    assert Persona.model_validate({"facts": {"order": "00123"}, "language": "de-CH"}).facts == {"order": "00123"}
    for wrong in ({"language": "German"}, {"facts": {"order number": "1"}}, {"name": "a\nb"}):
        with pytest.raises(ValidationError):
            Persona.model_validate(wrong)


def test_a_desk_and_a_visit_survive_json() -> None:
    acme = desk(
        hours=OFFICE, promises={"first_reply": "4 business hours"}, channels={"page": FORM}, domains=["A.example"]
    )
    assert Desk.model_validate_json(acme.model_dump_json()) == acme
    assert acme.domains == ("a.example",)
    refund = visit(at=["mon 10:30"], jitter="5m", **{"with": {"questions": [{"ask": "When?"}]}})
    assert Visit.model_validate(json.loads(refund.model_dump_json(by_alias=True))) == refund
