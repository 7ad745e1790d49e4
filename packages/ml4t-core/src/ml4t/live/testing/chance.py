"""Where the chance of a simulation comes from: generators that a seed decides."""

from random import Random

__all__ = ["branch", "seeded"]


def seeded(seed: int) -> Random:
    """A generator that gives the same numbers for the same seed; nothing secret comes from it."""
    return Random(seed)  # noqa: S311


def branch(rng: Random) -> Random:
    """A new generator from one that others draw from, so that they do not disturb each other."""
    return seeded(rng.getrandbits(64))
