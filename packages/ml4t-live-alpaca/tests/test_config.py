"""Keys and the kind of money agree, and nothing shows the keys."""

import traceback

import pytest

from ml4t.core.errors import ConfigError
from ml4t.live_alpaca import AlpacaConfig

PAPER_KEY = "PK0CANARY0CANARY"
LIVE_KEY = "AK0CANARY0CANARY"
SECRET = "canary-secret-canary"  # noqa: S105


def test_paper_is_what_nobody_asked_for() -> None:
    config = AlpacaConfig(key_id=PAPER_KEY, secret_key=SECRET)

    assert (config.paper, config.base_url) == (True, "https://paper-api.alpaca.markets")


def test_live_is_asked_for_by_name() -> None:
    config = AlpacaConfig(key_id=LIVE_KEY, secret_key=SECRET, paper=False)

    assert config.base_url == "https://api.alpaca.markets"


def test_a_live_key_is_refused_for_paper_trading() -> None:
    with pytest.raises(ConfigError, match="begins with AK, a key for live trading, but paper"):
        AlpacaConfig(key_id=LIVE_KEY, secret_key=SECRET)


def test_a_paper_key_is_refused_for_live_trading() -> None:
    with pytest.raises(ConfigError, match="begins with PK, a key for paper trading, but paper"):
        AlpacaConfig(key_id=PAPER_KEY, secret_key=SECRET, paper=False)


def test_a_key_of_neither_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="must begin with PK where paper is True, began with"):
        AlpacaConfig(key_id="CK0CANARY0CANARY", secret_key=SECRET)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key_id", ""),
        ("key_id", f"{PAPER_KEY}\n"),
        ("key_id", None),
        ("secret_key", ""),
        ("secret_key", f" {SECRET}"),
        ("paper", "false"),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    fields: dict[str, object] = {"key_id": PAPER_KEY, "secret_key": SECRET, field: value}

    with pytest.raises(ConfigError, match=f"^{field} must be"):
        AlpacaConfig(**fields)  # type: ignore[arg-type]


def test_no_text_of_a_config_holds_its_keys() -> None:
    config = AlpacaConfig(key_id=PAPER_KEY, secret_key=SECRET)

    for text in (repr(config), str(config), f"{config}", repr([config])):
        assert "CANARY" not in text.upper()


@pytest.mark.parametrize(
    ("key_id", "secret_key"),
    [(LIVE_KEY, SECRET), ("CANARY", SECRET), (PAPER_KEY, f"{SECRET} ")],
)
def test_no_error_holds_the_keys(key_id: str, secret_key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AlpacaConfig(key_id=key_id, secret_key=secret_key)

    assert "CANARY" not in str(caught.value).upper()
    # The traceback is what ends in a log: its last line is the message, without the values.
    assert "CANARY" not in traceback.format_exception_only(caught.value)[-1].upper()
