"""Pages and ports that are probed besides the desks' channels and the mailboxes, as the config describes them."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic_core import CoreSchema

from probes.form.channel import PageUrl
from probes.reach.line import Security
from probes.settings import Settings, SettingsFile


def host_and_port(text: str) -> tuple[str, int]:
    """Of `host:port`; an IPv6 address stands in brackets. ValueError when it is neither."""
    written = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", text)
    if written is None or int(written[2]) > 65535:
        raise ValueError("should be a host and a port, such as 127.0.0.1:9877")
    return written[1].strip("[]"), int(written[2])


def _endpoint(text: str) -> str:
    if host_and_port(text)[1] == 0:
        raise ValueError("should name a port from 1 to 65535")
    return text


Desk = Annotated[str | None, Field(description="Name of the desk that it belongs to: a label of its metrics")]
Authorities = Annotated[
    SettingsFile | None, Field(description="PEM file of authorities to trust instead of the system's")
]


class _Short(Settings):
    """A mapping, or only the text of its main key."""

    main: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, written: Any) -> Any:
        return {cls.main: written} if isinstance(written, str) else written

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{**whole["properties"][cls.main], "title": cls.__name__}, whole]}


class Page(_Short):
    """A page that should answer."""

    main = "url"

    url: Annotated[PageUrl, Field(description="Its address")]
    status: Annotated[
        int | None, Field(ge=100, le=599, description="Status that it answers with; default: any below 400")
    ] = None
    text: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
        Field(description="Text that the page shows, as it stands in its source"),
    ] = None
    ca_file: Authorities = None
    desk: Desk = None


class Port(_Short):
    """A TCP port that should be open."""

    main = "address"

    address: Annotated[
        str, AfterValidator(_endpoint), Field(description="Host and port", examples=["sip.acme.example:5061"])
    ]
    tls: Annotated[
        bool, Field(description="Whether it speaks TLS from the start, with a certificate that is valid")
    ] = False
    ca_file: Authorities = None
    desk: Desk = None

    @property
    def host(self) -> str:
        """The host of `address`."""
        return host_and_port(self.address)[0]

    @property
    def port(self) -> int:
        """The port of `address`."""
        return host_and_port(self.address)[1]

    @property
    def security(self) -> Security:
        """`tls` or `none`."""
        return "tls" if self.tls else "none"
