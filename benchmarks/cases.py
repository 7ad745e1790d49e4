"""What a workload hands over to be measured."""

from collections.abc import Callable

import attrs

from ml4t.backtest import BacktestConfig, BacktestResult, DataFeed, Engine, Strategy

__all__ = ["Case", "Workload"]


@attrs.frozen(kw_only=True)
class Case:
    """One workload with its data made, ready to be measured once.

    Attributes:
        feed: the bars.
        strategy: an instance that has not run yet.
        config: account and market.
        nbytes: memory of the arrays behind the feed.
        bare: the loop that the run is held against; None where there is none.
    """

    feed: DataFeed
    strategy: Strategy
    config: BacktestConfig = attrs.field(factory=BacktestConfig)
    nbytes: int = 0
    bare: Callable[[], object] | None = None

    @property
    def asset_bars(self) -> int:
        """How many bars there are over all assets."""
        return len(self.feed) * len(self.feed.assets)

    def run(self) -> BacktestResult:
        """The backtest and its equity curve: what is timed."""
        result = Engine(self.feed, self.strategy, self.config).run()
        _ = result.equity
        return result


@attrs.frozen(kw_only=True)
class Workload:
    """A workload by name.

    Attributes:
        name: what the command line calls it.
        title: what the tables call it.
        make: makes the data; its keyword arguments are sizes.
    """

    name: str
    title: str
    make: Callable[..., Case]
