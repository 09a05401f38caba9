"""Names of IMAP folders: modified UTF-7 (RFC 3501 section 5.1.3) and quoting (section 9)."""

import base64
import binascii
import re

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_BEYOND = re.compile(r"[^\x20-\x7e]+")


def encode(name: str) -> str:
    """A folder's name as IMAP writes it: `Gelöscht & weg` is `Gel&APY-scht &- weg`."""

    def shift(run: re.Match[str]) -> str:
        octets = run[0].encode("utf-16-be", "surrogatepass")
        return "&" + base64.b64encode(octets).decode().rstrip("=").replace("/", ",") + "-"

    return _BEYOND.sub(shift, name.replace("&", "&-"))


def decode(name: str) -> str:
    """The name that a person sees; what is not valid modified UTF-7 stays as the server wrote it."""

    def unshift(run: re.Match[str]) -> str:
        if not run[1]:
            return "&"
        padded = run[1].replace(",", "/") + "=" * (-len(run[1]) % 4)
        try:
            return base64.b64decode(padded, validate=True).decode("utf-16-be")
        except (binascii.Error, UnicodeDecodeError):
            return run[0]

    return _SHIFTED.sub(unshift, name)


def quoted(text: str) -> str:
    """An IMAP quoted string. Raises ValueError for what none can hold: line breaks, NUL, anything beyond ASCII."""
    if re.search(r"[^\x01-\x7f]|[\r\n]", text):
        raise ValueError("a quoted string holds one line of ASCII")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
