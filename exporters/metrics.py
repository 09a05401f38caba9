"""Every metric that mysterybot exposes, in one table: what is written here is what a scrape shows.

Names stand without their prefix `mysterybot_`. Times are seconds, moments are seconds since the epoch. Every metric
also has the label `location`, which says where this bot runs. docs/metrics.md tells the same at length.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

PREFIX: Final = "mysterybot_"
LOCATION: Final = "location"
VERDICTS: Final = ("passed", "failed", "faulted")
RESULTS: Final = ("ok", "problem", "unknown")
CLOCKS: Final = ("calendar", "business")

VISIT: Final = ("visit", "desk", "channel")
TARGET: Final = ("desk", "channel", "mailbox", "target", "probe")
"""What a reach probe looked at: a desk's channel, a mailbox of ours or a target of the config's `reach`, and how. Those that
do not apply are empty."""

OUTCOMES: Final = ("success", "failure", "fault")
"""Of a reach probe: it got through, it did not, or it could not be tried for a reason on our side."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `labels` are without `location`."""

    name: str
    type: Literal["gauge", "counter", "histogram", "info"]
    labels: tuple[str, ...]
    help: str

    @property
    def full_name(self) -> str:
        """The name as Prometheus stores it; a histogram's series add _bucket, _sum and _count."""
        return PREFIX + self.name


_TABLE: Final = (
    # --- can the desk be reached at all
    Metric("desk_info", "info", ("desk", "name"), "The desk's name as people say it; always 1."),
    Metric("reach_up", "gauge", TARGET, "Whether the last reach probe got through: 1 or 0."),
    Metric(
        "reach_address_up",
        "gauge",
        (*TARGET, "ip"),
        "The same for each kind of address that the host has: IPv4 and IPv6.",
    ),
    Metric("reach_duration_seconds", "gauge", (*TARGET, "phase"), "How long each phase of the last reach probe took."),
    Metric("reach_last_run_timestamp_seconds", "gauge", TARGET, "When the last reach probe ended."),
    Metric(
        "reach_certificate_expiry_timestamp_seconds",
        "gauge",
        TARGET,
        "When the first certificate of the server's chain expires.",
    ),
    Metric("reach_probes_total", "counter", (*TARGET, "result"), "Reach probes, retries among them, by result."),
    Metric("reach_retries_total", "counter", TARGET, "Reach probes that repeated one which had failed just before."),
    # --- is it to be reached at all, now
    Metric("desk_open", "gauge", ("desk",), "Whether the desk's business hours run: 1 or 0; always 1 without hours."),
    Metric("desk_maintenance", "gauge", ("desk",), "Whether the desk is under maintenance, and left alone: 1 or 0."),
    # --- visits and their conversations
    Metric("visit_conversations_total", "counter", (*VISIT, "verdict"), "Conversations that ended, by verdict."),
    Metric("visit_last_run_timestamp_seconds", "gauge", VISIT, "When the visit last began a conversation."),
    Metric("visit_last_success_timestamp_seconds", "gauge", VISIT, "When a conversation of the visit last passed."),
    Metric("visit_interval_seconds", "gauge", VISIT, "Time between two runs of the visit, by its timetable."),
    Metric(
        "visit_next_run_timestamp_seconds",
        "gauge",
        VISIT,
        "When the timetable looks at the visit next: in the past only when it is stuck.",
    ),
    Metric(
        "visit_consecutive_failures",
        "gauge",
        VISIT,
        "Conversations in a row, up to now, in which the desk failed; faulted ones are left aside.",
    ),
    Metric(
        "visit_consecutive_faults", "gauge", VISIT, "Conversations in a row, up to now, that faulted through ourselves."
    ),
    Metric("visit_open_conversations", "gauge", VISIT, "Conversations that are under way."),
    Metric(
        "visit_waiting_since_timestamp_seconds",
        "gauge",
        VISIT,
        "When the oldest message of ours was accepted that no person has answered yet; absent when none waits.",
    ),
    Metric(
        "visit_reply_due_timestamp_seconds",
        "gauge",
        (*VISIT, "promise"),
        "When the first promise runs out that the desk has yet to keep in an open conversation; absent when there is none.",
    ),
    # --- how long a customer waits
    Metric("acknowledgement_seconds", "histogram", VISIT, "Our first message to the first automatic answer."),
    Metric("first_reply_seconds", "histogram", (*VISIT, "clock"), "Our first message to the first reply of a person."),
    Metric(
        "next_reply_seconds", "histogram", (*VISIT, "clock"), "Each later message of ours to the reply of a person."
    ),
    Metric(
        "resolution_seconds",
        "histogram",
        (*VISIT, "clock"),
        "Our first message to the last reply of a person, in conversations that passed.",
    ),
    Metric("form_submit_seconds", "histogram", VISIT, "Opening a form's page to its confirmation."),
    # --- what the desk promised
    Metric("promise_seconds", "gauge", (*VISIT, "promise"), "The time that the desk promises."),
    Metric("promises_kept_total", "counter", (*VISIT, "promise"), "Promises that were kept."),
    Metric("promises_missed_total", "counter", (*VISIT, "promise"), "Promises that were missed."),
    Metric(
        "undelivered_total", "counter", VISIT, "Messages of ours that the desk's side refused or returned for good."
    ),
    # --- what was found in its answers
    Metric("findings_total", "counter", (*VISIT, "check", "result"), "Findings about replies, by check and result."),
    Metric("second_opinions_total", "counter", (*VISIT, "result"), "Second opinions on replies, by what they say."),
    # --- ourselves: watch the watcher
    Metric("mailbox_up", "gauge", ("mailbox",), "Whether the mailbox is open and under watch: 1 or 0."),
    Metric("mailbox_clock_skew_seconds", "gauge", ("mailbox",), "Our clock minus the mail server's."),
    Metric("mailbox_unmatched_total", "counter", ("mailbox",), "Mails that belong to no conversation."),
    Metric("detection_lag_seconds", "histogram", ("mailbox",), "A mail's delivery to when we saw it."),
    Metric("delivery_seconds", "histogram", ("mailbox",), "A control mail's acceptance to its delivery."),
    Metric("control_mail_lost_total", "counter", ("mailbox",), "Control mails that were accepted and did not arrive."),
    Metric("sends_uncertain_total", "counter", VISIT, "Sends of which nobody knows whether they went out."),
    Metric(
        "notifications_total",
        "counter",
        ("place", "result"),
        "Notices to people that were taken in (sent), or given up after a day (failed).",
    ),
    Metric("timetable_lag_seconds", "gauge", (), "How long the most overdue visit has waited to be looked at."),
    Metric("paused", "gauge", (), "Whether new contacts are stopped: 1 or 0."),
    Metric("config_last_reload_successful", "gauge", (), "Whether the config was good when it was last read: 1 or 0."),
    Metric(
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        (),
        "When a good config was last read, or the bot started.",
    ),
    Metric("build_info", "info", ("version",), "The running version; always 1."),
)

METRICS: Final = MappingProxyType({metric.name: metric for metric in _TABLE})
"""By name, in the order of a scrape."""
