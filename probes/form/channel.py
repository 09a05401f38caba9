"""A desk's contact form, as the config describes it."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from probes.settings import Settings


def _page(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise ValueError(f"is not an address of a page: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(c.isspace() for c in url):
        raise ValueError("should be the address of a page, such as https://desk.example/contact")
    if parts.username or parts.password:
        raise ValueError("should not hold a user name or password")
    return url


def _words(value: object) -> object:
    # YAML has true and 5 where a person ticks a box or chooses "5": both are meant as text here.
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


PageUrl = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_page)]
"""Address of a web page, http or https, without credentials."""

Control = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
"""A field or button: its label, placeholder, accessible name or name attribute, or a selector such as `#id_title`."""


class FormChannel(Settings):
    """A form that a customer fills in: where it is, what goes into which field, what is clicked, what is then read."""

    form: Annotated[PageUrl, Field(description="Address of the page")]
    fields: Annotated[
        dict[Control, Annotated[str, BeforeValidator(_words)]],
        Field(
            min_length=1, max_length=100, description="Label of a field (or a selector such as #id_title): what goes in"
        ),
    ]
    submit: Annotated[Control, Field(description="What stands on the button (or a selector)")]
    success: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
        Field(
            description="Text that the page shows when it was received; without it any page without an error will do"
        ),
    ] = None
    timeout: Annotated[
        float, Field(gt=0, le=600, description="Seconds to load and fill the page, and again to be confirmed")
    ] = 30
