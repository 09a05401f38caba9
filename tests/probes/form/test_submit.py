import json
import zipfile
from pathlib import Path

import pytest

from probes.errors import FieldNotFound, NotConfirmed, SendUncertain
from probes.form.browser import Browser
from probes.form.patience import PageHangs
from tests.probes.form.contact import FORM, VALUES, Engine, channel, submit
from tests.probes.form.site import END, HANG, Site, answer, redirect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_form_is_filled_in_sent_and_confirmed(browser: Browser, site: Site, tmp_path: Path) -> None:
    form = channel(site.page("/contact", FORM))
    site.on("POST /send", lambda _: redirect("/thanks"))
    site.page("/thanks", "<p>THANK <b>YOU</b>, Anna!</p>" + "x" * 10_000)
    engine = Engine()
    sent = await submit(browser, form, engine, evidence=tmp_path / "visit")
    assert site.posts == [{"mail": "anna@example.net", "message": "Where is my parcel?\r\nOrder 4711"}]
    assert engine.committed == 1
    assert sent.confirmation.startswith("THANK YOU, Anna!")
    assert 3900 < len(sent.confirmation) <= 4000
    assert sent.url == site.url + "/thanks"
    assert list(sent.phases) == ["load", "find", "fill", "submit", "confirm"]
    assert all(seconds >= 0 for seconds in sent.phases.values())
    assert sent.screenshot == tmp_path / "visit/screenshot.jpg"
    assert sent.screenshot.read_bytes().startswith(b"\xff\xd8")
    assert [path.name for path in (tmp_path / "visit").iterdir()] == ["screenshot.jpg"]


async def test_a_form_that_a_script_sends_is_confirmed_under_a_strict_content_policy(
    browser: Browser, site: Site
) -> None:
    policy = "Content-Security-Policy: default-src 'self'\r\n"
    script = """document.querySelector("form").onsubmit = async (e) => { e.preventDefault();
        const r = await fetch("/api", {method: "POST", body: new URLSearchParams(new FormData(e.target))});
        document.body.innerHTML = "<p>Thank&nbsp;you</p>"; }"""
    form = channel(site.page("/contact", FORM + "<script src=/app.js></script>", headers=policy))
    site.on("/app.js", lambda _: answer(script, "text/javascript"))
    site.page("POST /api", "{}")
    sent = await submit(browser, form)
    assert sent.confirmation == "Thank you"
    assert len(site.posts) == 1


async def test_without_a_success_text_an_answer_without_an_error_is_enough(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM), success=None)
    site.page("POST /send", "We have it.")
    assert (await submit(browser, form)).confirmation == "We have it."


async def test_without_a_success_text_a_page_that_marks_a_field_as_wrong_confirms_nothing(
    browser: Browser, site: Site
) -> None:
    form = channel(site.page("/contact", FORM), success=None, timeout=2)
    site.page("POST /send", FORM + "<ul class=errorlist><li>Only customers may write</li></ul>")
    with pytest.raises(NotConfirmed, match="Only customers may write"):
        await submit(browser, form)


