"""How the cost grows with one size while the others stay."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import attrs

from benchmarks.children import repeated
from benchmarks.measure import Figures

__all__ = ["CURVES", "Curve", "points_of", "slope"]


@attrs.frozen(kw_only=True)
class Curve:
    """One workload at several sizes.

    Attributes:
        title: what grows, and what stays.
        workload: its name.
        sizes: the arguments of the workload at each point.
        size: what grows, out of the arguments and the figures of a measurement.
        plural: what it is called.
        each: what the cost of one more is of.
        shared: how many times a run pays for one more.
        reason: why the cost may grow faster than the size.
    """

    title: str
    workload: str
    sizes: Sequence[Mapping[str, float]]
    size: Callable[[Figures], float]
    plural: str
    each: str
    shared: int = 1
    reason: str = ""


CURVES = {
    "bars, no order": Curve(
        title="bars: one asset, a strategy that does nothing",
        workload="nothing",
        sizes=[{"bars": 125_000 * 2**step} for step in range(5)],
        size=lambda f: f["rows"],
        plural="bars",
        each="bar",
    ),
    "bars": Curve(
        title="bars: one asset, crossing averages",
        workload="crossover",
        sizes=[{"bars": 62_500 * 2**step} for step in range(5)],
        size=lambda f: f["rows"],
        plural="bars",
        each="bar",
    ),
    "assets": Curve(
        title="assets: 500 days, 25 long and 25 short of ever more",
        workload="long-short",
        sizes=[{"days": 500, "assets": 100 * 2**step, "positions": 25} for step in range(6)],
        size=lambda f: f["assets"],
        plural="assets",
        each="asset and day",
        shared=500,
    ),
    "orders": Curve(
        title="orders per bar: 250 days, 1,000 assets, ever more positions",
        workload="long-short",
        sizes=[{"days": 250, "assets": 1000, "positions": 10 * 2**step} for step in range(6)],
        size=lambda f: f["orders"],
        plural="orders in all",
        each="order",
    ),
    "resting": Curve(
        title="open orders: 2,000 minutes, 640 assets, ever more stops and targets that rest",
        workload="resting",
        sizes=[{"minutes": 2000, "assets": 640, "positions": 20 * 2**step} for step in range(6)],
        size=lambda f: f["positions"] * 2,
        plural="resting orders",
        each="resting order and bar",
        shared=2000,
    ),
    "exits": Curve(
        title="exits: 2,000 minutes, 100 assets, stops and targets ever closer",
        workload="exits",
        sizes=[
            {"minutes": 2000, "assets": 100, "distance": 0.016 / 2 ** (step / 2)}
            for step in range(7)
        ],
        size=lambda f: f["fills"],
        plural="fills",
        each="fill",
    ),
    "closing": Curve(
        title="positions closed by name: 80 minutes, ever more assets, each with a stop that rests",
        workload="closing",
        sizes=[{"minutes": 80, "assets": 50 * 2**step} for step in range(6)],
        size=lambda f: f["orders"],
        plural="orders in all",
        each="order",
    ),
}


def points_of(curve: Curve, repeat: int) -> list[Figures]:
    """Size and least processor seconds at each point of a curve."""
    points = []
    for sizes in curve.sizes:
        measured = repeated(curve.workload, sizes, repeat)
        figures = {**sizes, **measured[0]}
        points.append({"size": curve.size(figures), "cpu": min(m["cpu"] for m in measured)})
    return points


def slope(points: Sequence[Figures]) -> float:
    """The power by which the cost grows: 1 is linear, below 1 a part of the cost stays.

    >>> round(slope([{"size": 1, "cpu": 3.0}, {"size": 2, "cpu": 6.0}]), 6)
    1.0
    """
    sizes = [math.log(point["size"]) for point in points]
    costs = [math.log(point["cpu"]) for point in points]
    return statistics.linear_regression(sizes, costs).slope
