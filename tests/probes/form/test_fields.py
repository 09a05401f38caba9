import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import FieldNotFound
from probes.form.browser import Browser
from probes.form.fields import named_buttons, named_fields, same_text
from probes.form.survey import Button, Field
from tests.probes.form.contact import FORM, channel
from tests.probes.form.site import Site

ALL = """<form action=/search><label>Search <input name=q></label><label>E-mail <input name=news></label>
        <button>Send</button></form>
    <form method=post action=/send>
    <label for=mail>E-mail</label><input id=mail name=mail>
    <label for=queue>Queue *</label><select id=queue name=queue required><option value="">---</option>
        <option value=7>Customer help</option><option value=9>Billing</option></select>
    <input name=phone placeholder="Your phone">
    <input name=order aria-label="Order number"><span id=t>Town</span><input name=town aria-labelledby=t>
    <input name=plain><input name=trap style="display:none" aria-label="Website"><label for=trap>Website</label>
    <fieldset><legend>How urgent?</legend><label><input type=radio name=urgent value=1> Not at all</label>
        <label><input type=radio name=urgent value=2 style="display:none"> Very</label></fieldset>
    <label><input type=checkbox name=agree value=yes> I agree</label>
    <label><input type=checkbox name=news value=yes checked> Newsletter</label>
    <label>Twice <input name=a></label><label>Twice <input name=b></label>
    <label for=body>Your message</label><textarea id=body name=body style="display:none"></textarea>
    <div><div contenteditable=true style="min-height:2em"
        oninput="this.closest(`form`).elements.body.value = this.innerText"></div></div>
    <label>File <input type=file name=file></label>
    <div id=shadow></div><input type=submit value=Send></form>
    <script>document.querySelector("#shadow").attachShadow({mode: "open"}).innerHTML =
        "<label>In the shadow <input onchange='getRootNode().host.title = this.value'></label>"</script>"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def fill(browser: Browser, site: Site, **values: str) -> dict[str, str]:
    """What the site receives when the values are filled in; `_` in a key stands for a blank."""
    return await send(browser, site, {key.replace("_", " "): value for key, value in values.items()})


async def send(browser: Browser, site: Site, values: dict[str, str]) -> dict[str, str]:
    async def go_on() -> None:
        return

    site.page("POST /send", "Thank you")
    form = channel(site.page("/all", ALL), fields={"E-mail": "", "Queue": "", **values}, submit="Send", timeout=3)
    texts = {"E-mail": "a@example.net", "Queue": "customer HELP", **values}
    await browser.submit(form, texts, evidence=None, point_of_no_return=go_on)
    return site.posts[-1]


async def refused(browser: Browser, site: Site, match: str, **values: str) -> None:
    with pytest.raises(FieldNotFound, match=match):
        await fill(browser, site, **values)
    assert site.posts == []


async def test_every_kind_of_field_is_filled_in(browser: Browser, site: Site) -> None:
    sent = await send(
        browser,
        site,
        {
            "your PHONE": "+41 44 000",
            "Order number": "4711",
            "Town": "Basel",
            "plain": "by its name",
            "How urgent?": "Very",
            "I agree": "yes",
            "Newsletter": "no",
            "Your message": "Hello\nthere",
            "In the shadow": "dark",
        },
    )
    assert sent == {
        "mail": "a@example.net", "queue": "7", "phone": "+41 44 000", "order": "4711", "town": "Basel",
        "plain": "by its name", "trap": "", "urgent": "2", "agree": "yes", "a": "", "b": "",
        "body": "Hello\r\nthere", "file": "",
    }  # fmt: skip


async def test_selectors_point_at_fields_and_labels(browser: Browser, site: Site) -> None:
    sent = await send(browser, site, {"input[name=a]": "1", "#body": "2", "//input[@name='b']": "3"})
    assert (sent["a"], sent["body"], sent["b"]) == ("1", "2", "3")


async def test_a_text_selector_points_at_the_field_of_a_label(browser: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM), fields={"text=Your e-mail": "", "#nothing": ""}, timeout=1)
    with pytest.raises(FieldNotFound, match='no field "#nothing"'):
        await browser.look(form)
    looked = await browser.look(channel(site.url + "/contact", fields={"text=Your e-mail": ""}, submit="text=→"))
    assert set(looked.phases) == {"load", "find"}


async def test_a_missing_field_is_told_with_what_the_page_offers(browser: Browser, site: Site) -> None:
    await refused(
        browser, site, r'no field "Subject": the page offers .*"Queue \*" \[name=queue\].*"I agree"', Subject="x"
    )


async def test_a_field_that_is_not_seen_is_not_offered(browser: Browser, site: Site) -> None:
    await refused(browser, site, 'no field "Website"', Website="spam")


async def test_an_ambiguous_label_lists_its_candidates(browser: Browser, site: Site) -> None:
    await refused(browser, site, r'"Twice" may mean 2 fields.*\[name=a\].*\[name=b\]', Twice="x")


async def test_an_option_that_is_not_offered_is_told_with_those_that_are(browser: Browser, site: Site) -> None:
    await refused(
        browser,
        site,
        '"How urgent\\?" has no option "Maybe"; it offers "Not at all", "Very"',
        **{"How urgent?": "Maybe"},
    )
    await refused(browser, site, "takes yes or no", I_agree="perhaps")
    await refused(browser, site, "takes a file", File="x")


async def test_a_malformed_selector_is_a_field_that_is_not_there(browser: Browser, site: Site) -> None:
    await refused(browser, site, "the page has no field", **{"#[broken": "x"})


async def test_the_page_without_a_form_says_so(browser: Browser, site: Site) -> None:
    form = channel(site.page("/empty", "<p>Call us.</p><iframe></iframe>"), timeout=1)
    with pytest.raises(FieldNotFound, match=r"offers no field at all; what is inside a frame"):
        await browser.look(form)


async def test_a_form_that_a_script_builds_late_is_found(browser: Browser, site: Site) -> None:
    late = f"<script>setTimeout(() => document.body.innerHTML = `{FORM}`, 300)</script>"
    await browser.look(channel(site.page("/late", late)))


async def test_a_page_that_tampers_with_its_fields_is_refused(browser: Browser, site: Site) -> None:
    page = FORM + "<script>Array.prototype.push = function () { return 'x' }; Array.prototype.map = () => 5</script>"
    with pytest.raises(FieldNotFound):
        await browser.look(channel(site.page("/hostile", page), timeout=1))


async def test_the_strictest_reading_wins() -> None:
    assert same_text("Name", [("name",), ("Name",), ("Name *",)]) == [1]
    assert same_text("Name", [("NAME",), ("Name *",)]) == [0]
    assert same_text("Name:", [("Surname",), ("Name *",)]) == [1]
    assert same_text("*", [("*",), ("",)]) == [0]
    assert same_text("", [("",)]) == []


async def test_a_label_goes_before_a_placeholder_before_a_name() -> None:
    by_name = Field((0,), "text", name="mail")
    by_placeholder = Field((1,), "text", placeholder="Mail")
    by_label = Field((2,), "text", labels=("Mail:",))
    assert named_fields("mail", [by_name, by_placeholder, by_label]) == [by_label]
    assert named_fields("mail", [by_name, by_placeholder]) == [by_placeholder]


async def test_the_button_in_the_form_goes_before_the_same_button_elsewhere() -> None:
    search, contact = (Button((form,), names=("Send",), form=form) for form in (0, 1))
    hidden = Button((2,), names=("Send",), form=1, visible=False)
    assert named_buttons("send", [search, contact, hidden], {1}) == [contact]
    assert named_buttons("send", [search], {1}) == [search]


@given(st.text(), st.lists(st.lists(st.text(), max_size=3), max_size=5))
async def test_what_is_written_exactly_is_always_found(wanted: str, offered: list[list[str]]) -> None:
    found = same_text(wanted, offered)
    assert all(0 <= at < len(offered) for at in found)
    if wanted.split():
        assert len(offered) in same_text(wanted, [*offered, [wanted]])
