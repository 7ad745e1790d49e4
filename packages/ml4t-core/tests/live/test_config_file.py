"""The file of a live run."""

import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from ml4t.core import ConfigError
from ml4t.core.risk import UNLIMITED
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.config import ExecutionMode
from ml4t.live.config_file import LiveFile, read_live_file, read_live_table
from ml4t.simulation import (
    CashAccount,
    IbkrFixed,
    MarginAccount,
    NextBarOpen,
    PerShare,
    VolumeShare,
)

RUN = {"assets": ["SPY", "QQQ"], "bar_size": "30min"}
KEY = "PKCANARY0123456789AB"
SECRET = "cAnary0Never1Shown2" * 2


def read(**tables: object) -> LiveFile:
    """The file with these tables besides a table ``run``."""
    return read_live_table({"run": RUN, **tables}, source="live.toml", folder=Path("/conf"))


def test_the_least_file_is_a_shadow_run() -> None:
    file = read()

    assert ("SPY", "QQQ") == file.live.assets
    assert timedelta(minutes=30) == file.live.bar_size
    assert ExecutionMode.SHADOW is file.live.mode
    assert 1800 == file.live.risk.bar_seconds
    assert ("", "", {}, {}) == (file.broker, file.calendar, file.options, file.feed)
    assert ShadowMarket() == file.shadow


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("30s", timedelta(seconds=30)),
        ("30m", timedelta(minutes=30)),
        ("5min", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
        ("1d", None),
    ],
)
def test_the_size_of_a_bar_is_a_number_with_a_unit(text: str, size: timedelta | None) -> None:
    assert size == read(run={**RUN, "bar_size": text}).live.bar_size


def test_every_table_goes_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    path.write_text(
        """
        [run]
        assets = ["SPY"]
        bar_size = "1d"
        account = "DU1"
        mode = "paper"
        state = "state"
        warmup = 20
        [risk]
        max_daily_loss = 500
        max_order_value = "UNLIMITED"
        [timing]
        call = 3
        [broker]
        name = "ib"
        port = 7497
        [feed]
        what = "TRADES"
        [shadow]
        cash = 5000
        commission = "ibkr_fixed"
        [calendar]
        name = "XNYS"
        """
    )

    file = read_live_file(path)

    assert ("DU1", ExecutionMode.PAPER, 20) == (
        file.live.account,
        file.live.mode,
        file.live.warmup,
    )
    assert tmp_path / "state" == file.live.state
    assert (500.0, UNLIMITED) == (file.live.risk.max_daily_loss, file.live.risk.max_order_value)
    assert 3.0 == file.live.timing.call
    assert ("ib", {"port": 7497}, {"what": "TRADES"}) == (file.broker, file.options, file.feed)
    assert "XNYS" == file.calendar
    assert (5000.0, IbkrFixed()) == (file.shadow.cash, file.shadow.market.commission)


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    path.write_text('[run]\nassets = ["SPY"]\nbar_size = "1d"\nmode = "shadow"\nstate = "a"\n')

    file = read_live_file(path, {"mode": "paper", "state": "b", "account": None})

    assert (ExecutionMode.PAPER, Path("b")) == (file.live.mode, file.live.state)


def test_the_digest_follows_everything_that_is_configured() -> None:
    digests = {
        read().live.digest,
        read(risk={"max_daily_loss": 1}).live.digest,
        read(broker={"name": "ib"}).live.digest,
        read(shadow={"cash": 1}).live.digest,
        read(run={**RUN, "warmup": 1}).live.digest,
    }

    assert 5 == len(digests)
    assert read().live.digest == read().live.digest


