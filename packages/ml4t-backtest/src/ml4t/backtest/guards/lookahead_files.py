"""The check for look-ahead over files, each run in a process of its own."""

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.guards.child import observe_in_child
from ml4t.backtest.guards.cutting import altered_feed
from ml4t.backtest.guards.data_copies import (
    Writer,
    copy_of,
    mirror,
    placed,
    write_altered,
    write_cut,
)
from ml4t.backtest.guards.decisions import RAISED, Observation
from ml4t.backtest.guards.lookahead import Variant
from ml4t.backtest.guards.run_inputs import RunInputs
from ml4t.core.strategy_file import split_strategy

__all__ = ["FilesObserver"]


@attrs.frozen(kw_only=True)
class FilesObserver:
    """Makes each run of the check in a tree of folders whose data files are cut or altered too.

    So a strategy, or a module that it imports, which reads the prices again by a relative path or
    beside its own file meets the future that the run has.

    Attributes:
        inputs: the files and options.
        feed: the data in them.
        config: account and market.
        features: ``FILE.py:function`` that computes the signals, or None.
    """

    inputs: RunInputs
    feed: DataFeed
    config: BacktestConfig
    features: str | None = None

    def __call__(self, variant: Variant) -> Observation:
        """What the run decided.

        Raises:
            StrategyError: the run could not be made.
        """
        inputs = self.inputs.absolute()
        code = [split_strategy(inputs.strategy)[0]]
        if self.features:
            code.append(_absolute(self.features.rpartition(":")[0]))
        copies: dict[Path, Writer] = {path: copy_of(path) for path in code}
        copies |= self._data(inputs, variant)
        folder = Path.cwd()
        with TemporaryDirectory() as scratch:
            root = mirror(Path(os.path.realpath(scratch)), copies, folder)
            job = self._job(inputs, variant, root)
            seen = observe_in_child(job, placed(root, folder))
        # Errors name files where their reader knows them.
        entries = [
            entry._replace(fields={"error": str(entry.fields["error"]).replace(str(root), "")})
            if entry.what == RAISED
            else entry
            for entry in seen.entries
        ]
        return attrs.evolve(seen, entries=entries)

    def _job(self, inputs: RunInputs, variant: Variant, root: Path) -> dict[str, Any]:
        path, cls = split_strategy(inputs.strategy)
        features = None
        if self.features:
            file, _, function = self.features.rpartition(":")
            features = f"{placed(root, _absolute(file))}:{function}"
        return {
            # What is left of minute bars after a cut could pass for daily ones.
            "inputs": inputs.with_options(daily=self.feed.is_daily).to_table(),
            "config": self.config.to_dict(),
            "variant": [variant.test, variant.last_row, variant.seed],
            "strategy": str(placed(root, path)) + (f":{cls}" if cls else ""),
            "features": features,
        }

    def _data(self, inputs: RunInputs, variant: Variant) -> dict[Path, Writer]:
        files = inputs.data
        if variant.last_row is None:
            return {path: copy_of(path) for path in files.values()}
        if variant.test == "cut":
            last = int(self.feed.times.nanoseconds[variant.last_row])
            write = partial(write_cut, last=last, clock=self.feed.clock)
        else:
            other = altered_feed(self.feed, variant.last_row, variant.generator)
            write = partial(write_altered, other=other)
        return {path: write(path, name) for name, path in files.items()}


def _absolute(name: str) -> Path:
    return Path(os.path.abspath(name))  # noqa: PTH100 - keeps links
