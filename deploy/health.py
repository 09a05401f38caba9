"""Whether the bot in this container answers: exits with 0 when /-/healthy says so. With TLS and without.

HEALTH_PORT is the port of bot.listen, 9877 when it is not set. The certificate is not checked: it is our own process that we ask.
"""

import os
import ssl
import sys
from urllib.error import URLError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

TIMEOUT = 2.5


def healthy(port: int) -> bool:
    """Whether it answers on this port of this machine."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=unchecked))
    for scheme in ("http", "https"):
        try:
            with opener.open(f"{scheme}://127.0.0.1:{port}/-/healthy", timeout=TIMEOUT) as answer:
                if answer.status == 200:
                    return True
        except (URLError, OSError, ValueError):
            continue
    return False


if __name__ == "__main__":
    sys.exit(0 if healthy(int(os.environ.get("HEALTH_PORT", "9877"))) else 1)
