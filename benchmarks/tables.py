"""The recorded figures as Markdown."""

from collections.abc import Callable, Sequence

from benchmarks.curves import CURVES, slope
from benchmarks.measure import Figures
from benchmarks.profiles import PROFILED
from benchmarks.records import PeerRow, Record
from benchmarks.targets import PEER_TARGETS, TARGETS
from benchmarks.workloads import WORKLOADS

__all__ = ["TABLES"]

_MB = 1e6
_LINEAR = 1.1
"""The largest power that is called linear: measurements of a noisy machine are no better."""


def workloads(record: Record) -> str:
    """Our own engine at each workload."""
    rows = [_workload(name, figures) for name, figures in record["workloads"].items()]
    head = ["workload", "seconds", "processor", "asset-bars/s", "bare loop", "ratio"]
    head += ["orders", "their tables", "peak memory", "target", "holds"]
    return _with_occasion(record, "workloads", _table(head, rows))


def _workload(name: str, figures: Figures) -> list[str]:
    target = TARGETS.get(name)
    bare = figures.get("bare_cpu")
    return [
        WORKLOADS[name].title,
        f"{_seconds(figures['wall'])} ({_seconds(figures['least_wall'])})",
        _seconds(figures["cpu"]),
        f"{figures['asset_bars'] / figures['cpu'] / 1e6:.2f}M",
        _seconds(bare) if bare else "",
        f"{figures['ratio']:.2f}" if bare else "",
        f"{figures['orders']:,.0f}",
        _seconds(figures["tables"]),
        f"{figures['peak'] / _MB:,.0f} MB, {figures['peak'] / figures['nbytes']:.2f} × the arrays",
        target.words if target else "see the peers",
        _yes(target.holds(figures)) if target else "",
    ]


_PARTS = (
    ("nothing", "the loop, and a call of an empty `on_data`"),
    ("reading", '`data["SPY"]["close"]`'),
    ("deciding", "the arithmetic of the strategy, and its decision"),
    ("crossover", "its orders and their fills"),
)


def parts(record: Record) -> str:
    """What each part of a bar of crossing averages costs, one after the other."""
    figures = record["workloads"] | record["parts"]
    bare, rows, before = figures["crossover"]["bare_cpu"], [], 0.0
    for name, title in _PARTS:
        cpu = figures[name]["cpu"]
        share, whole = (cpu - before) / bare, cpu / bare
        rows.append([title, _seconds(cpu - before), f"{share:.2f}", f"{whole:.2f}"])
        before = cpu
    head = ["what comes in", "processor", "× the bare loop", "so far"]
    return _with_occasion(record, "workloads", _table(head, rows))


def fresh(record: Record) -> str:
    """What a new process takes to import and to load."""
    rows = []
    for name, figures in record["fresh"].items():
        target = TARGETS.get(name)
        with_imports = figures.get("with_imports")
        title = f"{figures['rows'] / 1e6:.2f}M rows of Parquet" if with_imports else f"`{name}`"
        rows.append(
            [
                title,
                f"{_seconds(figures['wall'])} ({_seconds(figures['least_wall'])})",
                _seconds(figures["cpu"]),
                _seconds(with_imports) if with_imports else "",
                target.words if target else "",
                _yes(target.holds(figures)) if target else "",
            ]
        )
    head = ["what", "seconds", "processor", "imports included", "target", "holds"]
    return _with_occasion(record, "workloads", _table(head, rows))


def curves(record: Record) -> str:
    """How the cost grows."""
    parts = []
    for name, points in record["curves"].items():
        curve = CURVES[name]
        sizes = [f"{point['size']:,.0f}" for point in points]
        costs = [_seconds(point["cpu"]) for point in points]
        first, last = points[-2:]
        more = (last["cpu"] - first["cpu"]) / (last["size"] - first["size"])
        more *= 1e6 / curve.shared
        power = slope(points)
        word = "linear or better" if power <= _LINEAR else f"not linear: {curve.reason}"
        parts.append(
            f"**{curve.title}**\n\n{_table([curve.plural, *sizes], [['seconds', *costs]])}\n\n"
            f"Grows with the power {power:.2f}, {word}; between the last two points one more "
            f"{curve.each} costs {more:.2f} µs."
        )
    return _with_occasion(record, "curves", "\n\n".join(parts))


