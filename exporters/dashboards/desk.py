"""One desk, closely."""

from grafana_foundation_sdk.builders import dashboard as builders

from exporters.dashboards.parts import (
    GREEN,
    RED,
    VERDICT_COLOURS,
    YELLOW,
    Asked,
    Column,
    Panel,
    add_rows,
    choice,
    dashboard,
    lines,
    number,
    rows,
    shares,
    spread,
    states,
    steps,
    words,
)

HERE = 'desk="$desk", channel=~"$channel", location=~"$location"'
CLOCKED = f'clock="$clock", {HERE}'
KEPT = steps((None, RED), (0.8, YELLOW), (0.95, GREEN))
DESK_PAGE = "${bot}/desks/${desk}"


def _counted(metric: str, labels: str = HERE, window: str = "$__range") -> str:
    return f"increase(mysterybot_{metric}{{{labels}}}[{window}])"


def _percentiles(histogram: str, labels: str) -> list[Asked]:
    buckets = f"sum by (le) ({_counted(f'{histogram}_bucket', labels, '$window')})"
    shown = ((0.5, "half within"), (0.9, "nine of ten within"))
    return [Asked(f"histogram_quantile({share}, {buckets}) >= 0", legend, exemplar=True) for share, legend in shown]


def desk() -> builders.Dashboard:
    """Everything that is known of one desk."""
    board = dashboard(
        "mysterybot-desk", "mysterybot · Desk", "What customers of one desk get, by channel.", start="now-30d"
    )
    board.with_variable(choice("desk", "Desk", "mysterybot_visit_open_conversations", several=False))
    board.with_variable(choice("channel", "Channel", 'mysterybot_visit_open_conversations{desk="$desk"}'))
    board.with_variable(choice("location", "Location", 'mysterybot_visit_open_conversations{desk="$desk"}'))
    board.with_variable(words("clock", "Clock", ["business", "calendar"]))
    board.with_variable(words("window", "Percentiles over", ["7d", "1d", "30d"]))
    add_rows(
        board,
        ("Now", _now()),
        ("How long customers wait", _waits()),
        ("What was promised", _promises()),
        ("What replies say", _findings()),
        ("Can it be reached", _reach()),
    )
    return board


def _now() -> list[Panel]:
    waiting, due = (f"mysterybot_visit_{what}_timestamp_seconds{{{HERE}}}" for what in ("waiting_since", "reply_due"))
    at_desk = 'desk="$desk", location=~"$location"'
    shut = steps((None, RED), (1, GREEN))
    return [
        number("Ways in", "1 when every reach probe of the desk's channels got through.", Asked(f'min(mysterybot_reach_up{{mailbox="", {HERE}}})'), unit="bool_yes_no", colours=shut, empty="not probed"),
        number("Open now", "By its business hours.", Asked(f"max(mysterybot_desk_open{{{at_desk}}})"), unit="bool_yes_no"),
        number("In maintenance", "Announced: nobody new is sent, and alerts about the desk are silent.", Asked(f"max(mysterybot_desk_maintenance{{{at_desk}}})"), unit="bool_yes_no"),
        number("Customers who wait", "No person has answered them yet.", Asked(f"count({waiting}) or vector(0)"), link=DESK_PAGE),
        number("Longest wait", "Of those who wait now.", Asked(f"max(time() - {waiting}) or vector(0)"), unit="s", link=DESK_PAGE),
        number("Overdue now", "Promises that have run out while the customer still waits.", Asked(f"count({due} < time()) or vector(0)"), colours=steps((None, GREEN), (1, RED)), link=DESK_PAGE),
        _visits(waiting, due),
    ]  # fmt: skip


def _visits(waiting: str, due: str) -> Panel:
    none = f"sum by (visit, channel) (mysterybot_visit_open_conversations{{{HERE}}}) * 0"
    page = "${bot}/conversations?visit=${__value.raw}"
    return rows(
        "Visits and their open conversations",
        "A row a visit. The name leads to its conversations.",
        ["visit", "channel"],
        [
            Column("open", f"sum by (visit, channel) (mysterybot_visit_open_conversations{{{HERE}}})"),
            Column("longest wait", f"max by (visit, channel) (time() - {waiting}) or {none}", "s"),
            Column("overdue", f"count by (visit, channel) ({due} < time()) or {none}", "short", ((None, GREEN), (1, RED))),
            Column("passed", f'sum by (visit, channel) ({_counted("visit_conversations_total", f"""verdict="passed", {HERE}""")})'),
            Column("failed", f'sum by (visit, channel) ({_counted("visit_conversations_total", f"""verdict="failed", {HERE}""")})', "short", ((None, GREEN), (1, RED))),
            Column("faulted", f'sum by (visit, channel) ({_counted("visit_conversations_total", f"""verdict="faulted", {HERE}""")})'),
            Column("failed in a row", f"max by (visit, channel) (mysterybot_visit_consecutive_failures{{{HERE}}})", "short", ((None, GREEN), (2, RED))),
            Column("next", f"min by (visit, channel) (mysterybot_visit_next_run_timestamp_seconds{{{HERE}}}) * 1000", "dateTimeFromNow"),
        ],
        links={"visit": ("conversations of this visit", page)},
    )  # fmt: skip


