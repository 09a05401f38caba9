import ssl
from pathlib import Path

import pytest
import trustme

from probes.errors import FieldNotFound, NameNotResolved, PageUnreachable, Unreachable
from probes.form.browser import Browser
from probes.form.load import unreachable
from tests.probes.form.contact import FORM, channel, submit
from tests.probes.form.site import END, HANG, Site, redirect, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def fails(browser: Browser, url: str, match: str, *, seconds: float = 10) -> None:
    with pytest.raises(PageUnreachable, match=match) as error:
        await submit(browser, channel(url, timeout=seconds))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


async def test_an_http_error_is_an_unreachable_page(browser: Browser, site: Site) -> None:
    await fails(
        browser, site.page("/contact", FORM, status="500 Internal Server Error"), "HTTP 500 Internal Server Error"
    )


async def test_a_refused_connection_is_an_unreachable_page(browser: Browser, unused_tcp_port: int) -> None:
    await fails(browser, f"http://127.0.0.1:{unused_tcp_port}/", "connection was refused")


async def test_a_page_that_never_answers_is_given_up(browser: Browser, site: Site, tmp_path: Path) -> None:
    url = site.on("/contact", lambda _: HANG)
    with pytest.raises(PageUnreachable, match="did not load within 1 seconds"):
        await submit(browser, channel(url, timeout=1), evidence=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"screenshot.jpg", "trace.zip"}


async def test_a_page_without_an_answer_is_unreachable(browser: Browser, site: Site) -> None:
    await fails(browser, site.on("/contact", lambda _: END), "closed the connection without an answer")


async def test_endless_redirects_are_an_unreachable_page(browser: Browser, site: Site) -> None:
    await fails(browser, site.on("/contact", lambda _: redirect("/contact")), "redirects without end")


async def test_a_page_that_reloads_itself_for_ever_is_given_up(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", "<script>location.reload()</script>"), timeout=2)
    with pytest.raises((PageUnreachable, FieldNotFound)):
        await submit(browser, form)


async def test_a_certificate_of_nobody_we_trust_is_an_unreachable_page(browser: Browser) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with running(context) as site:
        site.page("/contact", FORM)
        await fails(browser, f"{site.url}/contact", "bad certificate: its authority is not trusted")


async def test_a_download_is_no_page(browser: Browser, site: Site) -> None:
    url = site.page("/contact", FORM, headers="Content-Disposition: attachment; filename=form.html\r\n")
    await fails(browser, url, "a download, or no page")


async def test_a_host_without_an_address_is_told_apart(browser: Browser) -> None:
    with pytest.raises(NameNotResolved, match="no address"):
        await submit(browser, channel("http://no-such-host.invalid/"))


async def test_a_page_whose_script_never_ends_is_given_up(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.form.patience.ANSWER_SECONDS", 1)
    monkeypatch.setattr("probes.form.evidence.SECONDS", 1)
    url = site.page("/contact", FORM + "<script>onload = () => setTimeout(() => { for (;;); }, 0)</script>")
    await fails(browser, url, "does not react")
    site.page("/next", FORM)
    await browser.look(channel(site.url + "/next"))


async def test_a_picture_that_never_loads_does_not_keep_a_customer_from_the_form(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM + "<img src=/tracker.png>"), timeout=3)
    site.on("/tracker.png", lambda _: HANG)
    site.page("POST /send", "Thank you")
    assert (await submit(browser, form)).confirmation == "Thank you"


async def test_a_page_with_five_megabytes_of_text_is_filled_in_all_the_same(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM + "<p>" + "word " * 1_000_000))
    site.page("POST /send", "Thank you" + "<p>" + "word " * 1_000_000)
    assert len((await submit(browser, form)).confirmation) <= 4000


async def test_our_own_network_is_not_the_desks_fault() -> None:
    error = unreachable("http://desk.example/", "Page.goto: net::ERR_INTERNET_DISCONNECTED at http://desk.example/")
    assert isinstance(error, Unreachable)
    assert "this machine is not connected" in str(error)


async def test_an_error_of_the_browser_without_a_name_of_ours_is_told_by_its_own() -> None:
    assert "ERR_QUIC_PROTOCOL_ERROR" in str(unreachable("http://x/", "net::ERR_QUIC_PROTOCOL_ERROR"))
    assert "bad certificate (ERR_CERT_REVOKED)" in str(unreachable("http://x/", "net::ERR_CERT_REVOKED"))