async def test_validation_errors_of_the_server_are_quoted(browser: Browser, site: Site, tmp_path: Path) -> None:
    form = channel(site.page("/contact", FORM), timeout=2)
    site.page(
        "POST /send",
        FORM + "<ul class=errorlist><li>This address is blocked</li></ul><p class=errorlist hidden>invisible</p>"
        "<label for=c>Customer number</label><input id=c aria-invalid=true aria-describedby=d><p id=d>is missing</p>",
        headers="Set-Cookie: session=hidden-from-us\r\n",
    )
    with pytest.raises(NotConfirmed, match=r'"Thank you" did not appear within 2 seconds.*address is blocked \| ') as e:
        await submit(browser, form, evidence=tmp_path)
    assert "Customer number: is missing" in str(e.value)
    assert "invisible" not in str(e.value)
    assert "\n" not in str(e.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["screenshot.jpg", "trace.zip"]


async def test_the_second_failure_of_a_form_is_traced_from_its_start_without_cookies(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    form = channel(site.page("/contact", FORM, headers="Set-Cookie: session=hidden-from-us\r\n"), timeout=1)
    site.page("POST /send", "No.")
    for _ in range(2):
        with pytest.raises(NotConfirmed):
            await submit(browser, form, evidence=tmp_path)
    with zipfile.ZipFile(tmp_path / "trace.zip") as trace:
        names = [name for name in trace.namelist() if name.endswith((".network", ".trace"))]
        lines = [line for name in names for line in trace.open(name)]
    loaded = [json.loads(line)["snapshot"] for line in lines if b'"resource-snapshot"' in line]
    assert [resource["request"]["url"] for resource in loaded] == [site.url + "/contact", site.url + "/send"]
    assert any(b"set-cookie" in line.lower() for line in lines)
    assert not any(b"hidden-from-us" in line for line in lines)
    site.page("POST /send", "Thank you")
    await submit(browser, form, evidence=tmp_path / "good")
    assert [path.name for path in (tmp_path / "good").iterdir()] == ["screenshot.jpg"]


async def test_a_text_that_stands_on_the_form_already_confirms_nothing(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM + "Thank you for your patience"), timeout=2)
    site.on("POST /send", lambda _: redirect("/contact"))
    with pytest.raises(NotConfirmed, match="did not appear"):
        await submit(browser, form)
    site.page("/done", "Thank you")
    site.on("POST /send", lambda _: redirect("/done"))
    assert (await submit(browser, form)).url == site.url + "/done"


async def test_a_page_that_hangs_after_its_confirmation_does_not_undo_it(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(page: object, limit: int, *, in_lines: bool) -> str:
        raise PageHangs

    monkeypatch.setattr("probes.form.submit.visible_text", hangs)
    form = channel(site.page("/contact", FORM))
    site.page("POST /send", "Thank you, Anna")
    assert (await submit(browser, form)).confirmation == "Thank you"


async def test_what_the_page_promises_is_read_in_its_lines_before_it_is_filled_in(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", f"<h1>Contact us</h1><p>We reply within\n2 hours.</p>{FORM}"))
    site.page("POST /send", "<h1>Thank you</h1><p>You hear from us today.</p>")
    sent = await submit(browser, form)
    assert sent.page.split("\n")[:2] == ["Contact us", "We reply within 2 hours."]
    assert "Anna" not in sent.page
    assert sent.confirmation.split("\n") == ["Thank you", "You hear from us today."]


async def test_an_error_of_the_server_ends_the_wait_at_once(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM), timeout=60)
    site.page("POST /send", "Sorry, the database is away", status="503 Service Unavailable")
    with pytest.raises(NotConfirmed, match=r"HTTP 503.*the database is away"):
        await submit(browser, form)


async def test_a_connection_that_dies_after_the_post_is_uncertain(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM), timeout=60)
    site.on("POST /send", lambda _: END)
    engine = Engine()
    with pytest.raises(SendUncertain, match="connection broke after the click"):
        await submit(browser, form, engine)
    assert engine.committed == 1


async def test_a_server_that_never_answers_the_post_has_not_confirmed(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    form = channel(site.page("/contact", FORM), timeout=1)
    site.on("POST /send", lambda _: HANG)
    with pytest.raises(NotConfirmed, match="did not answer within 1 seconds"):
        await submit(browser, form, evidence=tmp_path)
    assert (tmp_path / "screenshot.jpg").exists()


async def test_a_required_field_that_the_config_leaves_out_is_named_and_nothing_is_sent(
    browser: Browser, site: Site
) -> None:
    page = FORM.replace("<button>", "<label>Customer number <input name=c required></label><button>")
    engine = Engine()
    with pytest.raises(FieldNotFound, match=r'would not send the form.*"Customer number": .*fill'):
        await submit(browser, channel(site.page("/contact", page)), engine)
    assert (engine.committed, site.posts) == (0, [])


async def test_a_script_that_refuses_the_form_is_quoted_and_nothing_was_sent(browser: Browser, site: Site) -> None:
    page = (
        FORM.replace("<form", "<form novalidate")
        + """<script>document.forms[0].onsubmit = (e) => {
        e.preventDefault(); document.querySelector("#m").setAttribute("aria-invalid", "true") }</script>"""
    )
    with pytest.raises(FieldNotFound, match=r"nothing was sent.*Your e-mail"):
        await submit(browser, channel(site.page("/contact", page), timeout=1))
    assert site.posts == []


async def test_a_button_without_effect_is_the_desks_fault(browser: Browser, site: Site) -> None:
    page = FORM.replace("<button>", "<button type=button>")
    with pytest.raises(NotConfirmed, match="nothing was sent: the click on the button had no effect"):
        await submit(browser, channel(site.page("/contact", page), timeout=1))


async def test_a_button_under_a_banner_is_not_clicked(browser: Browser, site: Site) -> None:
    page = FORM + "<div id=cookies style='position:fixed;inset:0;background:white'>Accept our cookies</div>"
    engine = Engine()
    with pytest.raises(FieldNotFound, match=r"cannot be clicked: div#cookies .*covers it"):
        await submit(browser, channel(site.page("/contact", page), timeout=2), engine)
    assert (engine.committed, site.posts) == (0, [])


async def test_nothing_is_clicked_when_the_intent_could_not_be_committed(browser: Browser, site: Site) -> None:
    async def fails() -> None:
        raise TimeoutError("the journal is locked")

    form = channel(site.page("/contact", FORM))
    with pytest.raises(TimeoutError, match="the journal is locked"):
        await browser.submit(form, VALUES, evidence=None, point_of_no_return=fails)
    assert site.posts == []


async def test_dialogs_popups_and_downloads_do_not_keep_a_visit(browser: Browser, site: Site) -> None:
    page = (
        FORM
        + """<iframe src=/file></iframe><script>alert("Hello"); window.open("/other");
        navigator.geolocation.getCurrentPosition(() => {}); Notification.requestPermission()</script>"""
    )
    form = channel(site.page("/contact", page))
    site.page("/file", "x", headers="Content-Disposition: attachment; filename=virus.exe\r\n")
    site.page("POST /send", "Thank you")
    assert (await submit(browser, form)).confirmation == "Thank you"


async def test_each_visit_has_a_fresh_context(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM, headers="Set-Cookie: known=yes\r\n"))
    site.page("POST /send", "Thank you")
    await submit(browser, form)
    await submit(browser, form)
    assert [request.cookie for request in site.requests if request.path == "/contact"] == ["", ""]


async def test_looking_finds_all_and_sends_nothing(browser: Browser, site: Site, tmp_path: Path) -> None:
    looked = await browser.look(channel(site.page("/contact", FORM)), evidence=tmp_path)
    assert list(looked.phases) == ["load", "find"]
    assert looked.screenshot is not None
    with pytest.raises(FieldNotFound, match='no button "Send it"'):
        await browser.look(channel(site.url + "/contact", submit="Send it", timeout=1))
    assert site.posts == []
