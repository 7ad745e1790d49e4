"""The broker that takes and gives numpy arrays."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml4t.backtest import (
    ArrayBroker,
    ArraySlice,
    DataFeed,
    Engine,
    RebalanceConfig,
    Strategy,
    TargetWeightExecutor,
)
from ml4t.core import RebalanceError

CLOSES = {"AAA": [10.0, 11.0, 12.0, 11.0], "BBB": [20.0, 20.0, 19.0, 21.0], "CCC": [5.0] * 4}
EXECUTOR = TargetWeightExecutor(RebalanceConfig(fee_headroom=0.01))


@pytest.fixture
def feed() -> DataFeed:
    """Four days of three symbols."""
    days = pd.date_range("2024-01-02", periods=4, tz="UTC")
    return DataFeed(
        pd.concat(
            pd.DataFrame({"timestamp": days, "symbol": symbol, "close": closes})
            for symbol, closes in CLOSES.items()
        )
    )


class Each(Strategy):
    """Does the same at each bar."""

    def __init__(self, act: Callable[[ArraySlice, ArrayBroker], object]) -> None:
        self.act = act

    def on_data(self, timestamp, data, context, broker):
        self.act(data, broker)


def by_close(data):
    """Weights in proportion to the closes; the last symbol gets none."""
    weights = data.close / data.close.sum()
    weights[-1] = 0.0
    return weights


def test_an_array_of_weights_does_what_a_mapping_of_them_does(feed: DataFeed) -> None:
    arrays = Each(lambda data, broker: broker.rebalance(by_close(data), EXECUTOR))
    mappings = Each(
        lambda data, broker: EXECUTOR.execute(
            dict(zip(data.universe, by_close(data).tolist(), strict=True)), data, broker
        )
    )
    assert Engine(feed, arrays).run().digest == Engine(feed, mappings).run().digest


def test_the_quantities_are_those_of_the_positions_in_the_order_of_the_universe(
    feed: DataFeed,
) -> None:
    seen = []

    def act(data: ArraySlice, broker: ArrayBroker) -> None:
        broker.rebalance(np.array([0.0, 0.5, 0.25]))
        seen.append(broker.quantities)

    result = Engine(feed, Each(act)).run()
    assert np.array_equal(np.array(seen), result.positions.to_numpy())
    assert seen[-1][0] == 0
    assert (seen[-1][1:] > 0).all()


def test_the_quantities_are_the_callers_own(feed: DataFeed) -> None:
    def act(data: ArraySlice, broker: ArrayBroker) -> None:
        broker.rebalance(np.array([1.0, 0.0, 0.0]))
        before = broker.quantities
        broker.quantities[:] = 1e9
        assert np.array_equal(broker.quantities, before)

    Engine(feed, Each(act)).run()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.array([0.5, 0.5]), r"weights must be of shape \(3,\), was \(2,\)"),
        (np.array([0.5, np.nan, 0.0]), "target weight of BBB must be a finite number, was nan"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    feed: DataFeed, weights: np.ndarray, message: str
) -> None:
    with pytest.raises(RebalanceError, match=message):
        Engine(feed, Each(lambda data, broker: broker.rebalance(weights))).run()


def test_before_the_first_bar_there_is_nothing_to_rebalance_on(feed: DataFeed) -> None:
    class Early(Each):
        def on_start(self, broker):
            broker.rebalance(np.zeros(3))

    with pytest.raises(RebalanceError, match="no bar is known yet"):
        Engine(feed, Early(lambda data, broker: None)).run()
