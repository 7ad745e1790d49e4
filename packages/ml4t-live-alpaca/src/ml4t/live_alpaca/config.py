"""Which keys open Alpaca, and whether the money behind them is real."""

import attrs

from ml4t.core.errors import ConfigError

__all__ = ["AlpacaConfig"]

_PAPER_URL = "https://paper-api.alpaca.markets"
_LIVE_URL = "https://api.alpaca.markets"
_SHOWN = 2
"""How many letters of a key may be told: enough to see paper from live."""


def _masked(key_id: object) -> str:
    return repr(f"{str(key_id)[:_SHOWN]}***")


@attrs.frozen(kw_only=True)
class AlpacaConfig:
    """The keys of one Alpaca account.

    Paper trading unless ``paper=False`` says otherwise, and ``paper`` must agree with the key: the
    ids of paper keys begin with ``PK``, those of live keys with ``AK``. Neither the secret nor the
    whole key id appears in the representation or in an error.

    Attributes:
        key_id: the public half of the key.
        secret_key: the secret half.
        paper: whether the account is one for paper trading; decides ``base_url``.

    Raises:
        ConfigError: a key is empty, or the key and ``paper`` disagree.

    >>> AlpacaConfig(key_id="PK0EXAMPLE", secret_key="not-a-real-secret")
    AlpacaConfig(key_id='PK***', paper=True)
    """

    key_id: str = attrs.field(repr=_masked)
    secret_key: str = attrs.field(repr=False)
    paper: bool = True

    def __attrs_post_init__(self) -> None:
        for name in ("key_id", "secret_key"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text or text != text.strip():
                msg = f"{name} must be a text without surrounding blanks"
                raise ConfigError(msg)
        if not isinstance(self.paper, bool):
            msg = f"paper must be True or False, was {self.paper!r}"
            raise ConfigError(msg)
        wanted, other = ("PK", "AK") if self.paper else ("AK", "PK")
        if self.key_id.startswith(other):
            msg = (
                f"key_id begins with {other}, a key for {'live' if self.paper else 'paper'} "
                f"trading, but paper is {self.paper}: use a key that begins with {wanted}, "
                f"or write paper={not self.paper}"
            )
            raise ConfigError(msg)
        if not self.key_id.startswith(wanted):
            msg = (
                f"key_id must begin with {wanted} where paper is {self.paper}, "
                f"began with {self.key_id[:_SHOWN]!r}"
            )
            raise ConfigError(msg)

    @property
    def base_url(self) -> str:
        """The address that orders are sent to."""
        return _PAPER_URL if self.paper else _LIVE_URL
