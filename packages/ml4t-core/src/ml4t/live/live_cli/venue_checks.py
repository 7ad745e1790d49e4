"""What a venue says about itself and the account, compared with what is configured."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.errors import Ml4tError
from ml4t.core.positions import AccountSnapshot
from ml4t.core.risk import LiveRiskConfig, judge_clock
from ml4t.core.venue_events import AccountIdentity
from ml4t.live.config_file import LiveFile
from ml4t.live.live_cli.findings import Finding

__all__ = ["ask_venue"]

_SKEW = "max_clock_skew_seconds"


async def ask_venue(
    broker: AsyncBrokerProtocol,
    file: LiveFile,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Finding]:
    """Connect, ask, and disconnect; sends no order.

    Args:
        broker: not connected yet.
        file: what is configured.
        now: the wall clock.
    """
    findings: list[Finding] = []
    timing = file.live.timing
    connected = await _try(
        findings,
        "connection",
        broker.connect(),
        timing.connect,
        "start its gateway, check the keys",
    )
    if connected is None:
        return findings
    findings.append(Finding(check="connection", is_ok=True, found="open"))
    try:
        await _ask(broker, file, now, findings)
    finally:
        await _try(findings, "disconnection", broker.disconnect(), timing.connect, "none needed")
    return findings


async def _ask(
    broker: AsyncBrokerProtocol,
    file: LiveFile,
    now: Callable[[], datetime],
    findings: list[Finding],
) -> None:
    patience = file.live.timing.snapshot
    identity = await _try(findings, "account", broker.identity(), patience, "check the keys")
    if isinstance(identity, AccountIdentity):
        findings.extend(_account(identity, file))
    before = now()
    told = await _try(findings, "clock", broker.time(), patience, "try again")
    if isinstance(told, datetime):
        findings.append(_clock(told, before, now(), file.live.risk))
    snapshot = await _try(findings, "balance", broker.account(), patience, "try again")
    if isinstance(snapshot, AccountSnapshot):
        findings.append(_balance(snapshot))
    orders = await _try(findings, "open orders", broker.open_orders(), patience, "try again")
    if isinstance(orders, list | tuple):
        findings.append(Finding(check="open orders", is_ok=True, found=str(len(orders))))
    for symbol in file.live.assets:
        asset = await _try(
            findings, f"asset {symbol}", broker.get_asset(symbol), patience, "correct the symbol"
        )
        if asset is not None:
            findings.append(Finding(check=f"asset {symbol}", is_ok=True, found="listed"))


async def _try(
    findings: list[Finding], check: str, work: Awaitable[object], patience: float, advice: str
) -> object | None:
    """What the venue answered, True where that is nothing; None and a failed check otherwise."""
    try:
        async with asyncio.timeout(patience):
            answer = await work
    except TimeoutError:
        found = f"no answer within {patience:g} s"
    except Ml4tError as error:
        found = str(error)
    else:
        return True if answer is None else answer
    findings.append(Finding(check=check, is_ok=False, found=found, advice=advice))
    return None


def _account(identity: AccountIdentity, file: LiveFile) -> Iterator[Finding]:
    live = file.live
    yield Finding(
        check="account",
        is_ok=identity.account_id == live.account,
        found=f"the venue says {identity.account_id}, the file says {live.account}",
        advice="use the keys of that account, or name the other one in [run]",
    )
    wanted = live.mode.environment
    yield Finding(
        check="environment",
        is_ok=identity.environment is wanted,
        found=f"the account is {identity.environment.value}, mode {live.mode.value} wants "
        f"{wanted.value}",
        advice="use the keys and the address of the other environment, or change mode",
    )


def _clock(told: datetime, before: datetime, after: datetime, risk: LiveRiskConfig) -> Finding:
    # The venue read its clock somewhere between the two.
    skew = abs((told - (before + (after - before) / 2)).total_seconds())
    return Finding(
        check="clock",
        is_ok=judge_clock(skew, risk) is None,
        found=f"{skew:.1f} s from the venue's, allowed are {risk.as_text()[_SKEW]}",
        advice="let the system keep its clock by NTP",
    )


def _balance(snapshot: AccountSnapshot) -> Finding:
    return Finding(
        check="balance",
        is_ok=snapshot.equity > 0,
        found=f"equity {snapshot.equity:,.2f}, cash {snapshot.cash:,.2f}, "
        f"{len(snapshot.positions)} positions",
        advice="an account without equity cannot trade",
    )
