"""The loop of a backtest: one cursor over the bars, one strategy call a bar."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from sys import getrefcount
from types import MappingProxyType

from ml4t.backtest.broker import ArrayBroker
from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.panel import ArraySlice
from ml4t.backtest.garbage import rare_collections
from ml4t.backtest.results.result import BacktestResult
from ml4t.backtest.results.tables import result_of_run
from ml4t.core import Order, Strategy
from ml4t.core.needs import find_capabilities, require_needs
from ml4t.simulation import NoFinancing, SimulatedBroker

__all__ = ["Engine"]

_CHUNK = 4096
"""Rows between two reports of progress; also how many timestamps exist at once."""

_ALWAYS = (True,)
_NO_CONTEXT: Mapping[str, object] = MappingProxyType({})


class Engine:
    """Runs one strategy over one feed.

    For each instant of the feed: what is working meets the new bars, the strategy hears of it
    through ``on_order`` and ``on_fill``, and then ``on_data`` sees the bars. Nothing sees past the
    cursor, and no order meets the bar it was decided on unless the timing is named for that.

    Args:
        feed: the bars.
        strategy: an instance; the engine calls it and keeps nothing of it.
        config: account and market; the defaults of :class:`BacktestConfig` if left out.

    >>> import pandas as pd
    >>> from ml4t.backtest import DataFeed, Engine, Strategy
    >>> class BuyOnce(Strategy):
    ...     def on_data(self, timestamp, data, context, broker):
    ...         if not broker.positions and not broker.pending_orders:
    ...             broker.submit_order("SPY", 10)
    >>> days = pd.date_range("2024-01-02", periods=3, tz="UTC")
    >>> prices = pd.DataFrame({"timestamp": days, "symbol": "SPY", "close": [100.0, 101.0, 103.0]})
    >>> Engine(DataFeed(prices), BuyOnce()).run().equity.tolist()
    [100000.0, 100000.0, 100020.0]
    """

    def __init__(
        self, feed: DataFeed, strategy: Strategy, config: BacktestConfig | None = None
    ) -> None:
        self.feed = feed
        self.strategy = strategy
        self.config = config or BacktestConfig()

    def run(self, progress: Callable[[int], object] | None = None) -> BacktestResult:
        """Run from the first bar to the last.

        Args:
            progress: called now and then with the number of instants done so far.

        Returns:
            The result; running again starts from the same cash with the same strategy object.

        Raises:
            ConfigError: the strategy needs what the venue does not offer, or no installed package
                knows the venue that ``as_if`` names.
            Exception: whatever the strategy raises, with a note that names the bar.
        """
        feed = self.feed
        broker = self._broker()
        broker.lifetimes.daily = feed.is_daily
        if self._listens():
            broker.outbox = []
        with rare_collections():
            self._run(broker, progress)
        return result_of_run(self.feed, self.config, broker, self.strategy)

    def _broker(self) -> ArrayBroker:
        """The venue of the run, which is refused if the strategy needs more than it offers."""
        feed, config = self.feed, self.config
        if config.as_if:
            from ml4t.backtest.as_if import AsIfBroker  # noqa: PLC0415 - most runs do without

            broker: ArrayBroker = AsIfBroker(
                config.initial_cash,
                feed.terms,
                config,
                find_capabilities(config.as_if),
                calendar=feed.calendar,
            )
        else:
            broker = ArrayBroker(config.initial_cash, feed.terms, config, calendar=feed.calendar)
        name = config.as_if or "the simulated venue"
        strategy = type(self.strategy).__name__
        require_needs(self.strategy.needs, broker.capabilities, strategy=strategy, name=name)
        return broker

    def _run(self, broker: SimulatedBroker, progress: Callable[[int], object] | None) -> None:
        self.strategy.on_start(broker)
        for start in range(0, len(self.feed), _CHUNK):
            stop = min(start + _CHUNK, len(self.feed))
            try:
                self._run_rows(broker, start, stop)
            except Exception as error:
                if broker.now is not None:
                    error.add_note(f"while the bar of {broker.now.isoformat()} was handled")
                raise
            if progress is not None:
                progress(stop)
        self._deliver(broker)
        self.strategy.on_end(broker)

    def _run_rows(self, broker: SimulatedBroker, start: int, stop: int) -> None:
        # The hot loop: what is looked up once is a local, what is not needed is not called.
        panel, contexts = self.feed.panel, self.feed.contexts
        on_data = self.strategy.on_data
        match, has_work = self._work(broker)
        prepares = broker.outbox is not None or contexts is not None
        finishes = broker.has_exits or self.config.timing.same_bar
        context = _NO_CONTEXT
        now: datetime
        data = broker.bars = ArraySlice(panel, start)
        # This frame and the broker, and on some versions of Python the question itself.
        held_by_engine = getrefcount(data)
        starts = range(start * panel.width, stop * panel.width, panel.width)
        # The slice is moved from row to row, which takes a fifth of the time that a new one takes.
        for data._start, now in zip(starts, self.feed.times.iterate(start, stop), strict=True):  # noqa: SLF001
            broker.now = now
            if has_work:
                match()
            if prepares:
                if broker.outbox:
                    self._deliver(broker)
                if contexts is not None:
                    context = contexts[data.row]
            on_data(now, data, context, broker)
            if finishes:
                broker.finish_bar()
            if getrefcount(data) > held_by_engine:
                # Whoever keeps a slice keeps that instant.
                data = broker.bars = ArraySlice(panel, data.row)

    def _work(self, broker: SimulatedBroker) -> tuple[Callable[[], None], Collection[object]]:
        """What a bar does to the account, and a collection that is empty where it does nothing."""
        if isinstance(self.config.financing, NoFinancing):
            return broker.match, broker.book.working
        # Holding costs at every bar, whether orders work or not.
        return broker.begin_bar, _ALWAYS

    def _listens(self) -> bool:
        cls = type(self.strategy)
        return cls.on_order is not Strategy.on_order or cls.on_fill is not Strategy.on_fill

    def _deliver(self, broker: SimulatedBroker) -> None:
        """Tell the strategy what happened, in order.

        What its answers cause is told at the next bar, so that a strategy which answers every
        rejection with an order cannot keep the engine here for ever.
        """
        if not broker.outbox:
            return
        events, broker.outbox = broker.outbox, []
        for event in events:
            if isinstance(event, Order):
                self.strategy.on_order(event, broker)
            else:
                self.strategy.on_fill(event, broker)
