"""What our own mail provider found out about the sender: SPF, DKIM and DMARC (RFC 8601).

Anybody can write an Authentication-Results field into a mail. Only those that begin with the configured authserv-id
count: a provider removes foreign ones that claim its name (RFC 8601 section 5). Without an id nothing is trusted.
"""

import re
from dataclasses import dataclass

from replies.finding import Finding
from replies.message import Message

MAX_FIELDS = 20
METHODS = ("spf", "dkim", "dmarc")
RESULTS = frozenset(
    (
        *("none", "pass", "fail", "softfail", "policy", "neutral", "temperror", "permerror", "hardfail"),
        *("bestguesspass", "tempfail", "permfail", "error", "unknown"),
    )
)

_RESULT = re.compile(r"\s*([a-z][a-z0-9-]{1,20})(?:/\d{1,3})?\s*=\s*([a-z][a-z0-9_-]{1,20})", re.I)


@dataclass(frozen=True, slots=True)
class Authentication:
    """Results as the provider wrote them, lower-case; None where it said nothing, or nothing that may be trusted."""

    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None


def authentication(message: Message, authserv_id: str | None) -> Authentication:
    """The trusted results. `authserv_id` also stands for hosts below it: `example.com` for `mx1.example.com`."""
    found: dict[str, str] = {}
    trusted = (authserv_id or "").strip().lower()
    for value in message.headers.get("authentication-results", ())[:MAX_FIELDS] if trusted else ():
        name, statements = _parts(value)
        if name != trusted and not name.endswith(f".{trusted}"):
            continue
        of_this: dict[str, str] = {}
        for statement in statements:
            match = _RESULT.match(statement)
            if match and match[1].lower() in METHODS and match[2].lower() in RESULTS:
                method, result = match[1].lower(), match[2].lower()
                if of_this.get(method) != "pass":  # of several signatures one that holds is enough
                    of_this[method] = result
        for method, result in of_this.items():
            found.setdefault(method, result)
    return Authentication(found.get("spf"), found.get("dkim"), found.get("dmarc"))


def authentication_finding(message: Message, authserv_id: str | None) -> Finding:
    """`problem` where a trusted result fails, `ok` where DMARC or DKIM passes, else `unknown`."""
    found = authentication(message, authserv_id)
    told = {name: result for name in METHODS if (result := getattr(found, name))}
    evidence = ", ".join(f"{name}={result}" for name, result in told.items())
    if found.dmarc == "fail" or (found.dmarc is None and "fail" in (found.spf, found.dkim)):
        return Finding("authentication", "problem", "authentication.fails", evidence, told)
    if "pass" in (found.dmarc, found.dkim):
        return Finding("authentication", "ok", "authentication.passes", evidence, told)
    return Finding("authentication", "unknown", "authentication.silent", evidence, told)


def _parts(value: str) -> tuple[str, list[str]]:
    """The authserv-id and the statements; some providers leave the id out and begin with a statement."""
    first, _, rest = _without_comments(value).partition(";")
    if "=" in first.split(" ")[0]:
        return " ".join(value.partition(";")[0].split()).lower(), [first, *rest.split(";")]
    words = first.split()
    return (words[0].lower() if words else ""), rest.split(";")


def _without_comments(value: str) -> str:
    """The text outside of comments, which may nest (RFC 5322 3.2.2), and of quoted strings."""
    kept: list[str] = []
    depth = 0
    quoted = False
    for char in value:
        if char == '"' and not depth:
            quoted = not quoted
        elif char == "(" and not quoted:
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(" " if quoted and char == ";" else char)
    return "".join(kept)
