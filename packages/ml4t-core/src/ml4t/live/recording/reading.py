"""A recording, read again: the callbacks in order, with the bars and the calls of each."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar
from ml4t.core.errors import DataError
from ml4t.core.fills import Fill
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import Position
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.bars import GrowingPanel
from ml4t.live.recording.tables import VERSION
from ml4t.live.recording.values import from_text

__all__ = ["RecordedCall", "RecordedCallback", "Recording"]

_CALLBACKS = """
    SELECT seq, name, at, told, ended, error, lead(seq, 1, 1 << 62) OVER (ORDER BY seq)
    FROM callbacks ORDER BY seq"""
_CALLS = """
    SELECT name, arguments, answer, error FROM calls WHERE seq > ? AND seq < ? ORDER BY seq"""
_BARS = "SELECT asset, open, high, low, close, volume FROM bars WHERE callback = ?"
_MARKS = "SELECT asset, mark FROM marks WHERE callback = ?"


@attrs.frozen(kw_only=True)
class RecordedCall:
    """What the strategy asked its broker.

    Attributes:
        name: of the method or property.
        arguments: by name, as canonical text.
        answer: what it answered, likewise; None where it raised.
        error: what it raised, as type and message; None where it answered.
    """

    name: str
    arguments: str
    answer: str | None
    error: str | None


@attrs.frozen(kw_only=True)
class RecordedCallback:
    """One call of the strategy.

    Attributes:
        name: of its method.
        at: when it began, by the clock of the run.
        told: the order or fill; for ``on_data`` the timestamp, the context and the universe.
        data: the bars, for ``on_data``.
        calls: what the strategy asked meanwhile.
        ended: whether it returned or raised; False where the program ended before.
        error: what it raised, as type and message; None where it returned.
    """

    name: str
    at: datetime
    told: Any
    data: MarketSlice | None
    calls: Sequence[RecordedCall]
    ended: bool
    error: str | None

    @property
    def place(self) -> str:
        """Where in the run it was, in words."""
        if self.data is not None:
            return f"on_data of the bars of {self.data.timestamp.isoformat()}"
        return f"{self.name} at {self.at.isoformat()}"


class Recording:
    """A file that a :class:`~ml4t.live.recording.Recorder` wrote, whole or cut off.

    Args:
        path: of the file.

    Attributes:
        path: of the file.

    Raises:
        DataError: it is no recording, or one of a newer version of ml4t-core.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            msg = f"there is no recording {self.path}"
            raise DataError(msg)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            found = self._connection.execute("PRAGMA user_version").fetchone()[0]
            rows = self._connection.execute("SELECT name, value FROM facts").fetchall()
        except sqlite3.Error as error:
            msg = f"{self.path} is no recording of a run: {error}"
            raise DataError(msg) from error
        if found != VERSION:
            msg = f"{self.path} has version {found} of the tables, expected {VERSION}"
            raise DataError(msg)
        self._facts = {name: from_text(value) for name, value in rows}
        if "assets" not in self._facts:
            msg = f"{self.path} holds no run: it was cut off before the strategy was started"
            raise DataError(msg)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def facts(self) -> Mapping[str, object]:
        """What the run began with, by the names of ``RunFacts``, and with which versions."""
        return self._facts

    @property
    def is_complete(self) -> bool:
        """Whether the run ended in order."""
        return "ended" in self._facts

    @property
    def assets(self) -> Mapping[str, Asset]:
        """The terms of what could be traded, by symbol."""
        return {asset.symbol: asset for asset in self._facts["assets"]}

    @property
    def positions(self) -> Mapping[str, Position]:
        """What was held at the start."""
        positions: Mapping[str, Position] = self._facts["positions"]
        return positions

    @property
    def market(self) -> ShadowMarket:
        """The market that the run is compared with.

        Raises:
            ConfigError: this version of ml4t-core does not know one of its assumptions.
        """
        return ShadowMarket.of(_as_lists(self._facts["market"]))

    def fills(self) -> list[Fill]:
        """Every execution: as corrected at the end, or as told where it was cut off."""
        rows = self._connection.execute("SELECT fill FROM executions ORDER BY seq").fetchall()
        if not self.is_complete:
            told = "SELECT told FROM callbacks WHERE name = 'on_fill' ORDER BY seq"
            rows = self._connection.execute(told).fetchall()
        return [from_text(row[0]) for row in rows]

    def callbacks(self) -> Iterator[RecordedCallback]:
        """Every call of the strategy, in order; bars can be looked back over as in the run.

        Raises:
            DataError: the file is damaged.
        """
        panel: GrowingPanel | None = None
        try:
            for seq, name, at, told, ended, error, after in self._connection.execute(_CALLBACKS):
                content: Any = None if told is None else from_text(told)
                data = None
                if name == "on_data":
                    group = self._bars(seq, content["timestamp"])
                    panel = panel or _panel(content, group)
                    data = panel.append(content["timestamp"], *group)
                yield RecordedCallback(
                    name=name,
                    at=from_text(at),
                    told=content,
                    data=data,
                    calls=self._calls(seq, after),
                    ended=bool(ended),
                    error=error,
                )
        except sqlite3.Error as error:
            msg = f"the recording {self.path} is damaged: {error}"
            raise DataError(msg) from error

    def _bars(self, seq: int, timestamp: datetime) -> tuple[dict[str, Bar], list[Bar]]:
        """The bars that were shown, and a stand-in for each that was only known of."""
        shown = {
            asset: Bar(
                timestamp=timestamp, asset=asset, open=opens, high=high, low=low, close=close,
                volume=volume,
            )
            for asset, opens, high, low, close, volume in self._connection.execute(_BARS, [seq])
        }  # fmt: skip
        carried = [
            Bar(timestamp=timestamp, asset=asset, open=mark, high=mark, low=mark, close=mark)
            for asset, mark in self._connection.execute(_MARKS, [seq])
        ]
        return shown, carried

    def _calls(self, seq: int, after: int) -> list[RecordedCall]:
        return [
            RecordedCall(name=name, arguments=arguments, answer=answer, error=error)
            for name, arguments, answer, error in self._connection.execute(_CALLS, [seq, after])
        ]


def _panel(told: Mapping[str, Any], group: tuple[dict[str, Bar], list[Bar]]) -> GrowingPanel:
    """The panel of the run: as wide, with a volume or without, in the same zone."""
    shown = chain(group[0].values(), group[1])
    has_volume = any(bar.volume is not None for bar in shown)
    zone = told["timestamp"].tzinfo
    return GrowingPanel(told["universe"], has_volume=has_volume, keep=1024, zone=zone)


def _as_lists(table: Mapping[str, Any]) -> dict[str, object]:
    return {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in table.items()
    }
