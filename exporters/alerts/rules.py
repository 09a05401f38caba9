"""Every alert, in one table.

`Desk…` speaks of the desk: customers are let down. `Mysterybot…` speaks of ourselves: then nothing is known of the desk.
Visits are rare, so no rule uses rate(): it is streaks, moments and increase() over days. What a desk announced as its
maintenance is not told to anybody; whoever waits for a promise is told the moment that it runs out, which is reckoned in
the desk's business hours where it promised in these.

In an expression `$here` stands for the matcher of the bot's location, and `$name` for what follows from the config
(`exporters.alerts.write`).
"""

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule. `hold`: how long the expression must be true, in Prometheus's spelling or as a `$name`."""

    name: str
    severity: Severity
    expr: str
    summary: str
    description: str
    hold: str = "0s"
    quiet_in_maintenance: bool = False


DESK: Final = (
    '{{ with printf "mysterybot_desk_info{desk=\'%s\'}" $labels.desk | query }}{{ . | first | label "name" }}'
    "{{ else }}{{ $labels.desk }}{{ end }}"
)
"""The desk's name as people say it; where that is not known, its name in the config."""

ENDING: Final = (
    "The certificate of {{ $labels.desk }}{{ $labels.mailbox }} {{ $labels.channel }}{{ $labels.target }}"
    " {{ if lt $value 0.0 }}has ended{{ else }}ends in {{ $value | humanizeDuration }}{{ end }}"
)

REACHABLE: Final = (
    Alert(
        "DeskUnreachable",
        "critical",
        'mysterybot_reach_up{mailbox="", probe!="form", $here} == 0',
        f"{DESK}: customers cannot reach {{{{ $labels.channel }}}}{{{{ $labels.target }}}}",
        "The {{ $labels.probe }} probe of {{ $labels.channel }}{{ $labels.target }} has failed"
        " at every try of the last $two_probes.",
        hold="$two_probes",
        quiet_in_maintenance=True,
    ),
    Alert(
        "DeskFormBroken",
        "critical",
        'mysterybot_reach_up{probe="form", $here} == 0'
        ' unless on (desk, channel, location) mysterybot_reach_up{probe="http", $here} == 0',
        f"{DESK}: the form {{{{ $labels.channel }}}} cannot be filled in",
        "The page opens, but a field or the button that a customer needs was not found, twice in a row.",
        hold="$two_forms",
        quiet_in_maintenance=True,
    ),
    Alert(
        "DeskRefusingMessages",
        "critical",
        "increase(mysterybot_undelivered_total{$here}[$two_visits]) > 0"
        " and on (visit, desk, channel, location) mysterybot_visit_consecutive_failures{$here} > 0",
        f"{DESK}: what customers write to {{{{ $labels.channel }}}} is refused or comes back",
        "A mail bounced for good, an address was refused, or a form's page turned the customer away. The conversation quotes it.",
        quiet_in_maintenance=True,
    ),
    Alert(
        "CertificateEnding",
        "warning",
        "mysterybot_reach_certificate_expiry_timestamp_seconds{$here} - time() < 14 * 86400",
        ENDING,
        "Seen by the {{ $labels.probe }} probe. When it has ended, browsers and mail programs turn customers away.",
        hold="1h",
    ),
    Alert(
        "CertificateEndingNow",
        "critical",
        "mysterybot_reach_certificate_expiry_timestamp_seconds{$here} - time() < 2 * 86400",
        ENDING,
        "Seen by the {{ $labels.probe }} probe. When it has ended, browsers and mail programs turn customers away.",
    ),
)

ANSWERED: Final = (
    Alert(
        "DeskNotAcknowledging",
        "warning",
        'time() - mysterybot_visit_reply_due_timestamp_seconds{promise="acknowledgement", $here} > 0',
        f"{DESK}: no acknowledgement from {{{{ $labels.channel }}}}",
        "A customer of visit {{ $labels.visit }} should have had the automatic answer {{ $value | humanizeDuration }} ago.",
        hold="$a_moment",
        quiet_in_maintenance=True,
    ),
    Alert(
        "DeskNotAnswering",
        "critical",
        'time() - mysterybot_visit_reply_due_timestamp_seconds{promise=~"first_reply|next_reply", $here} > 0',
        f"{DESK}: a customer of {{{{ $labels.channel }}}} has waited longer than promised",
        "Visit {{ $labels.visit }}: the {{ $labels.promise }} was due {{ $value | humanizeDuration }} ago"
        " and nobody has answered.",
        hold="$a_moment",
        quiet_in_maintenance=True,
    ),
    Alert(
        "DeskFailing",
        "critical",
        "mysterybot_visit_consecutive_failures{$here} >= 2",
        f"{DESK}: {{{{ $value }}}} customers of {{{{ $labels.channel }}}} in a row were let down",
        "The last {{ $value }} conversations of visit {{ $labels.visit }} failed. Each tells why.",
        quiet_in_maintenance=True,
    ),
    Alert(
        "DeskMissingPromises",
        "critical",
        "sum by (desk, promise, location) (increase(mysterybot_promises_missed_total{$here}[1d]))"
        " / (sum by (desk, promise, location) (increase(mysterybot_promises_missed_total{$here}[1d]))"
        " + sum by (desk, promise, location) (increase(mysterybot_promises_kept_total{$here}[1d])) > 2.5) > 0.5",
        f"{DESK} broke {{{{ $value | humanizePercentage }}}} of its {{{{ $labels.promise }}}} promises today",
        "Of at least three promises that were judged in the last 24 hours.",
    ),
    Alert(
        "DeskMissingPromisesOften",
        "warning",
        "sum by (desk, promise, location) (increase(mysterybot_promises_missed_total{$here}[14d]))"
        " / (sum by (desk, promise, location) (increase(mysterybot_promises_missed_total{$here}[14d]))"
        " + sum by (desk, promise, location) (increase(mysterybot_promises_kept_total{$here}[14d])) > 9.5) > 0.1",
        f"{DESK} broke {{{{ $value | humanizePercentage }}}} of its {{{{ $labels.promise }}}} promises in two weeks",
        "Of at least ten promises that were judged in the last 14 days.",
    ),
    Alert(
        "DeskRepliesUnreadable",
        "warning",
        "sum by (desk, channel, check, location)"
        ' (increase(mysterybot_findings_total{check=~"no_reply|login_wall|form_only", result="problem", $here}[7d])) > 1.5',
        f"{DESK}: customers of {{{{ $labels.channel }}}} cannot simply read and answer replies",
        "{{ $labels.check }} was found in several replies of the last seven days.",
    ),
    Alert(
        "DeskRepliesInSpam",
        "warning",
        "sum by (desk, channel, location)"
        ' (increase(mysterybot_findings_total{check="spam_folder", result="problem", $here}[$two_visits])) > 0.5',
        f"{DESK}: replies from {{{{ $labels.channel }}}} land in the spam folder",
        "The customer's provider took a reply for spam. Few customers look there.",
    ),
)

