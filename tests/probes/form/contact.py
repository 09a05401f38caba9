"""A contact form, and a customer who fills it in."""

from pathlib import Path
from typing import Any

from probes.form.browser import Browser, Submitted
from probes.form.channel import FormChannel

VALUES = {"Your e-mail": "anna@example.net", "Message": "Where is my parcel?\nOrder 4711"}
FORM = """<h1>Contact</h1><form method=post action=/send>
    <label for=m>Your e-mail *</label><input id=m name=mail type=email required>
    <label>Message: <textarea name=message required></textarea></label>
    <button>Send <i>→</i></button></form>"""


def channel(url: str, **changes: Any) -> FormChannel:
    usual = {
        "form": url,
        "fields": dict.fromkeys(VALUES, ""),
        "submit": "Send →",
        "success": "Thank you",
        "timeout": 10,
    }
    return FormChannel.model_validate(usual | changes)


class Engine:
    """The engine's side of a contact: it learns that the point of no return has come, once."""

    def __init__(self) -> None:
        self.committed = 0

    async def point_of_no_return(self) -> None:
        self.committed += 1


async def submit(
    browser: Browser, form: FormChannel, engine: Engine | None = None, *, evidence: Path | None = None, **values: str
) -> Submitted:
    """Fill in the usual values for the form's fields; `values` by the position-free names mail and message."""
    texts = {key: VALUES.get(key, "") for key in form.fields} | values
    point = (engine or Engine()).point_of_no_return
    return await browser.submit(form, texts, evidence=evidence, point_of_no_return=point)
