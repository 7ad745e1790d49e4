"""What a backtest assumes about account and market."""

import math
from collections.abc import Mapping
from pathlib import Path

import attrs

from ml4t.core.errors import ConfigError
from ml4t.simulation import MarketAssumptions, NoCommission, NoFinancing, NoImpact, NoSlippage

__all__ = ["BacktestConfig"]


@attrs.frozen(kw_only=True)
class BacktestConfig(MarketAssumptions):
    """Everything a backtest assumes: the money to start with, and the market, question by question.

    The defaults are a cash account without short sales, fills at the next bar's open, the worst way
    through a bar, and no costs; a result that charged no costs says so.

    Attributes:
        initial_cash: the money to start with, positive.
        as_if: the name of a venue, such as ``"alpaca"``; orders that it would refuse are rejected
            with its reason. Its package must be installed. "" for the simulated venue's own rules.

    Raises:
        ConfigError: ``initial_cash`` is not positive and finite.

    >>> from ml4t.backtest import PerShare
    >>> BacktestConfig(initial_cash=50_000, commission=PerShare(0.005, minimum=1.0)).timing
    NextBarOpen()
    """

    initial_cash: float = attrs.field(default=100_000.0, converter=float)
    as_if: str = ""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.initial_cash < math.inf:
            msg = f"initial_cash must be positive and finite, was {self.initial_cash}"
            raise ConfigError(msg)

    @property
    def free_of_costs(self) -> bool:
        """Whether neither slippage, impact, commission nor financing is charged."""
        return (
            isinstance(self.slippage, NoSlippage)
            and isinstance(self.impact, NoImpact)
            and isinstance(self.financing, NoFinancing)
            and isinstance(self.commission, NoCommission)
        )

    @classmethod
    def from_toml(cls, path: str | Path) -> "BacktestConfig":
        """Read a configuration file.

        An assumption without numbers is a string, ``timing = "next_bar_close"``; one with numbers
        is a table with a ``kind``, ``commission = { kind = "per_share", amount = 0.005 }``. The
        kinds are the classes' names in small letters with underscores. With ``profile = "NAME"``
        the questions that the file leaves open are answered by that profile, not by the defaults.

        Raises:
            ConfigError: the file is missing, is not TOML, or a key or value is not known; names
                the file and the key.
        """
        from ml4t.backtest.config_file import read_toml  # noqa: PLC0415 - cattrs is slow to load

        return read_toml(Path(path), cls)

    @classmethod
    def of_profile(cls, name: str) -> "BacktestConfig":
        """The assumptions of a named profile, such as ``"backtrader"`` or ``"realistic"``.

        ``ml4t profiles list`` names them all. ``attrs.evolve`` changes an answer, as the key
        ``profile`` of a configuration's file does.

        Raises:
            ConfigError: no profile has that name; lists those that there are.

        >>> BacktestConfig.of_profile("realistic").participation
        VolumeShare(share=0.1)
        """
        from ml4t.backtest.profiles import load_profile  # noqa: PLC0415 - see from_toml

        return cls.from_dict(load_profile(name).answers, source=f"profile {name}")

    @classmethod
    def from_dict(cls, table: Mapping[str, object], source: str) -> "BacktestConfig":
        """Read what :meth:`to_dict` gave; ``source`` names it in errors.

        Raises:
            ConfigError: a key or value is not known; names the key.
        """
        from ml4t.backtest.config_file import from_table  # noqa: PLC0415 - see from_toml

        return from_table(table, cls, source)

    def to_dict(self) -> dict[str, object]:
        """The configuration in plain values, in the form that a TOML file has."""
        from ml4t.backtest.config_file import to_table  # noqa: PLC0415 - see from_toml

        return to_table(self)
