"""TLS and login of the pages, over real sockets."""

# ruff: noqa: E501 - messages are told as they are, one a line

import asyncio
import base64
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
import trustme

from mysterybot import basicauth
from mysterybot.complaints import ConfigErrors
from mysterybot.server import RunningServer, application, serve
from mysterybot.webconfig import Web, doubts, load_web
from mysterybot.webfile import WebFile
from tests.exporters.stories import MONDAY, everyday, stories
from tests.mysterybot.test_server import PAGES, Site

PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
BOB = bcrypt.hashpw(b"bob's own", bcrypt.gensalt(4, prefix=b"2a")).decode()


def written(folder: Path, text: str) -> Path:
    path = folder / "web.yml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Web:
    return load_web(written(folder, text), environ or {})


def users(**hashes: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: '{hashed}'\n" for name, hashed in hashes.items())


@dataclass(slots=True)
class Certificates:
    """An authority of the server's, one of the clients', and what they have signed."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)
    clients: trustme.CA = field(default_factory=trustme.CA)

    def server(self) -> None:
        self.authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")
        self.clients.cert_pem.write_to_path(self.folder / "clients.pem")

    def context(self, client: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if client is not None:
            client.issue_cert("prometheus.example").configure_cert(context)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path)
    made.server()
    return made


TLS = "tls_server_config: {cert_file: server.pem, key_file: server.pem"


@asynccontextmanager
async def guarded(folder: Path, web: Web) -> AsyncIterator[tuple[RunningServer, Site]]:
    async with stories(folder / "journal.sqlite") as pen:
        await everyday(pen)
        (folder / "evidence").mkdir()
        site = Site(pen, folder / "evidence")
        server = await serve(application(site.state(site.snapshot)), "127.0.0.1", 0, web)
        try:
            yield server, site
        finally:
            await server.stop()


async def ask(server: RunningServer, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    verify = options.pop("verify", True)
    scheme = "http" if server.web.tls is None else "https"
    async with httpx.AsyncClient(verify=verify, timeout=20) as client:
        return await client.request(method, f"{scheme}://127.0.0.1:{server.port}{path}", **options)


# --- login -----------------------------------------------------------------------------------------------------------


async def test_without_a_password_every_address_looks_the_same_but_that_of_health(tmp_path: Path) -> None:
    async with guarded(tmp_path, loaded(tmp_path, users(anna=HASH))) as (server, site):
        asked = [
            *(("GET", path) for path in (*PAGES, "/metrics", "/-/ready", "/style.css", "/nowhere", "/conversations?page=x")),
            *(("POST", path) for path in ("/-/reload", "/-/pause", "/-/healthy", "/", "/nowhere")),
            ("PUT", "/-/reload"), ("DELETE", "/"), ("OPTIONS", "/"), ("GET", "/-/healthy/"), ("GET", "//-/healthy"),
            ("GET", "/conversations/c0001/evidence/1"), ("GET", "/-/healthy/../../metrics"), ("BREW", "/"),
        ]  # fmt: skip
        answers = [await ask(server, path, method) for method, path in asked]
        first = answers[0]
        assert first.status_code == 401
        assert first.headers["www-authenticate"] == 'Basic realm="mysterybot", charset="UTF-8"'
        for (method, path), answer in zip(asked, answers, strict=True):
            assert answer.status_code == 401, (method, path)
            assert (answer.content, dict(answer.headers)) == (first.content, dict(first.headers)), (method, path)
        head = await ask(server, "/metrics", "HEAD")
        assert (head.status_code, dict(head.headers)) == (401, dict(first.headers))
        healthy = await ask(server, "/-/healthy")
        assert (healthy.status_code, healthy.text) == (200, "healthy\n")
        assert not site.paused


async def test_with_the_password_everything_is_as_it_is_without_a_login(tmp_path: Path) -> None:
    async with guarded(tmp_path, loaded(tmp_path, users(anna=HASH, bob=BOB))) as (server, _):
        for path in (*PAGES, "/metrics"):
            assert (await ask(server, path, auth=("anna", PASSWORD))).status_code == 200, path
        assert (await ask(server, "/nowhere", auth=("bob", "bob's own"))).status_code == 404
        assert (await ask(server, "/-/pause", "POST", auth=("bob", "bob's own"))).json() == {"paused": True}


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"anna").decode(),
        "Basic " + base64.b64encode(b"anna:" + PASSWORD.encode() + b"\0").decode(),
        "Basic " + base64.b64encode(b"anna:" + PASSWORD.encode() + b" ").decode(),
        "Basic " + base64.b64encode(b"ANNA:" + PASSWORD.encode()).decode(),
        "Basic " + base64.b64encode(b":" + PASSWORD.encode()).decode(),
        "Basic " + base64.b64encode(b"\xff:" + PASSWORD.encode()).decode(),
        "Basic " + base64.b64encode(b"anna:" + HASH.encode()).decode(),
        "Basic " + base64.b64encode(b"anna:" + b"x" * 20_000).decode(),
        "Bearer " + base64.b64encode(b"anna:" + PASSWORD.encode()).decode(),
        "anna:" + PASSWORD,
    ],
)
async def test_what_is_no_right_password_is_refused(tmp_path: Path, header: str) -> None:
    async with guarded(tmp_path, loaded(tmp_path, users(anna=HASH))) as (server, _):
        answer = await ask(server, "/", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.text == "401: log in\n"


async def test_two_passwords_in_one_request_are_none(tmp_path: Path) -> None:
    right = "Basic " + base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
    async with guarded(tmp_path, loaded(tmp_path, users(anna=HASH))) as (server, _):
        assert (await ask(server, "/", headers=[("Authorization", right)])).status_code == 200
        twice = [("Authorization", right), ("Authorization", right)]
        assert (await ask(server, "/", headers=twice)).status_code == 401


async def test_a_right_password_costs_bcrypt_once_and_a_wrong_one_every_time_also_for_strangers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[bytes] = []
    checkpw = bcrypt.checkpw

    def counted(password: bytes, against: bytes) -> bool:
        hashed.append(against)
        return checkpw(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    passwords = basicauth.Passwords({"anna": HASH.encode(), "bob": BOB.encode()})
    answers = await asyncio.gather(*(passwords.are_right("anna", PASSWORD.encode()) for _ in range(5)))
    assert all(answers)
    assert len(hashed) == 1, "five at the same time are one"
    for _ in range(3):
        assert not await passwords.are_right("anna", b"wrong")
        assert not await passwords.are_right("nobody", PASSWORD.encode()), "not even with a password of somebody"
        assert not await passwords.are_right("bob", PASSWORD.encode())
    assert len(hashed) == 10
    assert set(passwords._right) == {"anna"}, "what strangers try takes no memory"
    assert PASSWORD.encode() not in passwords._right["anna"]


async def test_the_event_loop_goes_on_while_a_password_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checking, go_on = threading.Event(), threading.Event()

    def slow(password: bytes, against: bytes) -> bool:
        checking.set()
        return go_on.wait(10)

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    passwords = basicauth.Passwords({"anna": HASH.encode()})
    asked = asyncio.create_task(passwords.are_right("anna", b"x"))
    while not checking.is_set():
        await asyncio.sleep(0.001)
    assert not asked.done()
    go_on.set()
    assert await asked


# --- TLS -------------------------------------------------------------------------------------------------------------


async def test_with_a_certificate_it_speaks_tls_and_nothing_else(tmp_path: Path, certificates: Certificates) -> None:
    async with guarded(tmp_path, loaded(tmp_path, TLS + "}")) as (server, _):
        answer = await ask(server, "/", verify=certificates.context())
        assert answer.status_code == 200
        with pytest.raises(httpx.HTTPError):
            async with httpx.AsyncClient() as client:
                await client.get(f"http://127.0.0.1:{server.port}/")


async def test_the_versions_and_suites_are_those_of_the_file(tmp_path: Path, certificates: Certificates) -> None:
    only_13 = loaded(tmp_path, TLS + ", min_version: TLS13}")
    async with guarded(tmp_path, only_13) as (server, _):
        old = certificates.context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(httpx.HTTPError):
            await ask(server, "/", verify=old)
        suites = TLS + ", max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]}"
        await server.use(loaded(tmp_path, suites))
        other = certificates.context()
        other.maximum_version = ssl.TLSVersion.TLSv1_2
        other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        with pytest.raises(httpx.HTTPError):
            await ask(server, "/", verify=other)
        assert (await ask(server, "/", verify=certificates.context())).status_code == 200


async def test_a_client_needs_a_certificate_where_the_file_says_so(tmp_path: Path, certificates: Certificates) -> None:
    required = loaded(tmp_path, TLS + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.pem}")
    assert required.guarded
    async with guarded(tmp_path, required) as (server, _):
        assert (await ask(server, "/", verify=certificates.context(certificates.clients))).status_code == 200
        for stranger in (None, trustme.CA()):
            with pytest.raises((httpx.HTTPError, ssl.SSLError)):
                await ask(server, "/", verify=certificates.context(stranger))
        given = loaded(tmp_path, TLS + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: clients.pem}")
        assert not given.guarded
        await server.use(given)
        assert (await ask(server, "/", verify=certificates.context())).status_code == 200
        with pytest.raises((httpx.HTTPError, ssl.SSLError)):
            await ask(server, "/", verify=certificates.context(trustme.CA()))


# --- changes while it runs -------------------------------------------------------------------------------------------


async def test_while_it_changes_no_request_is_lost_and_those_under_way_end_as_they_began(tmp_path: Path) -> None:
    async with guarded(tmp_path, Web()) as (server, site):
        asked, go_on = asyncio.Event(), asyncio.Event()
        snapshot = site.state(site.snapshot).snapshot

        async def slow() -> Any:
            asked.set()
            await go_on.wait()
            return await snapshot()

        await server.stop()
        server = await serve(application(site.state(slow)), "127.0.0.1", 0)
        under_way = asyncio.create_task(ask(server, "/metrics"))
        await asked.wait()
        statuses: list[int] = []

        async def knock() -> None:
            for _ in range(40):
                statuses.append((await ask(server, "/-/healthy")).status_code)

        knocking = asyncio.create_task(knock())
        for number in range(10):
            await server.use(loaded(tmp_path, users(anna=HASH)) if number % 2 else Web())
            await asyncio.sleep(0)
        go_on.set()
        assert (await under_way).status_code == 200
        await knocking
        assert statuses == [200] * 40
        assert (await ask(server, "/metrics")).status_code == 401, "the last one counts"
        await server.stop()


async def test_who_has_a_connection_from_before_needs_the_password_too(tmp_path: Path) -> None:
    async with guarded(tmp_path, Web()) as (server, _), httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{server.port}/"
        assert (await client.get(url)).status_code == 200
        await server.use(loaded(tmp_path, users(anna=HASH)))
        await asyncio.gather(*server._leaving)
        assert (await client.get(url)).status_code == 401


def test_a_file_has_changed_when_it_or_a_certificate_is_another(tmp_path: Path, certificates: Certificates) -> None:
    path = written(tmp_path, TLS + "}")
    file = WebFile(path, {})
    file.read()
    assert not file.changed()
    (tmp_path / "new.pem").write_bytes((tmp_path / "server.pem").read_bytes())
    (tmp_path / "new.pem").replace(tmp_path / "server.pem")
    assert file.changed(), "as certbot does it"
    file.read()
    path.write_text("basic_auth_users: oh")
    assert file.changed()
    with pytest.raises(ConfigErrors):
        file.read()
    assert not file.changed(), "it is told once"
    path.unlink()
    assert file.changed()
    assert not WebFile(None, {}).changed()


# --- headers ---------------------------------------------------------------------------------------------------------


async def test_headers_are_added_replaced_or_left_out_and_evidence_keeps_its_sandbox(tmp_path: Path) -> None:
    text = """
http_server_config:
  http2: false
  headers: {Strict-Transport-Security: max-age=31536000, X-Frame-Options: sameorigin, Content-Security-Policy: ""}
"""
    async with guarded(tmp_path, loaded(tmp_path, text)) as (server, site):
        headers = (await ask(server, "/")).headers
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert headers["x-frame-options"] == "sameorigin"
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" not in headers
        conversation = await site.pen.tell(at=MONDAY + 1, evidence={"mail": "raw.eml"})
        (site.evidence / "raw.eml").write_bytes(b"<script>")
        mail = await ask(server, f"/conversations/{conversation}/evidence/1")
        assert "sandbox" in mail.headers["content-security-policy"]


# --- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES = {
    "": "web.yml: is empty; write {} for neither TLS nor login",
    "- a": "web.yml: should be a mapping: docs/operate.md tells which",
    "basic_auth_user: {}": "web.yml:1:1: basic_auth_user: unknown key; did you mean basic_auth_users?",
    "basic_auth_users: {anna: secret}": "web.yml:1:26: basic_auth_users.anna: should be a bcrypt hash, as in the last line of: htpasswd -nBC 10 USER",
    "basic_auth_users: {anna: {env: NOPE}}": "web.yml:1:20: basic_auth_users.anna: the environment variable NOPE is not set",
    f"basic_auth_users:\n  anna: {HASH.replace('$04$', '$31$')}": "web.yml:2:9: basic_auth_users.anna: has a cost of 31; from 10 to 16 is sensible",
    f"basic_auth_users: {{'a:b': '{HASH}'}}": 'web.yml:1:20: basic_auth_users."a:b": should be a user name without a colon (200 at most)',
    "tls_server_config: {cert_file: server.pem}": "web.yml:1:1: tls_server_config.key_file: missing",
    TLS + ", client_auth_type: RequireAndVerifyClientCert}": "web.yml:1:1: tls_server_config: client_ca_file and a client_auth_type other than NoClientCert need each other",
    TLS + ", client_auth_type: RequireAnyClientCert}": "web.yml:1:84: tls_server_config.client_auth_type: should be 'NoClientCert', 'VerifyClientCertIfGiven' or 'RequireAndVerifyClientCert'",
    TLS + ", min_version: TLS10}": "web.yml:1:79: tls_server_config.min_version: should be 'TLS12' or 'TLS13'",
    TLS + ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}": "web.yml:1:82: tls_server_config.cipher_suites[0]: no such suite of TLS 1.2; known: TLS_ECDHE_ECDSA",
    TLS + ", curve_preferences: [X25519]}": "web.yml:1:66: tls_server_config.curve_preferences: unknown key; known here: cert_file",
    "tls_server_config: {cert_file: clients.pem, key_file: server.pem}": "web.yml:1:32: tls_server_config.cert_file: should be a certificate in PEM that fits key_file, without a passphrase: key values mismatch",
    "tls_server_config: {cert_file: web.yml, key_file: server.pem}": "web.yml:1:32: tls_server_config.cert_file: should be a certificate in PEM",
    "http_server_config: {headers: {Server: mine}}": "web.yml:1:32: http_server_config.headers.Server: should be 'Content-Security-Policy', 'Strict-Transport-Security'",
    'http_server_config: {headers: {X-Frame-Options: "a\\nb"}}': "web.yml:1:49: http_server_config.headers.X-Frame-Options: should be one line of ASCII",
    "rate_limit: {burst: 1}": "web.yml:1:1: rate_limit: unknown key",
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_never_with_what_may_be_a_secret(
    tmp_path: Path, certificates: Certificates, text: str
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        loaded(tmp_path, text)
    told = str(caught.value).replace(f"{tmp_path}/", "")
    assert told.startswith(MISTAKES[text]), told
    assert HASH not in told
    assert "secret" not in told


def test_hashes_may_come_from_elsewhere_and_are_shown_nowhere(tmp_path: Path) -> None:
    web = loaded(tmp_path, "basic_auth_users: {anna: {env: ANNA_HASH}}", {"ANNA_HASH": HASH})
    assert web.users == {"anna": HASH.encode()}
    assert HASH not in repr(web)


# --- doubts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_on_loopback_nothing_is_doubted(host: str) -> None:
    assert list(doubts(Web(), host)) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "bot.example"])
def test_beyond_loopback_a_missing_login_and_passwords_in_clear_are_doubted(
    tmp_path: Path, certificates: Certificates, host: str
) -> None:
    (open_to_all,) = doubts(Web(), host)
    assert "everybody who reaches this address" in open_to_all
    (in_clear,) = doubts(loaded(tmp_path, users(anna=HASH)), host)
    assert "passwords travel in clear" in in_clear
    (tls_alone,) = doubts(loaded(tmp_path, TLS + "}"), host)
    assert "everybody" in tls_alone
    assert list(doubts(loaded(tmp_path, TLS + "}\n" + users(anna=HASH)), host)) == []