def test_live_needs_the_account_twice_and_the_limits() -> None:
    run = {**RUN, "mode": "live", "account": "U1"}

    with pytest.raises(ConfigError, match="confirm_account to repeat the account 'U1'"):
        read(run=run)
    with pytest.raises(ConfigError, match=r"needs each of these limits.*max_daily_loss"):
        read(run={**run, "confirm_account": "U1"})


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"ru": {}}, "live.toml: unknown key 'ru', did you mean 'run'?"),
        ({"xyz": {}}, "unknown key 'xyz', known are run, risk, timing, broker"),
        ({"run": {**RUN, "assetts": []}}, "run: unknown key 'assetts', did you mean 'assets'?"),
        ({"risk": {"max_dayly_loss": 1}}, "risk: unknown key 'max_dayly_loss', did you mean"),
        ({"risk": {"max_daily_loss": -1}}, "max_daily_loss"),
        ({"timing": {"cal": 1}}, "timing: unknown key 'cal', did you mean 'call'?"),
        ({"timing": {"call": "1"}}, "timing: call must be a number of seconds, was '1'"),
        ({"timing": {"call": True}}, "timing: call must be a number"),
        ({"timing": {"call": -1}}, "call must be a positive number"),
        ({"calendar": {"nam": "x"}}, "calendar: unknown key 'nam', did you mean 'name'?"),
        ({"calendar": {"name": 3}}, "calendar: name must be a text, was 3"),
        ({"broker": "ib"}, "broker must be a table, written [broker]"),
        ({"run": {}}, "run needs assets and bar_size"),
        ({"run": {**RUN, "assets": "SPY"}}, "run: assets must be a list of texts, was 'SPY'"),
        ({"run": {**RUN, "assets": [1]}}, "run: assets must be a list of texts, was [1]"),
        ({"run": {**RUN, "assets": []}}, "assets must be symbols, each once"),
        ({"run": {**RUN, "warmup": True}}, "run: warmup must be a whole number, was True"),
        ({"run": {**RUN, "adopt": 1}}, "run: adopt must be true or false, was 1"),
        ({"run": {**RUN, "mode": "real"}}, "mode must be one of shadow, paper, live, was 'real'"),
        ({"run": {**RUN, "bar_size": "soon"}}, "the length of a bar must be such as 30s, 5min"),
        ({"run": {**RUN, "bar_size": 30}}, "run: bar_size must be a text, was 30"),
        ({"shadow": {"cash": 0}}, "shadow: cash must be positive and finite"),
        ({"shadow": {"cash": "1"}}, "shadow: cash must be a number, was '1'"),
        ({"shadow": {"commision": 1}}, "shadow: unknown key 'commision', did you mean"),
        ({"shadow": {"commission": 1}}, "shadow: commission must be one of no_commission"),
        ({"shadow": {"commission": "free"}}, "commission must be of kind no_commission"),
        (
            {"shadow": {"commission": {"kind": "per_share", "amont": 1}}},
            "commission: unknown key 'amont', did you mean 'amount'?",
        ),
        (
            {"shadow": {"commission": {"kind": "per_share", "amount": "1"}}},
            "commission: amount must be a number, was '1'",
        ),
        ({"shadow": {"commission": "per_share"}}, "shadow: commission: "),
        ({"shadow": {"slippage": {"kind": "basis_points", "bps": -1}}}, "shadow: slippage: "),
    ],
    ids=range(30),
)
def test_what_cannot_be_is_refused_by_name(tables: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(**tables)

    assert str(refused.value).startswith("live.toml: ")
    assert message in str(refused.value)


def test_shadow_answers_are_the_objects_of_the_simulation() -> None:
    market = ShadowMarket.of(
        {
            "commission": {"kind": "per_share", "amount": 0.005, "minimum": 1},
            "participation": {"kind": "volume_share", "share": 0.1},
            "account": "margin_account",
        }
    ).market

    assert PerShare(0.005, minimum=1) == market.commission
    assert VolumeShare(0.1) == market.participation
    assert (MarginAccount(), NextBarOpen()) == (market.account, market.timing)
    assert CashAccount() == ShadowMarket().market.account


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"broker": {"secret_key": SECRET}}, "broker.secret_key"),
        ({"broker": {"api_key": "x"}}, "broker.api_key"),
        ({"broker": {"key_id": KEY}}, "broker.key_id"),
        ({"broker": {"login": {"Password": "x"}}}, "broker.login.Password"),
        ({"broker": {"comment": KEY}}, "broker.comment"),
        ({"feed": {"names": ["a", SECRET]}}, "feed.names"),
        ({"run": {**RUN, "name": SECRET}}, "run.name"),
        ({"access_token": "x"}, "access_token"),
    ],
    ids=range(8),
)
def test_what_looks_like_a_secret_is_refused_and_not_repeated(
    tables: dict[str, object], place: str
) -> None:
    with pytest.raises(ConfigError, match="secrets do not belong into this file") as refused:
        read(**tables)

    told = "".join(traceback.format_exception(refused.value))
    assert f"{place} looks like a secret" in told
    assert KEY not in told
    assert SECRET not in told


@pytest.mark.parametrize("content", [b"[run", b"a = 1\na = 2", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "live.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_live_file(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*gone\.toml: No such"):
        read_live_file(tmp_path / "gone.toml")
