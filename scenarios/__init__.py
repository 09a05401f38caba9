"""What a mystery customer does: one scenario a file.

A new one: write it in a file of its own, add its name here, and an example to docs/scenarios.md.
"""

BUILT_IN = {
    "ask_and_follow_up": "scenarios.ask_and_follow_up:ask_and_follow_up",
    "acknowledged": "scenarios.acknowledged:acknowledged",
    "intact": "scenarios.intact:intact",
    "parity": "scenarios.parity:parity",
    "reopen": "scenarios.reopen:reopen",
    "repeat_customer": "scenarios.repeat_customer:repeat_customer",
    "upset_customer": "scenarios.upset_customer:upset_customer",
    "off_hours": "scenarios.off_hours:off_hours",
}
"""Name in the config → module and function; loaded when a visit names it."""
