"""A real Postfix and a real Dovecot for tests, on loopback only, in a folder of their own, without systemd.

Postfix takes submissions (STARTTLS and TLS) from Dovecot's users and mail for `DOMAIN` from anybody, and hands it to
Dovecot over LMTP; mail to anywhere else is refused. Knows nothing of pytest.
"""

import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

DOMAIN = "example.test"
USERS = {f"anna@{DOMAIN}": "anna's password", f"support@{DOMAIN}": "support's password"}
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = ("/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp")

_MAIN_CF = """\
compatibility_level = 3.6
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {root}/postfix/spool
data_directory = {root}/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
maillog_file = {root}/log/postfix.log
maillog_file_prefixes = {root}
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{root}/postfix/conf/mailboxes
virtual_transport = lmtp:unix:{root}/run/lmtp
recipient_delimiter = +
default_transport = error:5.1.2 nothing leaves this machine
relay_transport = error:5.1.2 nothing leaves this machine
disable_dns_lookups = yes
smtputf8_enable = yes
message_size_limit = 41943040
virtual_mailbox_limit = 0
in_flow_delay = 0
notify_classes =
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_reject_unlisted_recipient = yes
smtpd_tls_cert_file = {root}/tls/server.pem
smtpd_tls_key_file = {root}/tls/server.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {root}/run/postfix-auth
"""

