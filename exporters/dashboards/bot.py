"""The bot itself: who watches the watcher."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import BigValueTextMode

from exporters.dashboards.parts import (
    BLUE,
    GREEN,
    RED,
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
    states,
    steps,
)

HERE = 'location=~"$location"'
OURS = steps((None, GREEN), (1, YELLOW))


def bot() -> builders.Dashboard:
    """Does it run, can it read its mailboxes, does it keep its timetable."""
    board = dashboard(
        "mysterybot-bot",
        "mysterybot · Bot",
        "The bot's own health. While it is ill, little is known of the desks.",
        start="now-24h",
    )
    board.with_variable(choice("location", "Location", "mysterybot_build_info"))
    add_rows(
        board,
        ("Now", _now()),
        ("Mailboxes", _mailboxes()),
        ("Timetable and sending", _timetable()),
        ("The process", _process()),
    )
    return board


def _now() -> list[Panel]:
    boxes = f"mysterybot_mailbox_up{{{HERE}}}"
    return [
        number("Running", "Bots that Prometheus gets metrics from.", Asked(f"count(mysterybot_build_info{{{HERE}}}) or vector(0)"), colours=steps((None, RED), (1, GREEN))),
        number("Version", "Of each bot.", Asked(f"mysterybot_build_info{{{HERE}}}", "{{version}} at {{location}}")).text_mode(BigValueTextMode.NAME),
        number("Mailboxes up", "Open and under watch.", Asked(f"sum({boxes}) / count({boxes})"), unit="percentunit", colours=steps((None, RED), (1, GREEN)), empty="no mailbox"),
        number("Paused", "New contacts are stopped.", Asked(f"max(mysterybot_paused{{{HERE}}})"), unit="bool_yes_no", colours=OURS),
        number("Last reload of the config", "1 when it was taken, 0 when it was refused.", Asked(f"min(mysterybot_config_last_reload_successful{{{HERE}}})"), unit="bool_yes_no", colours=steps((None, RED), (1, GREEN))),
        number("Faulted", "Conversations in the chosen time that came to nothing through ourselves.", Asked(f'sum(increase(mysterybot_visit_conversations_total{{verdict="faulted", {HERE}}}[$__range]))'), colours=OURS, link="${bot}/conversations?verdict=faulted"),
    ]  # fmt: skip


def _mailboxes() -> list[Panel]:
    detection = (
        f"sum by (mailbox, location, le) (increase(mysterybot_detection_lag_seconds_bucket{{{HERE}}}[$__range]))"
    )
    delivery = f"sum by (mailbox, location, le) (increase(mysterybot_delivery_seconds_bucket{{{HERE}}}[$__range]))"
    return [
        states("Mailboxes", "Whether INBOX is open and under watch.", Asked(f"min by (mailbox, location) (mysterybot_mailbox_up{{{HERE}}})", "{{mailbox}} at {{location}}"), good="up", bad="down", width=12),
        states("Their servers", "Reach probes of SMTP and IMAP.", Asked(f'min by (mailbox, probe, location) (mysterybot_reach_up{{mailbox!="", {HERE}}})', "{{mailbox}} {{probe}} from {{location}}"), good="reachable", bad="not reachable", width=12),
        rows(
            "Mailboxes",
            "A row a mailbox of each bot. Times are of the chosen time.",
            ["mailbox", "location"],
            [
                Column("up", f"min by (mailbox, location) (mysterybot_mailbox_up{{{HERE}}})", "bool_yes_no", ((None, RED), (1, GREEN))),
                Column("our clock is ahead by", f"max by (mailbox, location) (mysterybot_mailbox_clock_skew_seconds{{{HERE}}})", "s"),
                Column("seen after (nine of ten)", f"histogram_quantile(0.9, {detection}) >= 0", "s"),
                Column("control mail takes (half)", f"histogram_quantile(0.5, {delivery}) >= 0", "s"),
                Column("control mails lost", f"sum by (mailbox, location) (increase(mysterybot_control_mail_lost_total{{{HERE}}}[$__range]))", "short", ((None, GREEN), (1, RED))),
                Column("unmatched", f"sum by (mailbox, location) (increase(mysterybot_mailbox_unmatched_total{{{HERE}}}[$__range]))"),
            ],
            links={"unmatched": ("mail that belongs to no conversation", "${bot}/unmatched")},
        ),
    ]  # fmt: skip


def _process() -> list[Panel]:
    of_ours = f"and on (instance) mysterybot_build_info{{{HERE}}}"
    return [
        lines("Memory", "Resident, of each process.", Asked(f"process_resident_memory_bytes {of_ours}", "{{instance}}"), unit="bytes"),
        lines("Processor", "Cores in use, of each process.", Asked(f"rate(process_cpu_seconds_total[5m]) {of_ours}", "{{instance}}")),
    ]  # fmt: skip


def _timetable() -> list[Panel]:
    late = f"time() - mysterybot_visit_next_run_timestamp_seconds{{{HERE}}} > 0"
    return [
        number("Timetable's lag", "How late it was at its last look.", Asked(f"max(mysterybot_timetable_lag_seconds{{{HERE}}})"), unit="s", colours=steps((None, GREEN), (60, YELLOW), (600, RED))),
        number("Visits overdue", "Their time is past and the timetable has not looked at them.", Asked(f"count({late}) or vector(0)"), colours=OURS),
        number("Sends uncertain", "In the chosen time: nobody knows whether they went out.", Asked(f"sum(increase(mysterybot_sends_uncertain_total{{{HERE}}}[$__range]))"), colours=OURS),
        number("Conversations under way", "Open, most of them waiting.", Asked(f"sum(mysterybot_visit_open_conversations{{{HERE}}})"), link="${bot}/conversations?verdict=open"),
        number("Oldest probe", "Since when a reach probe has not run.", Asked(f"max(time() - mysterybot_reach_last_run_timestamp_seconds{{{HERE}}})"), unit="s"),
        number("Faulted in a row", "The worst visit.", Asked(f"max(mysterybot_visit_consecutive_faults{{{HERE}}})"), colours=steps((None, GREEN), (1, YELLOW), (2, RED))),
        lines("Conversations under way", "By visit.", Asked(f"sum by (visit, location) (mysterybot_visit_open_conversations{{{HERE}}})", "{{visit}} at {{location}}")),
        lines("Time since a visit last began", "By visit; its interval is what it should not exceed for long.", Asked(f"time() - mysterybot_visit_last_run_timestamp_seconds{{{HERE}}}", "{{visit}} at {{location}}"), Asked(f"max(mysterybot_visit_interval_seconds{{{HERE}}})", "longest interval"), unit="s", colours={"longest interval": BLUE}),
    ]  # fmt: skip
