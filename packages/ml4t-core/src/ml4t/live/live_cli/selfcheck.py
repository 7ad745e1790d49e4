"""``ml4t live selfcheck``: every risk control, and what the configuration makes of it."""

import argparse

from ml4t.core.risk import CONTROLS, MANDATORY, LiveRiskConfig
from ml4t.live.live_cli.options import add_config, add_state, say, settings_of

__all__ = ["add_selfcheck", "selfcheck"]


def add_selfcheck(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live selfcheck``."""
    add_config(parser, required=False)
    add_state(parser)


def selfcheck(args: argparse.Namespace) -> int:
    """Print every control with its values; 1 if a mandatory limit is missing.

    Raises:
        Ml4tError: the configuration cannot be used.
    """
    risk = LiveRiskConfig() if args.config is None else settings_of(args).live.risk
    values = risk.as_text()
    missing = risk.missing()
    for control in CONTROLS:
        say(f"{control.number:>2}  {control.name}: {control.sentence}")
        for name in control.fields:
            say(f"      {name} = {_value(name, values, missing)}")
    if missing:
        say(f"missing, live trading refuses to start: {', '.join(missing)}")
    return 1 if missing else 0


def _value(name: str, values: "dict[str, str]", missing: "tuple[str, ...]") -> str:
    if name in missing:
        return "MISSING: set a number or UNLIMITED"
    mandatory = " (mandatory)" if name in MANDATORY else ""
    text = values.get(name, "-")
    return ("not set" if text == "None" else text) + mandatory
