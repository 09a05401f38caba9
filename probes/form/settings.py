"""Which browser to use, and how hard."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probes.secret import Secret
from probes.settings import Settings, SettingsPath

Mode = Literal["launch", "ws", "cdp"]


class BrowserSettings(Settings):
    """One browser for all visits: launched here (the default), or a remote one over `ws` or `cdp`."""

    launch: Annotated[bool, Field(description="Start a browser on this machine; the default without ws or cdp")] = True
    ws: Annotated[Secret | None, Field(description="Address of a Playwright server (ws:// or wss://)")] = None
    cdp: Annotated[
        Secret | None, Field(description="Address of a browser's DevTools (http://, https://, ws:// or wss://)")
    ] = None
    executable: Annotated[
        SettingsPath | None, Field(description="Path of the browser; it is searched for when left out")
    ] = None
    concurrency: Annotated[
        int | None, Field(ge=1, le=64, description="Visits at once; default: one a processor core")
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.ws and self.cdp:
            raise ValueError("give ws or cdp, not both")
        if (self.ws or self.cdp) and self.executable:
            raise ValueError("executable is for a browser that is launched here, not for a remote one")
        if not (self.launch or self.ws or self.cdp):
            raise ValueError("launch: false needs ws or cdp")
        for name, secret, schemes in (
            ("ws", self.ws, ("ws://", "wss://")),
            ("cdp", self.cdp, ("http://", "https://", "ws://", "wss://")),
        ):
            if secret and secret.known and not secret.reveal().startswith(schemes):
                raise ValueError(f"{name} should start with {' or '.join(schemes)}")
        return self

    @property
    def mode(self) -> Mode:
        """How a browser is come by."""
        return "ws" if self.ws else "cdp" if self.cdp else "launch"
