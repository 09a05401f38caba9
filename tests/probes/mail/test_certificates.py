"""Certificates that do not fit are refused before anything is said, by both protocols."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.mail.connecting import CertificateRefused
from probes.mail.inbox import Pace
from probes.mail.smtp import Outbox
from tests.probes.mail.dialogue import account, server
from tests.probes.mail.ledger import Memory, now
from tests.probes.mail.test_inbox import watching


def _authority(folder: Path) -> tuple[trustme.CA, dict[str, Any]]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return authority, {"security": "tls", "ca_file": str(folder / "ca.pem")}


def _context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_a_certificate_that_does_not_fit_is_refused_with_host_and_reason(tmp_path: Path, wrong: str) -> None:
    authority, tls = _authority(tmp_path)
    issuer, name = (authority, "other.example") if wrong == "name" else (trustme.CA(), "127.0.0.1")
    async with server(["S: 220 * OK"], ssl=_context(issuer, name)) as script:
        with pytest.raises(CertificateRefused, match=r"127\.0\.0\.1"):
            await Outbox(account(smtp=script.port, in_smtp=tls), now=now).check()
        async with watching(script, Memory(), Pace(), **tls) as inbox:
            with pytest.raises(CertificateRefused, match=r"127\.0\.0\.1"):
                await inbox.ready(1)
    assert script.heard == []


async def test_the_configured_authority_replaces_the_systems(tmp_path: Path) -> None:
    authority, tls = _authority(tmp_path)
    greeting = ["S: 220 mx", "C: EHLO *", "S: 250 mx", "C: QUIT", "S: 221 bye"]
    async with server(greeting, ssl=_context(authority, "127.0.0.1")) as script:
        await Outbox(account(smtp=script.port, in_smtp={**tls, "login": "none"}), now=now).check()
