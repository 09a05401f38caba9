import copy
import json
import pickle
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from probes.secret import MASK, MAX_SECRET_BYTES, Secret, SecretNotKnown
from probes.settings import Settings, Surroundings

HIDDEN = "hunter2-very-hidden"
SECRET = TypeAdapter(Secret)


class Holder(Settings):
    password: Secret


def read(written: object, environ: dict[str, str] | None = None, base: Path = Path()) -> Secret:
    return SECRET.validate_python(written, context=Surroundings(environ or {}, base))


def refusal(written: object, environ: dict[str, str] | None = None, base: Path = Path()) -> str:
    with pytest.raises(ValidationError) as caught:
        read(written, environ, base)
    (error,) = caught.value.errors(include_input=False)
    return error["msg"]


def test_a_literal_is_revealed_and_known_as_literal() -> None:
    secret = read(HIDDEN)
    assert secret.reveal() == HIDDEN
    assert secret.literal


def test_a_variable_is_resolved_from_the_environment_that_is_handed_in() -> None:
    secret = read({"env": "PASSWORD"}, {"PASSWORD": HIDDEN})
    assert secret.reveal() == HIDDEN
    assert not secret.literal


def test_an_unset_or_empty_variable_is_an_error_that_names_it() -> None:
    assert refusal({"env": "PASSWORD"}) == "the environment variable PASSWORD is not set"
    assert refusal({"env": "PASSWORD"}, {"PASSWORD": ""}) == "the environment variable PASSWORD is empty"


def test_a_password_written_where_a_variable_name_belongs_is_not_told_back() -> None:
    assert refusal({"env": HIDDEN}) == "env should name an environment variable: letters, digits and _"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_a_file_is_read_without_the_newline_that_editors_add(tmp_path: Path, ending: str) -> None:
    (tmp_path / "password").write_bytes((" " + HIDDEN + ending).encode())
    secret = read({"file": "password"}, base=tmp_path)
    assert secret.reveal() == " " + HIDDEN
    assert not secret.literal


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    assert refusal({"file": "none"}, base=tmp_path) == "the secret's file cannot be read: No such file or directory"
    assert refusal({"file": "."}, base=tmp_path) == "the secret's file cannot be read: Is a directory"
    assert refusal({"file": "a\0b"}, base=tmp_path) == "the secret's file cannot be read: not a path"


def test_an_empty_a_huge_and_a_binary_file_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "huge").write_text("x" * (MAX_SECRET_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert refusal({"file": "empty"}, base=tmp_path) == "the secret's file is empty"
    assert refusal({"file": "huge"}, base=tmp_path) == "the secret's file is larger than 65536 bytes"
    assert refusal({"file": "binary"}, base=tmp_path) == "the secret's file is not UTF-8 text"


@pytest.mark.parametrize("written", [{"env": "NOT_SET"}, {"file": "none"}])
def test_one_that_nobody_needs_may_be_missing_until_it_is_revealed(written: object) -> None:
    secret = SECRET.validate_python(written, context=Surroundings(secrets_needed=False))
    assert (secret.known, secret.literal, str(secret)) == (False, False, MASK)
    with pytest.raises(SecretNotKnown, match=r"NOT_SET is not set|cannot be read"):
        secret.reveal()


def test_one_that_nobody_needs_must_be_written_well_all_the_same() -> None:
    with pytest.raises(ValidationError):
        SECRET.validate_python({"vault": "x"}, context=Surroundings(secrets_needed=False))


@pytest.mark.parametrize("written", [{}, {"env": "A", "file": "b"}, {"vault": "x"}, {"env": ["A"]}])
def test_a_mapping_has_exactly_one_source(written: object) -> None:
    assert refusal(written).startswith("should have exactly one key, env or file")


@pytest.mark.parametrize("written", [None, 5, ["a"], True])
def test_something_else_is_no_secret(written: object) -> None:
    assert refusal(written).startswith("should be a secret")


def test_an_empty_literal_is_an_error() -> None:
    assert refusal("") == "the secret is empty"
    with pytest.raises(ValueError, match="empty"):
        Secret("")


def test_it_is_never_shown() -> None:
    holder = Holder(password=Secret(HIDDEN))
    shown = [
        repr(holder.password),
        str(holder.password),
        f"{holder.password}",
        "%s" % holder.password,  # noqa: UP031 — the form that logging uses
        repr(holder),
        holder.model_dump_json(),
        repr(holder.model_dump()),
        json.dumps(holder.model_dump(mode="json")),
        repr(copy.deepcopy(holder)),
    ]
    assert not any(HIDDEN in text for text in shown)
    assert str(holder.password) == MASK
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(holder.password)


def test_a_validation_error_beside_it_does_not_show_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Holder.model_validate({"password": HIDDEN, "passwort": HIDDEN})
    assert HIDDEN not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        Holder.model_validate({"password": [HIDDEN]})
    assert HIDDEN not in str(caught.value)


def test_equal_secrets_are_equal_wherever_they_come_from() -> None:
    assert Secret("a") == read({"env": "A"}, {"A": "a"})
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\udcff") == Secret("\udcff")  # what a variable that is not UTF-8 looks like
    assert len({Secret("a"), Secret("a")}) == 1
