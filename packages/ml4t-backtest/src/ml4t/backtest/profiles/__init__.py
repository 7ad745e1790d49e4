"""Named market assumptions: those of other engines, and those that we take ourselves.

A profile is a file of this folder in the form that ``BacktestConfig.from_toml`` reads, with a title
and a description on top. It answers every question about the market and says nothing about cash.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import attrs

from ml4t.core.errors import ConfigError

__all__ = ["Profile", "load_profile", "profile_names"]

_SUFFIX = ".toml"


@attrs.frozen(kw_only=True)
class Profile:
    """A named bundle of market assumptions, as data; ``BacktestConfig.of_profile`` makes them.

    Attributes:
        name: by which it is asked for, such as ``"backtrader"``.
        title: a word or two for people.
        description: what it stands for, a few sentences.
        answers: one for each question about the market, in plain values.

    >>> load_profile("zipline").answers["timing"]
    'next_bar_close'
    """

    name: str
    title: str
    description: str
    answers: Mapping[str, object]


@cache
def profile_names() -> tuple[str, ...]:
    """The names of all profiles, by the alphabet."""
    names = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX)))


def load_profile(name: str) -> Profile:
    """A profile by its name.

    Raises:
        ConfigError: no profile has that name; lists those that there are.
    """
    if name not in profile_names():
        msg = f"no profile is called {name!r}, there are {', '.join(profile_names())}"
        raise ConfigError(msg)
    text = files(__name__).joinpath(name + _SUFFIX).read_text("utf-8")
    answers = tomllib.loads(text)
    title, description = answers.pop("title"), " ".join(answers.pop("description").split())
    return Profile(name=name, title=title, description=description, answers=answers)
