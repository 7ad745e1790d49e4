"""The file that sets up a live run, in TOML. It holds no keys and no passwords."""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import NoReturn, TypeVar

import attrs

from ml4t.core.errors import ConfigError, Ml4tError
from ml4t.core.risk import LiveRiskConfig
from ml4t.live.assumption_table import ShadowMarket, require_known
from ml4t.live.bars import read_bar_length
from ml4t.live.config import ExecutionMode, LiveConfig, Timing

__all__ = ["LiveFile", "read_live_file", "read_live_table", "read_size"]

T = TypeVar("T")

_TABLES = ("run", "risk", "timing", "broker", "feed", "shadow", "calendar")
_TYPES: Mapping[str, type] = {
    "assets": list,
    "bar_size": str,
    "account": str,
    "mode": str,
    "confirm_account": str,
    "state": str,
    "warmup": int,
    "name": str,
    "adopt": bool,
    "strict": bool,
}
_WORDS = {list: "a list", str: "a text", int: "a whole number", bool: "true or false"}
_SECRET_KEY = re.compile(
    r"(?i)secret|token|passw(or)?d|passphrase|api_?key|key_?id|private|credential|authorization"
)
_SECRET_VALUE = re.compile(
    r"(?:PK|AK|CK)[A-Z0-9]{14,}|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?=\w*[a-z])(?=\w*[A-Z])(?=\w*\d)[A-Za-z0-9]{32,}"
)


@attrs.frozen(kw_only=True)
class LiveFile:
    """What a configuration file says.

    Attributes:
        live: the run; its ``digest`` is the SHA-256 of everything in the file.
        broker: the name of the broker; "" where the file leaves it open.
        options: what the broker's adapter is told, in plain values.
        feed: what the source of the bars is told, likewise.
        shadow: the simulated venue of a shadow run.
        calendar: the sessions: ``always``, or the name of an exchange such as ``XNYS``; "" where
            the broker's own are used.
    """

    live: LiveConfig
    broker: str
    options: Mapping[str, object]
    feed: Mapping[str, object]
    shadow: ShadowMarket
    calendar: str


