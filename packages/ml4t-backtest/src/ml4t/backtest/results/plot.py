"""Equity and drawdown as a picture."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

__all__ = ["draw"]


def draw(equity: "pd.Series[float]", drawdown: "pd.Series[float]", title: str, path: Path) -> Path:
    """Draw the equity, on a log scale where it is positive, above the drawdown.

    Args:
        equity: money by timestamp.
        drawdown: share below the highest equity so far, not positive, by timestamp.
        title: one line.
        path: the file; its folder is made if it is missing, its suffix names the format.
    """
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        # A figure of its own, not pyplot's: nothing is shared and no display is needed.
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.5, 1))
        upper.plot(equity.index, equity.to_numpy(), linewidth=1.1, color="#1f4e79")
        upper.axhline(equity.iloc[0], linewidth=0.6, color="0.5")
        if equity.min() > 0:
            upper.set_yscale("log")
        upper.set_ylabel("equity")
        upper.set_title(title, loc="left")
        lower.fill_between(
            drawdown.index, drawdown.to_numpy() * 100, 0, color="#b03a2e", linewidth=0
        )
        lower.set_ylabel("drawdown, %")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    return path