def _waits() -> list[Panel]:
    buckets = f"sum by (le) (increase(mysterybot_first_reply_seconds_bucket{{{CLOCKED}}}[$__interval]))"
    return [
        spread("First replies", "When they came, and after how long. Points are single conversations.", Asked(buckets, "{{le}}", exemplar=True, buckets=True)),
        lines("First reply", "From our first message to a person's reply.", *_percentiles("first_reply_seconds", CLOCKED), unit="s"),
        lines("Next replies", "From each later message of ours to the reply.", *_percentiles("next_reply_seconds", CLOCKED), unit="s"),
        lines("Resolution", "From our first message to the last reply, in conversations that passed.", *_percentiles("resolution_seconds", CLOCKED), unit="s"),
        lines("Acknowledgement", "To the automatic answer; never counted as a reply.", *_percentiles("acknowledgement_seconds", HERE), unit="s"),
        lines("Conversations that ended", "passed, failed (the desk's side) or faulted (ours).", Asked(f"sum by (verdict) ({_counted('visit_conversations_total', window='$__interval')})", "{{verdict}}"), bars=True, colours=VERDICT_COLOURS),
    ]  # fmt: skip


def _promises() -> list[Panel]:
    kept, missed = (f"sum by (promise) ({_counted(f'promises_{what}_total')})" for what in ("kept", "missed"))
    over_time = [
        Asked(f"sum ({_counted(f'promises_{what}_total', window='$__interval')})", what) for what in ("kept", "missed")
    ]
    return [
        shares("Promises kept", "Of those that were judged in the chosen time.", Asked(f"{kept} / ({kept} + {missed} > 0)", "{{promise}}"), colours=KEPT),
        lines("Kept and missed", "When they were judged.", *over_time, bars=True, colours={"kept": GREEN, "missed": RED}),
    ]  # fmt: skip


def _findings() -> list[Panel]:
    problems = f'result="problem", {HERE}'
    return [
        shares("What replies lack", "Problems found in replies in the chosen time.", Asked(f"topk(12, sum by (check) ({_counted('findings_total', problems)}))", "{{check}}"), unit="short", colours=steps((None, YELLOW))),
        lines("Problems found", "By check, when the conversation ended.", Asked(f"topk(8, sum by (check) ({_counted('findings_total', problems, '$__interval')}))", "{{check}}"), bars=True, link=DESK_PAGE),
    ]  # fmt: skip


def _reach() -> list[Panel]:
    up = f'min by (channel, probe, location) (mysterybot_reach_up{{mailbox="", {HERE}}})'
    phases = f'avg by (phase) (mysterybot_reach_duration_seconds{{mailbox="", {HERE}}})'
    ends = f'mysterybot_reach_certificate_expiry_timestamp_seconds{{mailbox="", {HERE}}} - time()'
    failed = f'sum by (channel, probe) ({_counted("reach_probes_total", f"""result="failure", mailbox="", {HERE}""", "$__interval")})'
    return [
        states("Ways in", "Every probe, from every location.", Asked(up, "{{channel}} ({{probe}}) from {{location}}"), good="open", bad="shut"),
        lines("How long a probe takes", "By phase.", Asked(phases, "{{phase}}"), unit="s"),
        lines("Probes that failed", "Each try counts, also one that a second try mended.", Asked(failed, "{{channel}} ({{probe}})"), bars=True),
        number("Certificates that end soon", "Within two weeks.", Asked(f"count({ends} < 14 * 86400) or vector(0)"), colours=steps((None, GREEN), (1, RED)), width=6),
        lines("Submitting the form", "From opening the page to its confirmation; nothing without a form.", *_percentiles("form_submit_seconds", HERE), unit="s", width=18),
    ]  # fmt: skip
