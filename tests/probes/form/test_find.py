import fcntl
import os
import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from probes.errors import BrowserMissing
from probes.form import find
from probes.form.channel import FormChannel
from probes.form.evidence import without_credentials
from probes.form.scratch import PREFIX, Scratch
from probes.form.settings import BrowserSettings


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser."""
    monkeypatch.setattr(find, "SYSTEM", (tmp_path / "usr/lib/chromium/chromium-headless-shell",))
    return tmp_path


def found(home: Path, **settings: Path) -> Path | None:
    environ = {"HOME": str(home), "PATH": str(home / "bin")}
    return find.find_browser(BrowserSettings.model_validate(settings), environ).executable


def test_the_order_is_config_then_playwrights_then_the_systems_then_the_path(home: Path) -> None:
    on_path = program(home / "bin/chromium")
    assert found(home) == on_path
    system = program(home / "usr/lib/chromium/chromium-headless-shell")
    assert found(home) == system
    cache = home / ".cache/ms-playwright"
    program(cache / "chromium_headless_shell-999/chrome-headless-shell-linux64/chrome-headless-shell")
    newest = program(cache / "chromium_headless_shell-1255/chrome-headless-shell-linux64/chrome-headless-shell")
    assert found(home) == newest
    configured = program(home / "opt/mine")
    assert found(home, executable=configured) == configured


def test_without_any_browser_it_says_what_to_install(home: Path) -> None:
    with pytest.raises(BrowserMissing, match=r"playwright install .*apt install chromium-headless-shell"):
        found(home)


def test_a_configured_browser_that_is_not_there_is_not_replaced_by_another(home: Path) -> None:
    program(home / "bin/chromium")
    with pytest.raises(BrowserMissing, match=r"browser\.executable"):
        found(home, executable=home / "nothing")


def test_a_remote_browser_is_not_searched_for(home: Path) -> None:
    assert find.find_browser(BrowserSettings.model_validate({"ws": "ws://farm/"}), {}).executable is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"ws": "ws://a", "cdp": "http://b"},
        {"ws": "ftp://a"},
        {"cdp": "http://b", "executable": "/x"},
        {"launch": False},
    ],
)
def test_settings_that_contradict_themselves_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BrowserSettings.model_validate(wrong)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:1", "https://", "https://u:p@desk.example/", "http://x:99999/"]
)
def test_only_web_pages_are_forms(url: str) -> None:
    with pytest.raises(ValidationError):
        FormChannel.model_validate({"form": url, "fields": {"a": "b"}, "submit": "Send"})


def test_yes_and_numbers_in_yaml_are_text_in_a_field() -> None:
    fields = {"I agree": True, "No thanks": False, "How many": 3}
    channel = FormChannel.model_validate({"form": "https://desk.example/", "fields": fields, "submit": "Send"})
    assert channel.fields == {"I agree": "yes", "No thanks": "no", "How many": "3"}


def test_the_folder_of_a_dead_process_is_swept_and_that_of_a_living_one_is_not() -> None:
    dead = Path(tempfile.mkdtemp(prefix=PREFIX))
    (dead / "lock").touch()
    (dead / "profile").mkdir()
    living = Path(tempfile.mkdtemp(prefix=PREFIX))
    holder = os.open(living / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    scratch = Scratch()
    assert not dead.exists()
    assert living.exists()
    assert scratch.path.exists()
    os.close(holder)
    scratch.sweep()
    scratch.sweep()
    assert not scratch.path.exists()
    Scratch().sweep()
    assert not living.exists()


def test_cookies_and_credentials_are_taken_out_of_a_trace() -> None:
    snapshot = {
        "request": {
            "cookies": [{"name": "session", "value": "hidden"}],
            "headers": [{"name": "Cookie", "value": "hidden"}, {"name": "Accept", "value": "text/html"}],
        },
        "response": {
            "headers": [{"name": "set-cookie", "value": "hidden"}, {"name": "Authorization", "value": "hidden"}]
        },
    }
    clean = without_credentials(snapshot)
    assert "hidden" not in repr(clean)
    assert clean["request"]["headers"][1] == {"name": "Accept", "value": "text/html"}
