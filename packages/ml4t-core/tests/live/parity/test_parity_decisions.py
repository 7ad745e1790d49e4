"""A strategy that decides otherwise than when it was recorded is found out, where it does."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from ml4t.core import BrokerProtocol, CallTimeoutError, Strategy, UnknownOrderError
from ml4t.live.engine import LiveEngine
from ml4t.live.recording import Recording, check_decisions

Record = Callable[..., LiveEngine]


class Buyer(Strategy):
    """Buys once a bar until it has some."""

    quantity = 10.0

    def on_data(self, timestamp, data, context, broker) -> None:
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("AAA", self.quantity, tag="first")


class OtherQuantity(Buyer):
    quantity = 10.000000000000002


class OtherReading(Buyer):
    def on_data(self, timestamp, data, context, broker) -> None:
        broker.get_cash()
        super().on_data(timestamp, data, context, broker)


class OneMore(Buyer):
    def on_end(self, broker: BrokerProtocol) -> None:
        broker.close_position("AAA")


class Silent(Buyer):
    def on_data(self, timestamp, data, context, broker) -> None:
        if not broker.positions:
            broker.pending_orders  # noqa: B018 - a reading is a call too


class Raises(Buyer):
    def on_start(self, broker: BrokerProtocol) -> None:
        raise ValueError("no reason")  # noqa: EM101, TRY003 - as strategies do


class Swallows(Buyer):
    """Goes on as if nothing was, whatever its broker raises."""

    def on_data(self, timestamp, data, context, broker) -> None:
        try:
            broker.get_account_value()
        except Exception:  # noqa: BLE001 - as careless strategies do
            return


class AskingForNobody(Strategy):
    """Asks for orders and assets that there are not, and lives on the errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def on_data(self, timestamp, data, context, broker) -> None:
        for ask in (lambda: broker.cancel_order("none"), lambda: broker.get_asset("none")):
            try:
                ask()
            except (UnknownOrderError, LookupError) as error:
                self.errors.append(f"{type(error).__name__} {error}")
            except Exception as error:  # noqa: BLE001 - whatever there is
                self.errors.append(f"other {error}")


class Chance(Strategy):
    """Flips a coin that nobody wrote down."""

    def __init__(self) -> None:
        self.random = Random()  # noqa: S311 - that it is not seeded is the point

    def on_data(self, timestamp, data, context, broker) -> None:
        broker.submit_order("AAA", self.random.random())


def test_the_same_strategy_decides_the_same(recorded: Recording, busy: type[Strategy]) -> None:
    check = check_decisions(recorded, busy())

    assert check.is_same
    assert check.calls > 200


@pytest.mark.parametrize(
    ("other", "place", "expected", "found"),
    [
        (
            OtherQuantity,
            "on_data of the bars of 2024-03-04T15:00:00+00:00",
            "submit_order(asset='AAA', quantity=10.0, order_type=MARKET, time_in_force=DAY, "
            "tag='first')",
            "submit_order(asset='AAA', quantity=10.000000000000002, order_type=MARKET, "
            "time_in_force=DAY, tag='first')",
        ),
        (
            OtherReading,
            "on_data of the bars of 2024-03-04T15:00:00+00:00",
            "positions()",
            "get_cash()",
        ),
        (
            OneMore,
            "on_end at 2024-03-07T02:00:00+00:00",
            "nothing more",
            "close_position(asset='AAA')",
        ),
        (
            Silent,
            "on_data of the bars of 2024-03-04T15:00:00+00:00",
            "submit_order(asset='AAA', quantity=10.0, order_type=MARKET, time_in_force=DAY, "
            "tag='first')",
            "nothing more",
        ),
        (
            Raises,
            "on_start at 2024-03-04T14:00:00+00:00",
            "it returns",
            "it raises ValueError: no reason",
        ),
        (
            Swallows,
            "on_data of the bars of 2024-03-04T15:00:00+00:00",
            "positions()",
            "get_account_value()",
        ),
    ],
)
def test_the_first_difference_is_named(
    record: Record, tmp_path: Path, other: type[Strategy], place: str, expected: str, found: str
) -> None:
    record(Buyer())
    difference = check_decisions(Recording(tmp_path / "run.rec"), other()).difference

    assert difference is not None
    assert (difference.place, difference.expected, difference.found) == (place, expected, found)
    assert str(difference) == f"{place}: expected {expected}, found {found}"


def test_a_strategy_that_is_not_deterministic_is_found_out(record: Record, tmp_path: Path) -> None:
    record(Chance())
    check = check_decisions(Recording(tmp_path / "run.rec"), Chance())

    assert not check.is_same
    assert check.calls == 0


def test_errors_of_the_broker_are_raised_again(record: Record, tmp_path: Path) -> None:
    then, now = AskingForNobody(), AskingForNobody()
    record(then)

    assert check_decisions(Recording(tmp_path / "run.rec"), now).is_same
    assert then.errors == now.errors
    assert then.errors[0].startswith("UnknownOrderError")
    assert not issubclass(CallTimeoutError, LookupError)


def test_a_strategy_that_raised_then_must_raise_now(record: Record, tmp_path: Path) -> None:
    record(Raises())
    recording = Recording(tmp_path / "run.rec")
    difference = check_decisions(recording, Buyer()).difference

    assert check_decisions(recording, Raises()).is_same
    assert difference is not None
    assert difference.found == "it returns"
