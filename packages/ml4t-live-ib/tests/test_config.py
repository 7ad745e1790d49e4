"""A configuration that could send a paper order to a live account, or the reverse, cannot exist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core.errors import ConfigError
from ml4t.live_ib import IBConfig

PAPER_PORTS = (7497, 4002)
LIVE_PORTS = (7496, 4001)


def test_an_account_for_paper_trading_is_enough() -> None:
    config = IBConfig(account="DU1234567")

    assert (config.paper, config.host, config.port, config.client_id) == (
        True,
        "127.0.0.1",
        7497,
        1,
    )


@pytest.mark.parametrize("port", PAPER_PORTS)
def test_paper_accounts_go_with_paper_ports(port: int) -> None:
    assert IBConfig(account="DU1234567", port=port).port == port


@pytest.mark.parametrize("port", LIVE_PORTS)
def test_live_accounts_go_with_live_ports(port: int) -> None:
    assert IBConfig(account="U1234567", paper=False, port=port).port == port


@pytest.mark.parametrize(("account", "paper"), [("DU1234567", True), ("U1234567", False)])
def test_a_port_of_ones_own_tells_nothing_and_passes(account: str, paper: bool) -> None:
    assert IBConfig(account=account, paper=paper, port=4004).port == 4004


@pytest.mark.parametrize("port", LIVE_PORTS)
def test_a_live_port_is_refused_for_paper_trading(port: int) -> None:
    with pytest.raises(ConfigError, match=f"port {port} is for live .* use 4002 or 7497"):
        IBConfig(account="DU1234567", port=port)


@pytest.mark.parametrize("port", PAPER_PORTS)
def test_a_paper_port_is_refused_for_live_trading(port: int) -> None:
    with pytest.raises(ConfigError, match=f"port {port} is for paper .* use 4001 or 7496"):
        IBConfig(account="U1234567", paper=False, port=port)


def test_a_live_account_is_refused_unless_paper_is_false() -> None:
    with pytest.raises(ConfigError, match="U1234567 is a live account but paper is True"):
        IBConfig(account="U1234567")


def test_a_paper_account_is_refused_for_live_trading() -> None:
    with pytest.raises(ConfigError, match="DU1234567 is a paper account but paper is False"):
        IBConfig(account="DU1234567", paper=False, port=7496)


@given(
    account=st.sampled_from(["DU1", "DF1", "U1", "F1", "I1"]),
    paper=st.booleans(),
    port=st.sampled_from([*PAPER_PORTS, *LIVE_PORTS]),
)
def test_whatever_is_accepted_agrees_with_itself(account: str, paper: bool, port: int) -> None:
    is_consistent = account.startswith("D") == paper == (port in PAPER_PORTS)
    try:
        IBConfig(account=account, paper=paper, port=port)
    except ConfigError:
        assert not is_consistent
    else:
        assert is_consistent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", ""),
        ("account", " DU1234567"),
        ("account", None),
        ("host", ""),
        ("host", "localhost "),
        ("paper", "no"),
        ("port", 0),
        ("port", 65536),
        ("port", "7497"),
        ("port", True),
        ("port", float("nan")),
        ("client_id", -1),
        ("client_id", 1.5),
    ],
)
def test_a_field_out_of_range_is_refused_by_name(field: str, value: object) -> None:
    fields: dict[str, object] = {"account": "DU1234567", field: value}

    with pytest.raises(ConfigError, match=f"^{field} must be"):
        IBConfig(**fields)  # type: ignore[arg-type]
