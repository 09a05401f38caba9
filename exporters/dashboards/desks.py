"""All desks at a glance."""

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
    states,
    steps,
)

HERE = 'desk=~"$desk", channel=~"$channel", location=~"$location"'
WAYS_IN = f'mysterybot_reach_up{{mailbox="", {HERE}}}'
NOBODY = f"sum by (desk) (mysterybot_visit_open_conversations{{{HERE}}}) * 0"
BAD_FROM_ONE = steps((None, GREEN), (1, RED))
KEPT = steps((None, RED), (0.8, YELLOW), (0.95, GREEN))


def _counted(metric: str, more: str = "") -> str:
    return f"increase(mysterybot_{metric}{{{more}{HERE}}}[$__range])"


def _by_desk(expr: str) -> str:
    return f"sum by (desk) ({expr})"


def _kept(by: str) -> str:
    kept, missed = (f"sum{by} ({_counted(f'promises_{what}_total')})" for what in ("kept", "missed"))
    return f"{kept} / ({kept} + {missed} > 0)"


def _quantile(share: float) -> str:
    buckets = _counted("first_reply_seconds_bucket", 'clock="business", ')
    return f"histogram_quantile({share}, sum by (desk, le) ({buckets})) >= 0"


def desks() -> builders.Dashboard:
    """Which desk needs somebody now, and how all of them have fared."""
    board = dashboard(
        "mysterybot-desks",
        "mysterybot · Desks",
        "What a customer gets at each desk: can it be reached, does somebody answer, are promises kept.",
        start="now-7d",
    )
    for name, label in (("desk", "Desk"), ("channel", "Channel"), ("location", "Location")):
        board.with_variable(choice(name, label, "mysterybot_visit_open_conversations"))
    add_rows(board, ("Now", _now()))
    board.with_panel(_table())
    board.with_panel(
        states(
            "Ways in",
            "Reach probes of every channel, from every location.",
            Asked(
                f"min by (desk, channel, probe, location) ({WAYS_IN})",
                "{{desk}} {{channel}} ({{probe}}) from {{location}}",
            ),
            good="open",
            bad="shut",
        )
    )
    board.with_row(builders.Row("In the chosen time"))
    verdicts = f"sum by (verdict) (increase(mysterybot_visit_conversations_total{{{HERE}}}[$__interval]))"
    board.with_panel(
        lines(
            "Conversations that ended",
            "passed, failed (the desk's side) or faulted (ours).",
            Asked(verdicts, "{{verdict}}"),
            bars=True,
            colours=VERDICT_COLOURS,
        )
    )
    board.with_panel(
        lines(
            "Longest wait",
            "How long the customer has waited who waits longest, at that moment.",
            Asked(
                f"max by (desk) (time() - mysterybot_visit_waiting_since_timestamp_seconds{{{HERE}}}) or {NOBODY}",
                "{{desk}}",
            ),
            unit="s",
        )
    )
    board.with_panel(
        shares(
            "Promises kept",
            "Of those that were judged in the chosen time.",
            Asked(_kept(" by (desk, promise)"), "{{desk}}: {{promise}}"),
            colours=KEPT,
        )
    )
    problems = _counted("findings_total", 'result="problem", ')
    board.with_panel(
        shares(
            "What replies lack",
            "Problems found in replies in the chosen time, the most frequent first.",
            Asked(f"topk(12, sum by (check) ({problems}))", "{{check}}"),
            unit="short",
            colours=steps((None, YELLOW)),
        )
    )
    return board


def _now() -> list[Panel]:
    waiting = f"mysterybot_visit_waiting_since_timestamp_seconds{{{HERE}}}"
    due = f"mysterybot_visit_reply_due_timestamp_seconds{{{HERE}}}"
    failed = _counted("visit_conversations_total", 'verdict="failed", ')
    return [
        number("Ways in that are open", "Reach probes of the desks' channels that got through.", Asked(f"sum({WAYS_IN}) / count({WAYS_IN})"), unit="percentunit", colours=steps((None, RED), (1, GREEN)), empty="not probed"),
        number("Customers who wait", "Conversations in which no person has answered yet.", Asked(f"count({waiting}) or vector(0)"), link="${bot}/conversations?verdict=open"),
        number("Longest wait", "Since when the customer waits who waits longest.", Asked(f"max(time() - {waiting}) or vector(0)"), unit="s"),
        number("Overdue now", "Promises that have run out while the customer still waits, in the desk's own hours.", Asked(f"count({due} < time()) or vector(0)"), colours=BAD_FROM_ONE),
        number("Failed", "Conversations in the chosen time in which the desk let its customer down.", Asked(f"sum({failed})"), colours=BAD_FROM_ONE, link="${bot}/conversations?verdict=failed"),
        number("Promises kept", "Of those that were judged in the chosen time.", Asked(_kept("")), unit="percentunit", colours=KEPT, empty="none judged"),
    ]  # fmt: skip


def _table() -> Panel:
    since, due = (f"mysterybot_visit_{what}_timestamp_seconds{{{HERE}}}" for what in ("waiting_since", "reply_due"))
    failed, problems = (
        _counted("visit_conversations_total", 'verdict="failed", '),
        _counted("findings_total", 'result="problem", '),
    )
    return rows(
        "Desks",
        "A row a desk. Times are of the first reply, in business hours, in the chosen time.",
        ["desk"],
        [
            Column("open", f"min by (desk) ({WAYS_IN})", "bool_yes_no", ((None, RED), (1, GREEN))),
            Column("waiting", f"count by (desk) ({since}) or {NOBODY}"),
            Column("overdue", f"count by (desk) ({due} < time()) or {NOBODY}", "short", ((None, GREEN), (1, RED))),
            Column("half answered within", _quantile(0.5), "s"),
            Column("nine of ten within", _quantile(0.9), "s"),
            Column("promises kept", _kept(" by (desk)"), "percentunit", ((None, RED), (0.8, YELLOW), (0.95, GREEN))),
            Column("failed", _by_desk(failed), "short", ((None, GREEN), (1, RED))),
            Column("problems", _by_desk(problems)),
        ],
        links={"desk": ("this desk", "/d/mysterybot-desk?var-desk=${__value.raw}&${__url_time_range}")},
    )