def read_live_file(path: Path, overrides: Mapping[str, object] | None = None) -> LiveFile:
    """Read a configuration file.

    Args:
        path: of the file. A relative ``state`` is meant from the file's folder.
        overrides: what the command line says instead of the table ``run``; None counts as not said.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key or value is not known. Names
            file and key, and never tells a value that could be a secret.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        msg = f"cannot read the configuration {path}: {error.strerror}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not valid TOML: {type(error).__name__}"
        if isinstance(error, tomllib.TOMLDecodeError):
            msg = f"{path} is not valid TOML: {error}"
        # The error itself may carry the text of the file.
        raise ConfigError(msg) from None
    return read_live_table(table, overrides, source=str(path), folder=path.parent)


def read_live_table(
    table: Mapping[str, object],
    overrides: Mapping[str, object] | None = None,
    *,
    source: str,
    folder: Path,
) -> LiveFile:
    """The same from a table that was read already; ``source`` names it in errors.

    Raises:
        ConfigError: a key or value is not known.
    """
    try:
        return _read(table, overrides or {}, folder)
    except Ml4tError as error:
        msg = f"{source}: {error}"
        raise ConfigError(msg) from error


def _read(table: Mapping[str, object], overrides: Mapping[str, object], folder: Path) -> LiveFile:
    _refuse_secrets(table)
    parts: dict[str, dict[str, object]] = {name: _part(table, name) for name in _TABLES}
    for name in table:
        require_known("", name, _TABLES)
    run = {**parts["run"], **{k: v for k, v in overrides.items() if v is not None}}
    if "state" in run and isinstance(run["state"], str) and overrides.get("state") is None:
        run["state"] = str(folder / Path(run["state"]).expanduser())
    broker = dict(parts["broker"])
    name = _text(broker, "broker", "name")
    calendar = dict(parts["calendar"])
    sessions = _text(calendar, "calendar", "name")
    for key in calendar:
        require_known("calendar", key, ("name",))
    canonical = json.dumps({**parts, "run": run}, sort_keys=True, default=str)
    live = _live(run, parts["risk"], parts["timing"])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return LiveFile(
        live=attrs.evolve(live, digest=digest),
        broker=name,
        options=broker,
        feed=parts["feed"],
        shadow=_within("shadow", ShadowMarket.of, parts["shadow"]),
        calendar=sessions,
    )


def _live(
    run: Mapping[str, object], risk: Mapping[str, object], timing: Mapping[str, object]
) -> LiveConfig:
    for name, value in run.items():
        _check_type(name, value)
    if "assets" not in run or "bar_size" not in run:
        msg = 'run needs assets and bar_size, such as assets = ["SPY"] and bar_size = "30min"'
        raise ConfigError(msg)
    fields = dict(run)
    size = read_size(str(fields.pop("bar_size")))
    fields["mode"] = _mode(fields.get("mode", ExecutionMode.SHADOW.value))
    for name in risk:
        require_known("risk", name, (field.name for field in attrs.fields(LiveRiskConfig)))
    seconds = {} if size is None else {"bar_seconds": size.total_seconds()}
    limits = _within("risk", LiveRiskConfig.of, {**seconds, **risk})
    return _within(
        "run",
        lambda told: LiveConfig(bar_size=size, risk=limits, timing=_timing(timing), **told),  # type: ignore[arg-type]
        fields,
    )


def _timing(table: Mapping[str, object]) -> Timing:
    known = [field.name for field in attrs.fields(Timing)]
    for name, value in table.items():
        require_known("timing", name, known)
        if isinstance(value, bool) or not isinstance(value, int | float):
            msg = f"timing: {name} must be a number of seconds, was {value!r}"
            raise ConfigError(msg)
    return Timing(**{name: float(value) for name, value in table.items()})  # type: ignore[arg-type]


def read_size(text: str) -> timedelta | None:
    """How long a bar is: ``30s``, ``5min`` or ``5m``, ``1h``; None for ``1d``, a whole session.

    Raises:
        ConfigError: it is no such length.
    """
    return read_bar_length(re.sub(r"^(\d+)m$", r"\1min", text.strip()))


def _mode(value: object) -> ExecutionMode:
    try:
        return ExecutionMode(value)
    except ValueError:
        known = ", ".join(mode.value for mode in ExecutionMode)
        msg = f"run: mode must be one of {known}, was {value!r}"
        raise ConfigError(msg) from None


def _check_type(name: str, value: object) -> None:
    require_known("run", name, _TYPES)
    wanted = _TYPES[name]
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if type(value) is not wanted or (wanted is list and not texts):
        kind = "a list of texts" if wanted is list else _WORDS[wanted]
        msg = f"run: {name} must be {kind}, was {value!r}"
        raise ConfigError(msg)


def _part(table: Mapping[str, object], name: str) -> dict[str, object]:
    part = table.get(name, {})
    if not isinstance(part, dict):
        msg = f"{name} must be a table, written [{name}]"
        raise ConfigError(msg)
    return part


def _text(table: dict[str, object], part: str, name: str) -> str:
    """Take a text out of a table; "" where it is not there."""
    value = table.pop(name, "")
    if not isinstance(value, str):
        msg = f"{part}: {name} must be a text, was {value!r}"
        raise ConfigError(msg)
    return value


def _within(part: str, make: Callable[[Mapping[str, object]], T], table: Mapping[str, object]) -> T:
    try:
        return make(table)
    except Ml4tError as error:
        msg = f"{part}: {error}"
        raise ConfigError(msg) from error


def _refuse_secrets(value: object, place: str = "") -> None:
    """Refuse keys that are named like secrets and texts that look like one, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            where = f"{place}.{name}" if place else str(name)
            if _SECRET_KEY.search(str(name)):
                _refuse(where)
            _refuse_secrets(inner, where)
    elif isinstance(value, list):
        for inner in value:
            _refuse_secrets(inner, place)
    elif isinstance(value, str) and _SECRET_VALUE.fullmatch(value):
        _refuse(place)


def _refuse(place: str) -> NoReturn:
    msg = (
        f"{place} looks like a secret, and secrets do not belong into this file: set the "
        "environment variable that the broker's page names, or put the secret into a file of its "
        "own with mode 0600; then replace the one that stood here"
    )
    raise ConfigError(msg)
