"""Assets: the terms of an instrument."""

import attrs
import pytest

from ml4t.core import Asset, InvalidValueError


def test_an_asset_is_a_share_of_stock_unless_it_says_otherwise() -> None:
    asset = Asset(symbol="SPY")

    assert (asset.multiplier, asset.lot_size, asset.currency) == (1.0, 0.0, "USD")


def test_whole_numbers_become_floats() -> None:
    asset = Asset(symbol="ES-2026Z", multiplier=50, lot_size=1)

    assert (asset.multiplier, asset.lot_size) == (50.0, 1.0)
    assert {type(asset.multiplier), type(asset.lot_size)} == {float}


def test_an_asset_never_changes() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Asset(symbol="SPY").symbol = "QQQ"  # type: ignore[misc]


def test_equal_terms_are_the_same_asset() -> None:
    assert Asset(symbol="SPY") == Asset(symbol="SPY")
    assert len({Asset(symbol="SPY"), Asset(symbol="SPY"), Asset(symbol="QQQ")}) == 2


@pytest.mark.parametrize("symbol", ["", " ", " SPY", "SPY\n"], ids=repr)
def test_a_symbol_without_a_name_or_with_blanks_is_refused(symbol: str) -> None:
    with pytest.raises(InvalidValueError, match="symbol must be a name"):
        Asset(symbol=symbol)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("inf"), float("nan")])
def test_a_multiplier_is_positive_and_finite(multiplier: float) -> None:
    with pytest.raises(InvalidValueError, match="multiplier of SPY must be positive"):
        Asset(symbol="SPY", multiplier=multiplier)


@pytest.mark.parametrize("lot_size", [-1.0, float("inf"), float("nan")])
def test_a_lot_is_not_negative_and_finite(lot_size: float) -> None:
    with pytest.raises(InvalidValueError, match="lot_size of SPY must be finite"):
        Asset(symbol="SPY", lot_size=lot_size)


@pytest.mark.parametrize("currency", ["", "usd", "DOLLAR", "US"], ids=repr)
def test_a_currency_is_a_three_letter_code(currency: str) -> None:
    with pytest.raises(InvalidValueError, match="currency of SPY must be a three-letter code"):
        Asset(symbol="SPY", currency=currency)
