"""What ``ml4t backtest`` was given: the files and the options that a run can be made of again."""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.labels import read_labels
from ml4t.core.strategy_file import split_strategy

__all__ = ["DATA_FILES", "RunInputs", "sha256_of"]

DATA_FILES = ("prices", "signals", "context")
"""The files of market data, by the name of their option."""


@attrs.frozen(kw_only=True)
class RunInputs:
    """The files and options of one run.

    Attributes:
        strategy: ``FILE.py``, ``FILE.py:Class`` or ``module:Class``.
        prices: the file of prices.
        signals: the file of signals, if there is one.
        context: the file of context, if there is one.
        timezone: the zone of timestamps that carry none.
        options: further arguments of :class:`~ml4t.backtest.DataFeed` by name, in plain values;
            instead of ``labels`` the texts ``bar_label`` and ``bar_length``.
    """

    strategy: str
    prices: Path
    signals: Path | None = None
    context: Path | None = None
    timezone: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)

    def feed(self) -> DataFeed:
        """Read the data.

        Raises:
            DataError: the data were refused.
            InvalidValueError: an option is not possible.
            OSError: a file cannot be opened.
        """
        options = dict(self.options)
        label, length = options.pop("bar_label", None), options.pop("bar_length", None)
        if label is not None or length is not None:
            options["labels"] = read_labels(label or "end", length)
        return DataFeed(self.prices, self.signals, self.context, timezone=self.timezone, **options)

    def with_options(self, **options: Any) -> "RunInputs":
        """The same with further options; what is None counts as not given."""
        given = {name: value for name, value in options.items() if value is not None}
        return attrs.evolve(self, options={**self.options, **given})

    @property
    def data(self) -> dict[str, Path]:
        """The files of market data that there are, by the name of their option."""
        files = {name: getattr(self, name) for name in DATA_FILES}
        return {name: Path(path) for name, path in files.items() if path is not None}

    def absolute(self) -> "RunInputs":
        """The same with paths that do not depend on the current folder."""
        path, cls = split_strategy(self.strategy)
        strategy = os.path.abspath(path) + (f":{cls}" if cls else "")  # noqa: PTH100 - keeps links
        files = {name: os.path.abspath(path) for name, path in self.data.items()}  # noqa: PTH100
        return self.from_table({**self.to_table(), "strategy": strategy, **files})

    def to_table(self) -> dict[str, Any]:
        """The inputs in plain values."""
        return {
            "strategy": self.strategy,
            "timezone": self.timezone,
            "options": dict(self.options),
            **{name: str(path) for name, path in self.data.items()},
        }

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "RunInputs":
        """Read what :meth:`to_table` gave."""
        signals, context = table.get("signals"), table.get("context")
        return cls(
            strategy=table["strategy"],
            prices=Path(table["prices"]),
            signals=None if signals is None else Path(signals),
            context=None if context is None else Path(context),
            timezone=table["timezone"],
            options=table["options"],
        )

    def record(self) -> dict[str, Any]:
        """What a manifest keeps, so that the run can be made again and a changed file be noticed.

        To be called after the run, when the modules that the strategy imports are known. Of those
        the ones that lie in its folder are recorded too.

        Raises:
            OSError: a file cannot be read any more.
        """
        path, cls = split_strategy(self.strategy)
        return {
            "folder": str(Path.cwd()),
            "strategy": {"path": str(path), "class": cls, "sha256": sha256_of(path)},
            "modules": _modules_beside(path),
            "files": {
                name: {"path": str(file), "sha256": sha256_of(file)}
                for name, file in self.data.items()
            },
            "timezone": self.timezone,
            "options": dict(self.options),
            "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
        }


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _modules_beside(strategy: Path) -> dict[str, str]:
    """The digest of each loaded module in the strategy's folder, by its path in that folder."""
    own = strategy.resolve()
    found = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if not isinstance(name, str) or not name.endswith(".py"):
            continue
        path = Path(name).resolve()
        # An environment inside the folder holds installed packages, which have versions.
        if path == own or "site-packages" in path.parts or not path.is_relative_to(own.parent):
            continue
        if path.is_file() and not (module.__name__ or "").startswith("ml4t."):
            found[path.relative_to(own.parent).as_posix()] = sha256_of(path)
    return dict(sorted(found.items()))
