"""Secrets: found where they may be, and never shown."""

import copy
import json
import os
import pickle
import sys
import traceback
from pathlib import Path
from types import ModuleType

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError
from ml4t.live.secrets import MASK, Redactor, Secret, Secrets, read_secret_file

CANARY = "canary-9f31-never-shown"


@attrs.frozen
class Holder:
    """A value that keeps a secret among its fields."""

    key: Secret


def source(environment: dict[str, str], folder: Path, **options: object) -> Secrets:
    """Secrets that look nowhere else."""
    return Secrets(Redactor(), environment=environment, folder=folder, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["{}", "{!s}", "{!r}", "{!a}"])
def test_a_secret_shows_itself_to_no_formatting(form: str) -> None:
    assert CANARY not in form.format(Secret(CANARY))
    assert CANARY not in form.format(Holder(Secret(CANARY)))
    assert f"       {MASK}" == f"{Secret(CANARY):>10}"


def test_a_secret_is_revealed_by_name_only() -> None:
    secret = Secret(CANARY)

    assert CANARY == secret.reveal()
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps({"key": Secret(CANARY)}, protocol)


def test_a_secret_cannot_become_json_and_its_text_is_a_mask() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(CANARY))
    assert f'"{MASK}"' == json.dumps(Secret(CANARY), default=str)


def test_secrets_are_compared_but_are_no_keys() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))


def test_a_copy_is_the_secret_itself() -> None:
    secret = Secret(CANARY)

    assert secret is copy.copy(secret)
    assert secret is copy.deepcopy([secret])[0]


def test_the_environment_comes_first(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text("from-file")
    (tmp_path / "KEY").chmod(0o600)

    assert "from-env" == source({"KEY": "from-env"}, tmp_path)("KEY").reveal()
    assert "from-file" == source({}, tmp_path)("KEY").reveal()


def test_a_variable_may_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere"
    path.write_text("from-elsewhere\n")
    path.chmod(0o600)

    assert "from-elsewhere" == source({"KEY_FILE": str(path)}, tmp_path)("KEY").reveal()


def test_a_file_that_is_named_and_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the secret in .*gone: No such file"):
        source({"KEY_FILE": str(tmp_path / "gone")}, tmp_path)("KEY")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o666, 0o610])
def test_a_file_that_others_reach_is_refused_without_its_content(tmp_path: Path, mode: int) -> None:
    (tmp_path / "KEY").write_text(CANARY)
    (tmp_path / "KEY").chmod(mode)

    with pytest.raises(ConfigError, match="can be read by others") as refused:
        source({}, tmp_path)("KEY")

    assert f"(mode {mode:04o})" in str(refused.value)
    assert CANARY not in "".join(traceback.format_exception(refused.value))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text(CANARY)
    (tmp_path / "KEY").chmod(0o600)
    os.chown(tmp_path / "KEY", 12345, 12345)

    with pytest.raises(ConfigError, match="belongs to another user"):
        source({}, tmp_path)("KEY")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a\nb\n", b"\xff\xfe" + CANARY.encode(), b"x" * 70_000]
)
def test_a_file_that_holds_no_single_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "KEY"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="must hold one line of text") as refused:
        read_secret_file(path)

    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the secret|must be a file"):
        read_secret_file(tmp_path)


def keyring_with(answer: object) -> ModuleType:
    """A stand-in for the package ``keyring``."""
    module, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]

    def get_password(service: str, name: str) -> object:
        if isinstance(answer, str) and answer.startswith("raise"):
            raise errors.KeyringError(CANARY)
        return answer if (service, name) == ("ml4t", "KEY") else None

    module.errors, module.get_password = errors, get_password  # type: ignore[attr-defined]
    return module


def test_the_keyring_is_asked_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring_with("from-keyring"))

    assert "from-keyring" == source({}, tmp_path)("KEY").reveal()


def test_a_keyring_that_is_locked_is_told_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring_with("raise"))

    with pytest.raises(ConfigError, match="keyring could not be asked for KEY") as refused:
        source({}, tmp_path)("KEY")

    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_the_callback_is_asked_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    found = source({}, tmp_path, callback={"KEY": "from-callback"}.get)("KEY")

    assert "from-callback" == found.reveal()


def test_a_secret_that_nobody_has_is_told_with_every_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(ConfigError) as refused:
        source({}, tmp_path)("KEY")

    for place in ("environment variable KEY", str(tmp_path / "KEY"), "KEY_FILE", "keyring set"):
        assert place in str(refused.value)


@pytest.mark.parametrize("name", ["", "../KEY", "a/b", "1KEY", "KEY\n", "KEY ID"])
def test_a_name_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name of a secret"):
        source({name: CANARY}, tmp_path)(name)


def test_what_was_handed_out_is_masked_from_then_on(tmp_path: Path) -> None:
    redactor = Redactor()
    Secrets(redactor, environment={"KEY": CANARY}, folder=tmp_path)("KEY")

    assert f"sent {MASK}!" == redactor(f"sent {CANARY}!")
    assert CANARY not in repr(redactor)


def test_a_secret_within_another_leaves_nothing_of_it() -> None:
    redactor = Redactor()
    for value in ("abcdef", "abcdef-ghijkl"):
        redactor.learn(Secret(value))

    assert MASK == redactor("abcdef-ghijkl")


def test_a_very_short_secret_does_not_mask_every_text() -> None:
    redactor = Redactor()
    redactor.learn(Secret("a"))

    assert "a day" == redactor("a day")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("secret_key=hunter22", "secret_key=***"),
        ('{"api_key": "abc123"}', '{"api_key": "***"}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("APCA-API-SECRET-KEY: abc", "APCA-API-SECRET-KEY: ***"),
        ("password = 'x y'", "password = '*** y'"),
        ("key PKABCDEFGH1234567890 used", "key *** used"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.abc", "***"),
        ("aB3" * 12, "***"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert shown == Redactor()(text)


@pytest.mark.parametrize(
    "text",
    [
        "order m4-ABCDEFGHIJKLMNOPQRSTUVWX234 filled 100 SPY at 451.25",
        "head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "/home/user/ml4t-state/DU1234567/journal.db",
        "account DU1234567 is paper",
        "2026-11-24T14:30:00.000000+00:00",
    ],
)
def test_what_a_run_tells_of_itself_is_not_masked(text: str) -> None:
    assert text == Redactor()(text)


@given(st.text(min_size=6, max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_a_known_secret_is_never_in_a_masked_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.learn(Secret(secret))

    masked = redactor(f"{before}{secret}{after}")

    # A secret made of mask characters is no secret that masking could hide.
    assert secret not in masked or set(secret) == {"*"} or secret in f"{before}{MASK}{after}"