OURSELVES: Final = (
    Alert(
        "MysterybotDown",
        "critical",
        # One of several bots is known by what it said lately; one of which nothing was ever heard, only by name.
        "count by (location) (last_over_time(mysterybot_build_info{$here}[7d]))"
        " unless on (location) mysterybot_build_info{$here}"
        " or on () absent(mysterybot_build_info{$here})",
        "mysterybot is not running{{ with $labels.location }} at {{ . }}{{ end }}",
        "Prometheus gets no metrics from it. Customers' troubles go unseen until it is back.",
        hold="5m",
    ),
    Alert(
        "MysterybotMailboxDown",
        "critical",
        "mysterybot_mailbox_up{$here} == 0",
        "mysterybot cannot read the mailbox {{ $labels.mailbox }}",
        "Answers that arrive are not seen. Response times stay right: they are reckoned from the server's own stamps.",
        hold="10m",
    ),
    Alert(
        "MysterybotMailServerUnreachable",
        "warning",
        'mysterybot_reach_up{mailbox!="", $here} == 0',
        "the {{ $labels.probe }} server of our mailbox {{ $labels.mailbox }} cannot be reached",
        "No probe has got through in the last $some_probes. Nobody new is contacted from this mailbox meanwhile.",
        hold="$some_probes",
    ),
    Alert(
        "MysterybotFaulting",
        "warning",
        "mysterybot_visit_consecutive_faults{$here} >= 2",
        "{{ $value }} conversations of visit {{ $labels.visit }} in a row came to nothing, through our own fault",
        "They say nothing about the desk, so nothing is known of it at the moment.",
    ),
    Alert(
        "MysterybotSendUncertain",
        "warning",
        "increase(mysterybot_sends_uncertain_total{$here}[6h]) > 0",
        "nobody knows whether a mail of visit {{ $labels.visit }} went out",
        "The connection broke, or the bot was killed, at the very moment of sending. It is never sent again by itself.",
    ),
    Alert(
        "MysterybotTimetableStuck",
        "critical",
        "time() - mysterybot_visit_next_run_timestamp_seconds{$here} > 600",
        "visit {{ $labels.visit }} should have begun {{ $value | humanizeDuration }} ago",
        "The bot answers, but its timetable does not go on.",
        hold="1m",
    ),
    Alert(
        "MysterybotReachStale",
        "warning",
        'time() - mysterybot_reach_last_run_timestamp_seconds{probe!="form", $here} > $five_probes',
        "{{ $labels.desk }}{{ $labels.mailbox }} {{ $labels.channel }}{{ $labels.target }} was last probed"
        " {{ $value | humanizeDuration }} ago",
        "What the bot says of this target ({{ $labels.probe }}) is old.",
        hold="1m",
    ),
    Alert(
        "MysterybotControlMailLost",
        "warning",
        "increase(mysterybot_control_mail_lost_total{$here}[1h]) > 0",
        "a control mail of mailbox {{ $labels.mailbox }} was lost",
        "Our own provider loses or delays mail, so a desk's silence proves nothing at the moment.",
    ),
    Alert(
        "MysterybotConfigReloadFailed",
        "warning",
        "mysterybot_config_last_reload_successful{$here} == 0",
        "mysterybot refused its new config and goes on with the old one",
        "Its log names file, line and key.",
        hold="5m",
    ),
    Alert(
        "MysterybotNoticesLost",
        "warning",
        'increase(mysterybot_notifications_total{result="failed", $here}[1d]) > 0',
        "notices to {{ $labels.place }} were given up",
        "They could not be delivered for a day. `mysterybot notify` tells why, and what was not told.",
    ),
    Alert(
        "MysterybotPaused",
        "info",
        "mysterybot_paused{$here} == 1",
        "mysterybot has been paused for a day",
        "No new customers are sent. `mysterybot resume` sends them again.",
        hold="1d",
    ),
    Alert(
        "MysterybotUnmatchedMail",
        "info",
        "increase(mysterybot_mailbox_unmatched_total{$here}[1d]) > 5",
        "mailbox {{ $labels.mailbox }} gets mail that belongs to no conversation",
        "Replies may be among them, which then count as missing: `mysterybot conversations unmatched` shows them.",
    ),
)

GROUPS: Final = {"mysterybot-reach": REACHABLE, "mysterybot-answers": ANSWERED, "mysterybot-itself": OURSELVES}
ALERTS: Final = (*REACHABLE, *ANSWERED, *OURSELVES)