_MASTER_CF = """\
127.0.0.1:{mx_port} inet n - n - - smtpd
127.0.0.1:{starttls_port} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{rewriting_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o cleanup_service_name=cleanup-rewriting
cleanup unix n - n - 0 cleanup
cleanup-rewriting unix n - n - 0 cleanup
  -o header_checks=regexp:{root}/postfix/conf/rewriting
  -o always_add_missing_headers=yes
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_DOVECOT_CONF = """\
base_dir = {root}/run/dovecot
state_dir = {root}/dovecot
log_path = {root}/log/dovecot.log
instance_name = {root}
listen = 127.0.0.1
protocols = imap lmtp
auth_failure_delay = 0
auth_verbose = yes
disable_plaintext_auth = yes
ssl = yes
ssl_cert = <{root}/tls/server.pem
ssl_key = <{root}/tls/server.pem
first_valid_uid = 1
mail_uid = {mail_uid}
mail_gid = {mail_gid}
mail_home = {root}/mail/%d/%n
mail_location = maildir:~/Maildir
recipient_delimiter = +
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/dovecot/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {root}/dovecot/users
  default_fields = uid={mail_uid} gid={mail_gid} home={root}/mail/%d/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = subscribe
  }}
}}
service auth {{
  unix_listener {root}/run/postfix-auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service lmtp {{
  unix_listener {root}/run/lmtp {{
    mode = 0600
    user = postfix
    group = postfix
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_max_userip_connections = {connections}
}}
"""


@dataclass(frozen=True, slots=True)
class MailServers:
    """Where the servers listen (all on 127.0.0.1; certificates are for localhost and 127.0.0.1)."""

    root: Path
    ca_file: Path
    mx_port: int
    starttls_port: int
    tls_port: int
    rewriting_port: int  # TLS; as of a provider that replaces the Message-ID
    imap_port: int
    imaps_port: int
    users: Mapping[str, str]

    def account(self, address: str, **changes: Any) -> dict[str, Any]:
        """The mailbox of a user as it stands in a config, with implicit TLS; `changes` replace keys."""
        return {
            "address": address,
            "name": address.partition("@")[0].title(),
            "smtp": {"host": "localhost", "port": self.tls_port, "security": "tls", "ca_file": str(self.ca_file)},
            "imap": {"host": "localhost", "port": self.imaps_port, "security": "tls", "ca_file": str(self.ca_file)},
            "login": {"user": address, "password": self.users[address]},
            **changes,
        }

    def deliver(self, mail: bytes, to: str, *, sender: str = "desk@elsewhere.test") -> None:
        """Hand a mail to Postfix as another mail server would."""
        with smtplib.SMTP("127.0.0.1", self.mx_port, timeout=30) as smtp:
            smtp.sendmail(sender, [to], mail)

    def doveadm(self, *words: str, stdin: bytes = b"") -> str:
        """Run doveadm on this Dovecot."""
        command = ["doveadm", "-c", str(self.root / "dovecot/dovecot.conf"), *words]
        return _run(command, stdin=stdin)

    def put(self, mail: bytes, user: str, folder: str = "INBOX") -> None:
        """Save a mail straight into a folder of `user`."""
        self.doveadm("save", "-u", user, "-m", folder, stdin=mail)

    def logs(self) -> str:
        """The ends of both logs."""
        return "\n".join(file.read_text(errors="replace")[-4000:] for file in sorted((self.root / "log").iterdir()))


def missing() -> str | None:
    """What keeps the servers from starting here; None when nothing does."""
    if os.geteuid() != 0:
        return "needs root, since Postfix and Dovecot drop privileges themselves"
    absent = [program for program in NEEDED if not Path(program).exists()]
    return f"needs Debian's postfix, dovecot-imapd and dovecot-lmtpd (no {', '.join(absent)})" if absent else None


@contextmanager
def mail_servers(users: Mapping[str, str] = USERS, *, connections: int = 50) -> Iterator[MailServers]:
    """Both servers with `users` (address → password, all in DOMAIN), running; stopped and wiped at the end.

    `connections` is how many IMAP connections a user may have. Raises RuntimeError with the logs' ends if they fail.
    """
    # Not pytest's folder: its path is too long for Unix sockets, and only root may enter it.
    root = Path(tempfile.mkdtemp(prefix="mail-"))
    try:
        servers = _set_up(root, users, connections)
        dovecot, postfix = root / "dovecot/dovecot.conf", root / "postfix/conf"
        try:
            _run(["dovecot", "-c", str(dovecot)])
            _run(["postfix", "-c", str(postfix), "start"])
            for port in (servers.imap_port, servers.imaps_port, servers.mx_port, servers.tls_port):
                _wait_for(port, servers)
            yield servers
        finally:
            for stop in (["postfix", "-c", str(postfix), "stop"], ["doveadm", "-c", str(dovecot), "stop"]):
                subprocess.run(stop, check=False, capture_output=True, env=_environ())
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _set_up(root: Path, users: Mapping[str, str], connections: int) -> MailServers:
    root.chmod(0o755)
    for folder in ("log", "run/dovecot", "tls", "mail", "dovecot", "postfix/conf", "postfix/spool", "postfix/data"):
        (root / folder).mkdir(parents=True)
    nobody, postfix = pwd.getpwnam("mail"), pwd.getpwnam("postfix")
    os.chown(root / "mail", nobody.pw_uid, nobody.pw_gid)
    os.chown(root / "postfix/data", postfix.pw_uid, postfix.pw_gid)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(root / "tls/ca.pem")
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(root / "tls/server.pem")
    names = ("mx_port", "starttls_port", "tls_port", "rewriting_port", "imap_port", "imaps_port")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    values = {
        "root": root, "domain": DOMAIN, "connections": connections,
        "mail_uid": nobody.pw_uid, "mail_gid": nobody.pw_gid, **ports,
    }  # fmt: skip
    (root / "postfix/conf/main.cf").write_text(_MAIN_CF.format(**values))
    (root / "postfix/conf/master.cf").write_text(_MASTER_CF.format(**values))
    (root / "postfix/conf/rewriting").write_text("/^Message-ID:(.*)/ REPLACE X-Original-Message-ID:$1\n")
    (root / "postfix/conf/mailboxes").write_text("".join(f"{address} ok\n" for address in users))
    (root / "dovecot/dovecot.conf").write_text(_DOVECOT_CONF.format(**values))
    (root / "dovecot/users").write_text("".join(f"{user}:{{PLAIN}}{word}::::::\n" for user, word in users.items()))
    return MailServers(root=root, ca_file=root / "tls/ca.pem", users=dict(users), **ports)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def _wait_for(port: int, servers: MailServers) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"port {port} did not open:\n{servers.logs()}") from None
            time.sleep(0.05)
        else:
            return


def _run(command: list[str], *, stdin: bytes = b"") -> str:
    # Into a file: a daemon inherits what it was started with, and a pipe would not end before the daemon does.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, input=stdin, stdout=said, stderr=said, timeout=60, check=False, env=_environ())
        said.seek(0)
        output = said.read().decode(errors="replace")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {output[-2000:]}")
    return output


def _environ() -> dict[str, str]:
    return {"PATH": PATH, "LC_ALL": "C"}
