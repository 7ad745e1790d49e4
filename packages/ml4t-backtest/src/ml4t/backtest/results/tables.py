"""The result of a run as pandas tables."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.garbage import rare_collections
from ml4t.backtest.results.equity import FillArrays, equity_curve, multipliers, quantities
from ml4t.backtest.results.manifest import RunManifest, versions
from ml4t.backtest.results.pandas_times import nanoseconds_of, time_index
from ml4t.backtest.results.result import TABLES, BacktestResult
from ml4t.backtest.results.trades import RoundTrip, round_trips
from ml4t.core import OrderSide, OrderStatus, OrderType, Strategy, TimeInForce
from ml4t.simulation import SimulatedBroker

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["result_of_run"]

# Looked up in a dictionary, since Python 3.11 takes six times as long for the value of a member.
_VALUES: dict[object, str] = {
    member: member.value
    for names in (OrderSide, OrderType, OrderStatus, TimeInForce)
    for member in names
}


def result_of_run(
    feed: DataFeed, config: BacktestConfig, broker: SimulatedBroker, strategy: Strategy
) -> BacktestResult:
    """The result of a run that has ended; its tables are made when they are asked for."""
    tables = _RunTables(feed, config, broker)
    cls = type(strategy)

    def origin(result_digest: str) -> RunManifest:
        return RunManifest(
            strategy=f"{cls.__module__}.{cls.__qualname__}",
            config=config.to_dict(),
            data_digest=feed.digest,
            result_digest=result_digest,
            versions=versions(),
        )

    # A table of a long run is made of as many objects as the run itself.
    makers = {name: rare_collections()(getattr(tables, name)) for name in TABLES}
    return BacktestResult(config, makers, origin)


class _RunTables:
    """Makes each table of a finished run when it is asked for, since few readers need them all."""

    def __init__(self, feed: DataFeed, config: BacktestConfig, broker: SimulatedBroker) -> None:
        self._feed = feed
        self._config = config
        self._broker = broker

    @cached_property
    def _fill_arrays(self) -> FillArrays:
        return FillArrays.of(self._broker.fill_records, self._feed)

    def account(self) -> "pd.DataFrame":
        """Cash, equity and gross value after every bar."""
        import pandas as pd  # noqa: PLC0415 - slow to load, and a run needs none

        charges = self._broker.holding_costs.charges
        cash = self._config.initial_cash
        curve = equity_curve(self._feed, self._fill_arrays, cash, charges)
        times = self._feed.times
        index = time_index(times.nanoseconds, times.zone).rename("timestamp")
        # The arrays are nobody else's; copying a million bars takes longer than all else here.
        return pd.DataFrame(curve._asdict(), index=index, copy=False)

    def orders(self) -> "pd.DataFrame":
        """Every order in its last state, in order of submission."""
        orders = list(self._broker.book.orders.values())
        requests = [order.request for order in orders]
        return self._frame(
            {
                "order_id": [order.id for order in orders],
                "asset": [request.asset for request in requests],
                "side": [_VALUES[request.side] for request in requests],
                "quantity": _floats([request.quantity for request in requests]),
                "order_type": [_VALUES[request.order_type] for request in requests],
                "limit_price": _floats([request.limit_price for request in requests]),
                "stop_price": _floats([request.stop_price for request in requests]),
                "trail_amount": _floats([request.trail_amount for request in requests]),
                "trail_percent": _floats([request.trail_percent for request in requests]),
                "time_in_force": [_VALUES[request.time_in_force] for request in requests],
                "status": [_VALUES[order.status] for order in orders],
                "filled_quantity": _floats([order.filled_quantity for order in orders]),
                "average_fill_price": _floats([order.average_fill_price for order in orders]),
                "fees": _floats([order.fees for order in orders]),
                "submitted_at": nanoseconds_of([order.submitted_at for order in orders]),
                "updated_at": nanoseconds_of([order.updated_at for order in orders]),
                "reason": [order.reason for order in orders],
                "tag": [request.tag for request in requests],
                "parent": [order.parent or "" for order in orders],
                "group": [order.group or "" for order in orders],
                "reduce_only": np.array([request.reduce_only for request in requests], dtype=bool),
            },
            times=("submitted_at", "updated_at"),
        )

    def fills(self) -> "pd.DataFrame":
        """Every execution in order of time, with the rule that filled it."""
        fills, arrays = self._broker.fills, self._fill_arrays
        return self._frame(
            {
                "fill_id": [fill.id for fill in fills],
                "order_id": [fill.order_id for fill in fills],
                "timestamp": nanoseconds_of([fill.timestamp for fill in fills]),
                "asset": [fill.asset for fill in fills],
                "side": [_VALUES[fill.side] for fill in fills],
                "quantity": _floats([fill.quantity for fill in fills]),
                "price": _floats([fill.price for fill in fills]),
                "reference_price": _floats([fill.reference_price for fill in fills]),
                "slippage": _floats([fill.slippage for fill in fills]),
                "impact": _floats([fill.impact for fill in fills]),
                "value": arrays.values,
                "fee": arrays.fees,
                "volume_left": _floats([fill.volume_left for fill in fills]),
                "rule": [fill.rule for fill in fills],
                "path": [fill.path for fill in fills],
            },
            times=("timestamp",),
        )

    def trades(self) -> "pd.DataFrame":
        """Round trips, first in first out; what is still held stands at its last mark."""
        feed, broker = self._feed, self._broker
        last = np.frombuffer(feed.panel.marks)[-len(feed.assets) :].tolist()
        terms = dict(zip(feed.assets, multipliers(feed).tolist(), strict=True))
        trips = list(round_trips(broker.fills, terms, dict(zip(feed.assets, last, strict=True))))
        columns: dict[str, object] = {
            name: [getattr(trip, name) for trip in trips] for name in RoundTrip._fields
        }
        columns["entry_time"] = nanoseconds_of([trip.entry_time for trip in trips])
        columns["exit_time"] = nanoseconds_of([trip.exit_time for trip in trips])
        for name in ("quantity", "entry_price", "exit_price", "fees", "profit"):
            columns[name] = _floats(getattr(trip, name) for trip in trips)
        columns["is_open"] = np.array([trip.is_open for trip in trips], dtype=bool)
        return self._frame(columns, times=("entry_time", "exit_time"))

    def positions(self) -> "pd.DataFrame":
        """Units held after every bar, one column for each asset."""
        import pandas as pd  # noqa: PLC0415 - slow to load, and a run needs none

        feed = self._feed
        index = time_index(feed.times.nanoseconds, feed.times.zone).rename("timestamp")
        held = quantities(feed, self._fill_arrays)
        return pd.DataFrame(held, index=index, columns=list(feed.assets))

    def charges(self) -> "pd.DataFrame":
        """What holding positions cost, in order of time."""
        charges = self._broker.holding_costs.charges
        return self._frame(
            {
                "timestamp": nanoseconds_of([charge.timestamp for charge in charges]),
                "asset": [charge.asset for charge in charges],
                "amount": _floats([charge.amount for charge in charges]),
            },
            times=("timestamp",),
        )

    def ambiguous_bars(self) -> "pd.DataFrame":
        """The bars whose outcome depended on what came first in them, the high or the low."""
        bars = self._broker.round.ambiguous
        return self._frame(
            {
                "timestamp": nanoseconds_of([bar.timestamp for bar in bars]),
                "asset": [bar.asset for bar in bars],
                "path": [bar.path for bar in bars],
                "gain": _floats([bar.gain for bar in bars]),
                "worst": _floats([bar.worst for bar in bars]),
                "best": _floats([bar.best for bar in bars]),
            },
            times=("timestamp",),
        )

    def _frame(self, columns: Mapping[str, object], times: Iterable[str]) -> "pd.DataFrame":
        import pandas as pd  # noqa: PLC0415 - slow to load, and a run needs none

        zone = self._feed.times.zone
        made = {
            name: pd.Series(values, dtype="str") if isinstance(values, list) else values
            for name, values in columns.items()
        }
        for name in times:
            made[name] = time_index(made[name], zone)  # type: ignore[arg-type]
        return pd.DataFrame(made)


def _floats(numbers: Iterable[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if n is None else n for n in numbers], dtype=np.float64)
