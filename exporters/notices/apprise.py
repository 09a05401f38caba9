"""The many services that the library Apprise knows. It is imported when the config names one, and not before."""

import asyncio
import logging
from typing import Any

from exporters.notices.told import NotTold
from probes.mail.account import is_loopback
from probes.secret import Secret

DEADLINE = 60.0


def service(url: Secret) -> Any:
    """The service of an Apprise URL. Raises ValueError, without the URL, for one that is none or would speak in clear."""
    import apprise  # noqa: PLC0415 - a third of a second, for those who use it

    for name in ("apprise", "requests", "urllib3"):  # they would log the address, and the token in it
        logging.getLogger(name).setLevel(logging.CRITICAL)
    found = apprise.Apprise.instantiate(
        url.reveal(), asset=apprise.AppriseAsset(http_redirects=False, app_id="mysterybot"), suppress_exceptions=True
    )
    if found is None:
        raise ValueError("should be an URL of Apprise for a service that it knows, such as ntfys://HOST/TOPIC")
    encrypting = found.secure_protocol or ()
    encrypted = found.secure or found.schema in ((encrypting,) if isinstance(encrypting, str) else encrypting)
    here = is_loopback(found.host or "")
    if not encrypted and not here:
        raise ValueError("should be a service that is spoken to over TLS, such as ntfys:// instead of ntfy://")
    if not found.verify_certificate and not here:
        raise ValueError("should not leave certificates unchecked: verify=no is for loopback hosts only")
    found.redirects = False  # whatever the URL says: a token goes to where the config says and nowhere else
    return found


async def tell(url: Secret, title: str, text: str) -> None:
    """Tell it; NotTold when the service did not take it. What it said is not known: Apprise only logs that, and with the URL."""
    try:
        async with asyncio.timeout(DEADLINE):
            told = await asyncio.to_thread(service(url).notify, body=text, title=title)
    except TimeoutError:
        raise NotTold(f"the service did not answer within {DEADLINE:.0f} s") from None
    except Exception as error:  # 130 plug-ins of strangers: anything may come, and its words may hold the URL
        raise NotTold(f"Apprise broke: {type(error).__name__}") from None
    if not told:
        raise NotTold("the service did not take it")
