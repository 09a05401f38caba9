"""Is a form all there, as a customer's browser shows it? Nothing is filled in or sent."""

import asyncio
from urllib.parse import urlsplit

from probes.errors import BrowserMissing, NameNotResolved, ProbeError, Unreachable
from probes.form.browser import Browser
from probes.form.channel import FormChannel
from probes.reach.line import one_line
from probes.reach.network import name_server_answers
from probes.reach.reached import Reached
from probes.reach.reserved import reserved


async def probe(target: FormChannel, *, timeout: float, browser: Browser) -> Reached:  # noqa: ASYNC109 - the probes' one signature
    """Open the page in the browser and find every field and the button. Phases: load, find.

    The channel's own timeout holds for page and fields; `timeout` for all of it, waiting for a free browser included, which
    is our side. So is a browser that is missing, or dies.
    """
    try:
        async with asyncio.timeout(timeout):
            looked = await browser.look(target)
    except (BrowserMissing, Unreachable) as error:
        return Reached(None, {}, one_line(str(error)))
    except NameNotResolved as error:
        host = urlsplit(target.form).hostname or ""
        ours = not reserved(host) and not await name_server_answers()
        return Reached(None if ours else False, {}, one_line(str(error)))
    except TimeoutError:
        return Reached(None, {}, f"the browser was busy for {timeout:g} seconds")
    except (
        ProbeError
    ) as error:  # the page, or the config is out of date: either way a customer's way in is not as it should be
        return Reached(False, {}, one_line(str(error)))
    return Reached(True, looked.phases, None)
