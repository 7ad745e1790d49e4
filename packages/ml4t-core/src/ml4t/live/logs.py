"""What the runtime says while it works: lines of JSON, or of text for a person, without secrets."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import Constant
from ml4t.live.secrets import Redactor

__all__ = ["LogConfig", "LogStyle", "Logs", "RedactingFilter"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; whatever else it carries was given as ``extra``."""

_DEEPEST = 6
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_READABLE = str.maketrans({code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127)})


class LogStyle(Constant):
    """How a line looks: ``JSON`` for programs, ``HUMAN`` for a terminal."""

    JSON = "json"
    HUMAN = "human"


@attrs.frozen(kw_only=True)
class LogConfig:
    """Where messages go.

    Attributes:
        level: the least of them that is written, such as "INFO".
        style: of the lines on the terminal; a file has JSON always.
        file: where the lines are kept as well, if anywhere.
        max_bytes: how large the file becomes before another one begins.
        backups: how many files before it are kept.

    Raises:
        ConfigError: the level is none, or a number is not positive.
    """

    level: str = "INFO"
    style: LogStyle = LogStyle.HUMAN
    file: Path | None = None
    max_bytes: int = 10_000_000
    backups: int = 5

    def __attrs_post_init__(self) -> None:
        if self.level not in _LEVELS:
            msg = f"level must be one of {', '.join(_LEVELS)}, was {self.level!r}"
            raise ConfigError(msg)
        if self.max_bytes <= 0 or self.backups <= 0:
            msg = f"max_bytes and backups must be positive, was {self.max_bytes}, {self.backups}"
            raise ConfigError(msg)


class RedactingFilter(logging.Filter):
    """Masks secrets in a record, in the text of its exception and in its extra fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record for whoever writes it afterwards; it always passes."""
        record.msg = self._redactor(_message(record))
        record.args = None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            # Formatters of other handlers take the text, and never see the object.
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self._redactor(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redactor(record.stack_info)
        for name in sorted(vars(record).keys() - _OWN):
            setattr(record, name, _plain(getattr(record, name), self._redactor))
        return True


class _JsonLines(logging.Formatter):
    """One object a line: ts, level, logger, event, then the extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _OWN}
        # What the runtime says of a record wins over a field of the same name.
        line = {**extra, **line} if extra.keys() & line.keys() else {**line, **extra}
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=True, default=str)


class _HumanLines(logging.Formatter):
    """Time, level, message and fields; control characters are shown and not obeyed."""

    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f" {k}={v}" for k, v in vars(record).items() if k not in _OWN)
        text = f"{record.getMessage()}{extra}".replace("\n", "\\n").translate(_READABLE)
        line = f"{_instant(record)} {record.levelname:<8} {text}"
        return f"{line}\n{record.exc_text.translate(_READABLE)}" if record.exc_text else line


class _PrivateFile(RotatingFileHandler):
    """A rotating file that nobody but its owner may read."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


class Logs:
    """The handlers of a run, on the root logger, so that vendors' messages are masked as well.

    Use it as a context: at its end the handlers that it added are taken away again.

    Args:
        config: where messages go.
        redactor: what masks secrets in them.
        stream: the terminal; standard error if left out.

    Raises:
        ConfigError: the file cannot be written.

    >>> import io
    >>> told = io.StringIO()
    >>> with Logs(LogConfig(style=LogStyle.JSON), Redactor(), stream=told):
    ...     logging.getLogger("ml4t.demo").info("bar", extra={"asset": "SPY"})
    >>> json.loads(told.getvalue())["asset"]
    'SPY'
    """

    def __init__(
        self, config: LogConfig, redactor: Redactor, *, stream: TextIO | None = None
    ) -> None:
        terminal: logging.Handler = logging.StreamHandler(stream or sys.stderr)
        human = config.style is LogStyle.HUMAN
        terminal.setFormatter(_HumanLines() if human else _JsonLines())
        self._handlers = [terminal]
        if config.file is not None:
            self._handlers.append(_file_handler(config, config.file))
        for handler in self._handlers:
            handler.setLevel(config.level)
            handler.addFilter(RedactingFilter(redactor))
        self._level = config.level
        self._before = logging.WARNING

    def __enter__(self) -> "Logs":
        root = logging.getLogger()
        self._before = root.level
        root.setLevel(self._level)
        for handler in self._handlers:
            root.addHandler(handler)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.setLevel(self._before)
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()


def _file_handler(config: LogConfig, path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = _PrivateFile(path, maxBytes=config.max_bytes, backupCount=config.backups)
    except OSError as error:
        msg = f"cannot write the log {path}: {error.strerror}"
        raise ConfigError(msg) from error
    handler.setFormatter(_JsonLines())
    return handler


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # A message whose arguments do not fit is still worth reading.
        return f"{record.msg} {record.args!r}"


def _instant(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: object, redact: Redactor, depth: int = 0) -> object:
    """A value of plain types without secrets; whatever has none is told by its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {redact(str(k)): _plain(v, redact, depth + 1) for k, v in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, redact, depth + 1) for item in value]
    return redact(str(value))
