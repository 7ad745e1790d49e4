"""Keys and passwords: where they come from, and how they are kept out of everything written."""

import hmac
import importlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from ml4t.core.errors import ConfigError

__all__ = ["MASK", "Redactor", "Secret", "Secrets"]

MASK = "***"
"""What is shown instead of a secret."""

_LARGEST_FILE = 65_536
_SHORTEST = 6
"""Secrets shorter than this are not searched for in texts: everything would be masked."""

_SHAPES = (
    # A word that announces a secret, then the secret.
    re.compile(
        r"""(?ix) (?P<kept> (?: secret | token | passw(?:or)?d | passphrase | api[-_ ]?key
        | key[-_ ]?id | authorization | credentials? ) [\w-]* ["']? \s* [:=] \s* ["']?
        (?: (?:bearer|basic) \s+ )? ) [^\s"',;}\])]+"""
    ),
    re.compile(r"(?i)(?P<kept>\b(?:bearer|basic)\s+)[\w.~+/-]{8,}=*"),
    # Ids of keys at brokers and clouds, and tokens made of three parts.
    re.compile(r"\b(?P<kept>)(?:PK|AK|CK|AKIA)[A-Z0-9]{14,}\b"),
    re.compile(r"\b(?P<kept>)eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*"),
    # Long words of small letters, capitals and digits are nothing that a person wrote.
    re.compile(r"\b(?P<kept>)(?=\w*[a-z])(?=\w*[A-Z])(?=\w*\d)[A-Za-z0-9]{32,}\b"),
)


class Secret:
    """A text that shows itself to nobody who does not ask for it by name.

    It cannot be pickled or turned into JSON, and prints as ``***``.

    >>> key = Secret("not-a-real-key")
    >>> f"{key} {key!r}"
    "*** Secret('***')"
    >>> key.reveal()
    'not-a-real-key'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself; keep it in no variable that lives longer than the call."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # In a time that does not tell how much of it was right.
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = "a secret is not written anywhere: it cannot be pickled"
        raise TypeError(msg)


class Redactor:
    """Masks secrets in texts: those that it knows, and whatever looks like one.

    >>> Redactor()("secret_key=hunter2 for SPY")
    'secret_key=*** for SPY'
    """

    def __init__(self) -> None:
        self._known: list[str] = []

    def learn(self, secret: Secret) -> None:
        """Mask this one from now on, however it looks; very short ones are left alone."""
        value = secret.reveal()
        if len(value) >= _SHORTEST and value not in self._known:
            # The longest first, since one may be a part of another.
            self._known = sorted((*self._known, value), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._known:
            text = text.replace(value, MASK)
        for shape in _SHAPES:
            text = shape.sub(rf"\g<kept>{MASK}", text)
        return text

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} known)"


class Secrets:
    """Finds a secret by its name, in this order: environment, file, keyring, callback.

    The name is that of the environment variable, such as ``APCA_API_SECRET_KEY``. The file is the
    one that the variable ``<name>_FILE`` names, or else the one called like the secret in
    ``folder``. The keyring is asked where the package ``keyring`` is installed, for the service
    ``ml4t``.

    Args:
        redactor: learns every secret that is handed out.
        environment: the variables; those of the process if left out.
        folder: of the files; ``~/.config/ml4t/secrets`` if left out.
        callback: the last to be asked; it gives None for what it does not know.

    >>> Secrets(Redactor(), environment={"DEMO_KEY": "not-a-real-key"})("DEMO_KEY")
    Secret('***')
    """

    def __init__(
        self,
        redactor: Redactor,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        callback: Callable[[str], str | None] | None = None,
    ) -> None:
        self._redactor = redactor
        self._environment = os.environ if environment is None else environment
        self._folder = Path("~/.config/ml4t/secrets") if folder is None else folder
        self._callback = callback

    def __call__(self, name: str) -> Secret:
        """The secret of that name.

        Raises:
            ConfigError: no source has it, or its file may be read by others; never tells what is
                in it.
        """
        if not re.fullmatch(r"[A-Za-z]\w*", name):
            msg = f"the name of a secret must be letters, digits and _, was {name!r}"
            raise ConfigError(msg)
        value = self._look_up(name)
        if not value:
            msg = (
                f"there is no secret {name}: set the environment variable {name}, or put it into "
                f"the file {self._file(name)} (mode 0600, or name another one in {name}_FILE), "
                f"or `keyring set ml4t {name}` where keyring is installed"
            )
            raise ConfigError(msg)
        secret = Secret(value)
        self._redactor.learn(secret)
        return secret

    def _look_up(self, name: str) -> str | None:
        return (
            self._environment.get(name)
            or self._from_file(name)
            or _from_keyring(name)
            or (self._callback(name) if self._callback is not None else None)
        )

    def _file(self, name: str) -> Path:
        return Path(self._environment.get(f"{name}_FILE") or self._folder / name).expanduser()

    def _from_file(self, name: str) -> str | None:
        path = self._file(name)
        if not path.exists() and f"{name}_FILE" not in self._environment:
            return None
        return read_secret_file(path)


def read_secret_file(path: Path) -> str:
    """The text in a file that nobody but its owner may read, without the end of its line.

    Raises:
        ConfigError: the file cannot be read, is not the user's own, may be read or written by
            others, or holds no text.
    """
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that it cannot be exchanged in between.
            _require_private(path, os.fstat(file.fileno()))
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        msg = f"cannot read the secret in {path}: {error.strerror}"
        raise ConfigError(msg) from error
    try:
        text = content.decode().strip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text or len(content) > _LARGEST_FILE or "\n" in text:
        msg = f"{path} must hold one line of text, the secret and nothing else"
        # Not from the error: that of the decoder carries the bytes.
        raise ConfigError(msg) from None
    return text


def _require_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        msg = f"{path} must be a file"
        raise ConfigError(msg)
    if os.name != "posix":
        return
    if found.st_mode & 0o077:
        msg = (
            f"{path} can be read by others (mode {stat.S_IMODE(found.st_mode):04o}): "
            f"run `chmod 600 {path}`, and replace the key if others use this machine"
        )
        raise ConfigError(msg)
    if found.st_uid not in {os.geteuid(), 0}:
        msg = f"{path} belongs to another user: keep secrets in files of your own"
        raise ConfigError(msg)


def _from_keyring(name: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    try:
        found = keyring.get_password("ml4t", name)
    except keyring.errors.KeyringError as error:
        msg = f"the keyring could not be asked for {name}: {type(error).__name__}"
        raise ConfigError(msg) from None
    return found if isinstance(found, str) else None
