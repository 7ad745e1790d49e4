"""Risk limits in the configuration of a backtest."""

import pytest

from ml4t.backtest import BacktestConfig
from ml4t.core.errors import ConfigError
from ml4t.core.risk import UNLIMITED, LiveRiskConfig

TOML = """
[risk]
max_order_shares = 100
max_order_value = "UNLIMITED"
allowed_assets = ["SPY", "QQQ"]
blackouts = ["23:45-23:46 America/New_York"]
self_trade = "cancel_resting"
"""


def test_a_table_of_a_file_sets_them(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text(TOML)
    risk = BacktestConfig.from_toml(path).risk
    assert risk is not None
    assert (100.0, UNLIMITED, frozenset({"SPY", "QQQ"})) == (
        risk.max_order_shares,
        risk.max_order_value,
        risk.allowed_assets,
    )


def test_what_is_written_reads_back_the_same(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text(TOML)
    config = BacktestConfig.from_toml(path)
    assert config == BacktestConfig.from_dict(config.to_dict(), source="here")


def test_without_limits_there_is_no_table():
    assert "risk" not in BacktestConfig().to_dict()
    assert BacktestConfig() == BacktestConfig.from_dict(BacktestConfig().to_dict(), source="here")


@pytest.mark.parametrize(
    ("risk", "said"),
    [
        ({"max_order_share": 1}, "max_order_share"),
        ({"max_order_shares": -1}, "max_order_shares: a limit must be a positive number"),
        ("none", "expected a table of risk limits"),
    ],
)
def test_a_wrong_table_names_the_file_and_the_key(risk, said):
    with pytest.raises(ConfigError, match=said) as error:
        BacktestConfig.from_dict({"risk": risk}, source="my.toml")
    assert str(error.value).startswith("my.toml")


def test_the_limits_are_part_of_what_a_backtest_assumes():
    assert (
        LiveRiskConfig(max_order_shares=5)
        == BacktestConfig(risk=LiveRiskConfig(max_order_shares=5)).risk
    )