def profiles(record: Record) -> str:
    """Where the time goes."""
    parts = []
    for name, rows in record["profiles"].items():
        sizes = ", ".join(f"{value:,} {size}" for size, value in PROFILED[name].items())
        body = [
            [
                f"`{row['function']}`",
                f"{row['share']:.0%}",
                f"{row['own']:.0%}",
                f"{row['calls']:,}",
            ]
            for row in rows
        ]
        head = ["function", "with what it calls", "itself", "calls"]
        parts.append(f"**{WORKLOADS[name].title}** (here {sizes})\n\n{_table(head, body)}")
    return _with_occasion(record, "profiles", "\n\n".join(parts))


def peers(record: Record) -> str:
    """The same workloads in other libraries."""
    parts = []
    for title in dict.fromkeys((row["workload"], row["size"]) for row in record["peers"]):
        rows = [row for row in record["peers"] if (row["workload"], row["size"]) == title]
        name = "crossing averages" if title[0] == "crossover" else "long and short by weights"
        unit = "bars of one asset" if title[0] == "crossover" else "days of 250 assets"
        head = ["library", "Python", "seconds", "processor", "ratio to ours", "target"]
        head += ["peak memory", "agrees with ours"]
        table = _table(head, [_peer(row) for row in rows])
        parts.append(f"**{name}, {title[1]:,} {unit}**\n\n{table}")
    return _with_occasion(record, "peers", "\n\n".join(parts))


def _peer(row: PeerRow) -> list[str]:
    if "skipped" in row:
        return [row["library"], *[""] * 6, f"skipped: {row['skipped']}"]
    figures = row["figures"]
    target = PEER_TARGETS.get((row["workload"], row["library"]))
    cold = figures.get("cold")
    return [
        f"{row['library']} {row['version']}",
        row["python"],
        _seconds(figures["run"]) + (f", first run {_seconds(cold)}" if cold else ""),
        _seconds(figures["run_cpu"]),
        f"{row['ratio']:.2f}",
        f"at least {target}: {_yes(row['ratio'] >= target)}" if target else "",
        f"{figures['peak'] / _MB:,.0f} MB",
        row["agrees"],
    ]


def _with_occasion(record: Record, section: str, text: str) -> str:
    return f"{text}\n\nMeasured {record['occasions'][section]}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def _yes(holds: bool) -> str:  # noqa: FBT001 - a word for a truth value
    return "yes" if holds else "no"


_LIVE = (
    ("decision_alone_p50", "a decision of the risk rules, half of them within"),
    ("decision_alone_p99", "a decision, all but 1 % within"),
    ("decision_crowded_p99", "the same for an asset with 15 open orders"),
    ("append_p50", "an intent made durable, half of them within"),
    ("append_p99", "an intent made durable, all but 1 % within"),
    ("kill_first_cancel", "kill switch to the first cancel sent, 500 orders"),
    ("kill_last_cancel", "kill switch to the last cancel sent"),
    ("kill_verified", "kill switch to the venue's word that nothing is open"),
    ("verify", "the hash chain of 100,000 rows verified"),
    ("open", "a journal of 100,000 rows opened, with every check"),
    ("restart_to_active", "restart to ACTIVE with 100,000 rows"),
)
_PRECISE = 0.01


def live(record: Record) -> str:
    """The live runtime."""
    figures = record["live"]
    rows = [[title, _span(figures[name])] for name, title in _LIVE if name in figures]
    return _with_occasion(record, "live", _table(["what", "takes"], rows))


def _span(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs" if seconds < _PRECISE else f"{seconds:.3f} s"


TABLES: dict[str, Callable[[Record], str]] = {
    "workloads": workloads,
    "parts": parts,
    "fresh": fresh,
    "peers": peers,
    "curves": curves,
    "profiles": profiles,
    "live": live,
}
"""What makes each table of the page, by the name of its place there."""
