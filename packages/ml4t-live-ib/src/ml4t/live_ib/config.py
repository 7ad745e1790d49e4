"""Where TWS or IB Gateway listens, which account to trade there, and whether the money is real."""

import attrs

from ml4t.core.errors import ConfigError

__all__ = ["IBConfig"]

_PORTS = {
    7497: "paper trading in TWS",
    4002: "paper trading in IB Gateway",
    7496: "live trading in TWS",
    4001: "live trading in IB Gateway",
}
_PAPER_PORTS = frozenset({7497, 4002})
_LIVE_PORTS = frozenset({7496, 4001})
_LAST_PORT = 65535


@attrs.frozen(kw_only=True)
class IBConfig:
    """One session with TWS or IB Gateway.

    Paper trading unless ``paper=False`` says otherwise, and ``paper`` must agree with what can be
    told from the account, since accounts for paper trading begin with ``D`` (``DU1234567``), and
    from the port, where it is one of the four that TWS and IB Gateway use unless told otherwise.

    Attributes:
        account: the account to trade; a login may reach several, so one must be named.
        paper: whether the account is one for paper trading.
        host: where TWS or IB Gateway runs. What passes is not encrypted: keep it on this machine.
        port: where it listens; 7497 and 4002 are for paper trading, 7496 and 4001 for live.
        client_id: the number of this program, which no other program of the session may use.

    Raises:
        ConfigError: a field is out of range, or account, port and ``paper`` disagree.

    >>> IBConfig(account="DU1234567").port
    7497
    >>> IBConfig(account="U7654321")
    Traceback (most recent call last):
    ml4t.core.errors.ConfigError: account U7654321 is a live account but paper is True: ...
    """

    account: str
    paper: bool = True
    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int = 1

    def __attrs_post_init__(self) -> None:
        self._check_fields()
        self._check_account()
        self._check_port()

    def _check_fields(self) -> None:
        for name in ("account", "host"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text or text != text.strip():
                msg = f"{name} must be a name without surrounding blanks, was {text!r}"
                raise ConfigError(msg)
        if not isinstance(self.paper, bool):
            msg = f"paper must be True or False, was {self.paper!r}"
            raise ConfigError(msg)
        for name, lowest, highest in (("port", 1, _LAST_PORT), ("client_id", 0, None)):
            number = getattr(self, name)
            # A bool is an int to isinstance, and True is nobody's port.
            is_number = isinstance(number, int) and not isinstance(number, bool)
            if not is_number or number < lowest or (highest is not None and number > highest):
                span = f"from {lowest} to {highest}" if highest else f"of at least {lowest}"
                msg = f"{name} must be a whole number {span}, was {number!r}"
                raise ConfigError(msg)

    def _check_account(self) -> None:
        is_paper = self.account.startswith("D")
        if is_paper != self.paper:
            kind = "paper" if is_paper else "live"
            msg = (
                f"account {self.account} is a {kind} account but paper is {self.paper}: "
                f"name another account, or write paper={is_paper}"
            )
            raise ConfigError(msg)

    def _check_port(self) -> None:
        wrong = _LIVE_PORTS if self.paper else _PAPER_PORTS
        if self.port in wrong:
            right = _PAPER_PORTS if self.paper else _LIVE_PORTS
            msg = (
                f"port {self.port} is for {_PORTS[self.port]} but paper is {self.paper}: "
                f"use {' or '.join(map(str, sorted(right)))} for account {self.account}"
            )
            raise ConfigError(msg)
