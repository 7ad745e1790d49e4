"""A venue behind a socket, and engines in processes of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from ml4t.live.testing.crash_market import CrashMarket
from ml4t.live.testing.crash_process import ChildProcess

Starter = Callable[..., Awaitable[ChildProcess]]


@pytest.fixture
async def market() -> AsyncIterator[CrashMarket]:
    market = CrashMarket(7)
    await market.open()
    yield market
    await market.close()


@pytest.fixture
async def start(market: CrashMarket, tmp_path: Path) -> AsyncIterator[Starter]:
    """Starts engines on the state folder of the test; none outlives it."""
    children: list[ChildProcess] = []

    async def begin(**changes: Any) -> ChildProcess:
        settings = attrs.evolve(market.settings(tmp_path / "state", 1), **changes)
        child = await ChildProcess.start(settings, tmp_path / "errors.txt")
        children.append(child)
        return child

    yield begin
    for child in children:
        await child.kill()
