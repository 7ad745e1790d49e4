"""The kill switch works whatever else does not."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml4t.core import OrderRequest, OrderType
from ml4t.core.errors import VenueUnavailableError
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.live.events import CancelRequested, CauseRaised
from ml4t.live.kill_switch import KillSwitch, cancel_everything

S = OrderStatus
Play = Callable[..., Any]


def limit(quantity: float) -> OrderRequest:
    """An order that rests."""
    return OrderRequest.of("A", quantity, order_type=OrderType.LIMIT, limit_price=99.0)


def switch_of(bench: Any, file: Path | None = None, patience: float = 1.0) -> KillSwitch:
    """A switch for the account of a bench."""
    return KillSwitch(bench.broker, bench.account, clock=bench.clock, file=file, patience=patience)


async def working(bench: Any, count: int = 2) -> list[str]:
    """Orders that rest, at the venue too."""
    orders = [await bench.safe.submit(limit(1 + number)) for number in range(count)]
    bench.broker.orders = [bench.book.orders[order.id] for order in orders]

    async def remove(order_id: str) -> None:
        bench.broker.orders = [
            order for order in bench.broker.orders if order_id and order.id != order_id
        ]

    bench.broker.cancelling = remove
    bench.log.clear()
    return [order.id for order in orders]


def test_cancels_leave_before_the_journal_is_touched(play: Play, tmp_path: Path) -> None:
    async def scene(bench: Any) -> None:
        ids = await working(bench)
        report = await switch_of(bench, tmp_path / "KILL").pull("enough", "me")
        names = [name for name, _ in bench.log]
        assert ["cancel", "cancel", "cancel_all", "journal"] == names[:4]
        assert (2, (), 0.0) == (report.asked, report.left, report.first)
        assert report.verified is not None
        assert TradingState.HALTED is bench.book.state
        assert ids == [
            e.event.order_id
            for e in bench.journal.entries()
            if isinstance(e.event, CancelRequested)
        ]
        assert "enough (me)" == (tmp_path / "KILL").read_text()

    play(scene)


def test_the_halt_is_in_force_before_anything_is_waited_for(play: Play) -> None:
    async def scene(bench: Any) -> None:
        pulling = asyncio.ensure_future(switch_of(bench).pull("enough", "me"))
        await asyncio.sleep(0)
        assert TradingState.HALTED is bench.book.state
        assert S.REJECTED is (await bench.safe.submit(limit(3))).status
        await pulling

    play(scene)


def test_it_works_with_a_full_disk_and_without_a_place_for_its_file(
    play: Play, tmp_path: Path
) -> None:
    async def scene(bench: Any) -> None:
        await working(bench)
        bench.disk.is_full = True
        report = await switch_of(bench, tmp_path / "missing" / "KILL").pull("enough", "me")
        assert ((), 2) == (report.left, report.asked)
        assert ["cancel"] * 2 == bench.broker.names("cancel")
        assert TradingState.HALTED is bench.book.state
        bench.disk.is_full = False
        assert bench.account.write_what_is_left()
        raised = [e.event.name for e in bench.journal.entries() if isinstance(e.event, CauseRaised)]
        assert "kill" in raised

    play(scene)


def test_a_cancel_that_hangs_holds_up_no_other(play: Play) -> None:
    async def scene(bench: Any) -> None:
        first, second = await working(bench)
        remove = bench.broker.cancelling

        async def hang_for_first(order_id: str) -> None:
            if order_id == first:
                await asyncio.get_running_loop().create_future()
            await remove(order_id)

        bench.broker.cancelling = hang_for_first
        report = await switch_of(bench).pull("enough", "me")
        assert {first, second} == {what for name, what in bench.log if name == "cancel"}
        assert 0.0 == report.first
        assert bench.clock.monotonic() <= 4.0
        assert () == report.left

    play(scene)


@pytest.mark.parametrize("error", [VenueUnavailableError("down"), OSError("cut"), KeyError("bug")])
def test_a_venue_that_fails_is_asked_again_and_what_is_left_is_named(
    play: Play, error: Exception
) -> None:
    async def scene(bench: Any) -> None:
        ids = await working(bench)

        async def fail(order_id: str) -> None:
            raise error

        bench.broker.cancelling = fail
        report = await switch_of(bench).pull("enough", "me")
        assert set(ids) == set(report.left)
        assert report.verified is None
        assert len(bench.broker.names("cancel")) > 2
        assert any(
            "STILL OPEN" in e.event.message
            for e in bench.journal.entries()
            if type(e.event).__name__ == "Alert"
        )

    play(scene)


def test_a_silent_venue_ends_within_twice_the_patience(play: Play) -> None:
    async def scene(bench: Any) -> None:
        ids = await working(bench)

        async def hang(order_id: str) -> None:
            await asyncio.get_running_loop().create_future()

        bench.broker.cancelling, bench.broker.silent = hang, True
        report = await switch_of(bench).pull("enough", "me")
        assert bench.clock.monotonic() <= 4.0
        assert (set(ids), None) == (set(report.left), report.verified)

    play(scene)


def test_an_order_that_only_the_venue_knows_is_cancelled_too(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.broker.orders = [Order("tws-1", limit(5), S.ACCEPTED)]

        async def one_by_one(order_id: str) -> None:
            bench.broker.orders = [each for each in bench.broker.orders if each.id != order_id]

        bench.broker.cancelling = one_by_one
        report = await cancel_everything(bench.broker, (), clock=bench.clock, patience=1.0)
        assert () == report.left
        assert ("cancel", "tws-1") in bench.log

    play(scene)


def test_it_is_pulled_with_many_orders_in_time(play: Play) -> None:
    async def scene(bench: Any) -> None:
        ids = await working(bench, 300)
        report = await switch_of(bench).pull("enough", "me")
        assert (len(ids), ()) == (report.asked, report.left)
        assert report.all_sent <= 1.0

    play(scene)


def test_a_person_who_made_the_file_is_heard_and_re_arming_takes_it_away(
    play: Play, tmp_path: Path
) -> None:
    async def scene(bench: Any) -> None:
        file = tmp_path / "KILL"
        switch = switch_of(bench, file)
        assert not switch.is_asked_for
        file.touch()
        assert switch.is_asked_for
        assert "the kill file was made" == switch.why()
        await switch.pull(switch.why(), "kill file")
        assert (True, False) == (switch.is_on, switch.is_asked_for)
        bench.account.rearm("me", "looked")
        switch.release()
        assert (False, False) == (switch.is_on, file.exists())
        assert TradingState.ACTIVE is bench.book.state

    play(scene)
