"""What a backtest gives."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.results.explain import explain_fill
from ml4t.backtest.results.manifest import RunManifest, digest_of_tables
from ml4t.backtest.results.metrics import summarize
from ml4t.core import DataError, InvalidValueError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "BacktestResult"]

TABLES = ("account", "orders", "fills", "trades", "positions", "charges", "ambiguous_bars")
"""The tables of a result, and the names of the files that hold them."""

_DIGESTED = ("account", "orders", "fills")
"""What identifies a result; the other tables follow from these."""


class BacktestResult:
    """The account, orders, fills and trades of one run, as pandas objects.

    A table is made when it is first asked for, then kept. Timestamps are in the timezone of the
    feed, money is in the account's currency.

    Args:
        config: what the run assumed.
        makers: what makes each of the tables in :data:`TABLES`.
        origin: what makes the manifest, given the digest of the result.
    """

    def __init__(
        self,
        config: BacktestConfig,
        makers: Mapping[str, Callable[[], "pd.DataFrame"]],
        origin: Callable[[str], RunManifest],
    ) -> None:
        self.config = config
        self._makers = makers
        self._origin = origin

    @cached_property
    def account(self) -> "pd.DataFrame":
        """After every bar: ``cash``, ``equity`` and ``gross``, the absolute value of positions."""
        return self._makers["account"]()

    @property
    def equity(self) -> "pd.Series[float]":
        """Cash and the market value of all positions after every bar."""
        return self.account["equity"]

    @property
    def returns(self) -> "pd.Series[float]":
        """Simple return of the equity over every bar; the first is over the initial cash."""
        before = self.equity.shift(1, fill_value=self.config.initial_cash)
        return (self.equity / before - 1).rename("returns")

    @property
    def drawdown(self) -> "pd.Series[float]":
        """How far the equity is below its highest value so far, as a share; never positive."""
        peak = self.equity.cummax().clip(lower=self.config.initial_cash)
        return (self.equity / peak - 1).rename("drawdown")

    @cached_property
    def orders(self) -> "pd.DataFrame":
        """Every order in its last state, rejected ones with the reason, in order of submission."""
        return self._makers["orders"]()

    @cached_property
    def fills(self) -> "pd.DataFrame":
        """Every execution in order of time: its rule, its price before costs, and what they added.

        ``slippage`` and ``impact`` are money per unit, ``volume_left`` is what other orders could
        still fill in that bar (NaN: any number), and ``path`` says which way the bar is taken to
        have gone where the outcome depended on it.
        """
        return self._makers["fills"]()

    def explain(self, fill_id: str) -> str:
        """Why a fill happened, at that price, in that bar: one sentence.

        Args:
            fill_id: as in the column of that name in :attr:`fills`.

        Raises:
            InvalidValueError: there is no such fill.
        """
        found = self.fills[self.fills["fill_id"] == fill_id]
        if found.empty:
            msg = f"there is no fill {fill_id!r}, `fills` lists {len(self.fills)}"
            raise InvalidValueError(msg)
        fill = found.iloc[0]
        orders = self.orders
        return explain_fill(fill, orders[orders["order_id"] == fill["order_id"]].iloc[0])

    @cached_property
    def charges(self) -> "pd.DataFrame":
        """What holding positions cost: ``amount`` of money by ``asset``, at the begin of a bar."""
        return self._makers["charges"]()

    @cached_property
    def ambiguous_bars(self) -> "pd.DataFrame":
        """The bars whose outcome depended on what came first in them, the high or the low.

        ``path`` is the way they are taken to have gone; ``gain`` is what its fills gained until the
        bar's close, in money before costs; ``worst`` and ``best`` are the gains of the two ways.
        """
        return self._makers["ambiguous_bars"]()

    @property
    def profit_bounds(self) -> tuple[float, float]:
        """The profit if every ambiguous bar had gone the worst way, and the best way.

        Each such bar is revalued at its close with all else as it was, so orders that another way
        would have left working are not followed; running again with ``WorstCase`` or ``BestCase``
        as ``path`` follows them.
        """
        profit = float(self.equity.iloc[-1]) - self.config.initial_cash
        bars = self.ambiguous_bars
        worst, best = ((bars[way] - bars["gain"]).sum() for way in ("worst", "best"))
        return profit + float(worst), profit + float(best)

    @cached_property
    def trades(self) -> "pd.DataFrame":
        """Round trips, first in first out.

        The profits sum to the change of the equity, before what ``charges`` took.

        What is still held at the end stands with ``is_open`` at its last known close.
        """
        return self._makers["trades"]()

    @cached_property
    def positions(self) -> "pd.DataFrame":
        """Units held after every bar, one column for each asset."""
        return self._makers["positions"]()

    @cached_property
    def summary(self) -> "pd.Series[float]":
        """Returns, risk ratios, costs and counts; see :func:`.metrics.summarize`."""
        return summarize(self.account, self.fills, self.trades, self.config.initial_cash)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know, in words."""
        notes = []
        if self.config.free_of_costs:
            notes.append("No costs were charged: neither slippage nor commission is assumed.")
        if self.config.timing.same_bar:
            notes.append("Market orders filled at the very close they were decided on.")
        for status, word in (("rejected", "rejected"), ("expired", "expired unfilled")):
            count = int((self.orders["status"] == status).sum())
            if count:
                notes.append(f"{count} of {len(self.orders)} orders were {word}; see `orders`.")
        trimmed = (self.orders["status"] == "cancelled") & (self.orders["filled_quantity"] > 0)
        if trimmed.any():
            notes.append(f"{int(trimmed.sum())} orders filled in part only; see `orders`.")
        count = len(self.ambiguous_bars)
        if count:
            worst, best = self.profit_bounds
            notes.append(
                f"{count} bars could have filled more than one way: the profit lies between "
                f"{worst:,.2f} and {best:,.2f}; see `ambiguous_bars`."
            )
        return tuple(notes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over account, orders and fills: the same input gives the same digest."""
        return digest_of_tables({name: getattr(self, name) for name in _DIGESTED})

    @cached_property
    def manifest(self) -> RunManifest:
        """Versions, configuration and digests that identify the run."""
        return self._origin(self.digest)

    def to_parquet(self, folder: str | Path) -> Path:
        """Write every table and the manifest into ``folder``, which is made if it is missing.

        Returns:
            The folder.
        """
        from ml4t.backtest.results.storage import write_folder  # noqa: PLC0415 - needs pyarrow

        tables = {name: getattr(self, name) for name in TABLES}
        return write_folder(Path(folder), tables, self.manifest)

    @classmethod
    def from_parquet(cls, folder: str | Path) -> "BacktestResult":
        """Read back what :meth:`to_parquet` wrote.

        Raises:
            DataError: a file is missing, or the tables are not those the manifest was made of.
        """
        from ml4t.backtest.results.storage import read_folder  # noqa: PLC0415 - needs pyarrow

        manifest, makers = read_folder(Path(folder), TABLES)
        config = BacktestConfig.from_dict(manifest.config, source=str(folder))
        result = cls(config, makers, lambda _: manifest)
        if result.digest != manifest.result_digest:
            msg = (
                f"the tables in {folder} are not those its manifest was made of: digest "
                f"{result.digest} instead of {manifest.result_digest}"
            )
            raise DataError(msg)
        return result

    def plot(self, path: str | Path) -> Path:
        """Draw equity and drawdown into an image file; the suffix of ``path`` names its format.

        Returns:
            The path.
        """
        from ml4t.backtest.results.plot import draw  # noqa: PLC0415 - needs matplotlib

        title = f"{self.manifest.strategy}: {self.config.initial_cash:,.0f} → "
        title += f"{self.equity.iloc[-1]:,.0f}, largest drawdown {self.drawdown.min():.1%}"
        return draw(self.equity, self.drawdown, title, Path(path))

    def __repr__(self) -> str:
        equity = self.equity
        return (
            f"BacktestResult({equity.index[0].date()} to {equity.index[-1].date()}, "
            f"equity {self.config.initial_cash:,.2f} -> {equity.iloc[-1]:,.2f}, "
            f"{len(self.fills)} fills)"
        )
