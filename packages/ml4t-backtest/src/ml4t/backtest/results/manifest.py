"""What a result came from, and the fingerprints that tell whether two results are the same."""

import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunManifest", "digest_of_tables", "versions"]

_PACKAGES = ("ml4t-core", "ml4t-backtest", "numpy", "pandas")


@attrs.frozen(kw_only=True)
class RunManifest:
    """What identifies a run.

    Attributes:
        strategy: module and name of the strategy's class.
        config: the configuration in plain values, in the form of its TOML file.
        data_digest: SHA-256 over instants, assets, prices, signals and context of the feed.
        result_digest: SHA-256 over account, orders and fills.
        versions: versions of Python and of the packages that the numbers depend on.
        inputs: the files, with their SHA-256, and the options that make the run again, as `ml4t
            backtest` records them; None for a run made by Python code, which may have come from
            anywhere.
    """

    strategy: str
    config: Mapping[str, object]
    data_digest: str
    result_digest: str
    versions: Mapping[str, str]
    inputs: Mapping[str, Any] | None = None


def versions() -> dict[str, str]:
    """The versions that a result depends on, by name of the distribution."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in _PACKAGES
    }


def digest_of_tables(tables: Mapping[str, "pd.DataFrame"]) -> str:
    """SHA-256 over names, columns and exact values of tables; equal for equal results.

    Numbers count by their bits, instants by their nanoseconds in UTC, text by its characters.
    """
    digest = hashlib.sha256()
    for name, table in tables.items():
        frame = table.reset_index() if table.index.name else table
        digest.update(f"{name}:{len(frame)}\n".encode())
        for column in frame.columns:
            digest.update(f"{column}\n".encode())
            digest.update(_bytes_of(frame[column]))
    return digest.hexdigest()


def _bytes_of(column: "pd.Series[Any]") -> bytes:
    if column.dtype.kind in "fib":
        return column.to_numpy().tobytes()
    if column.dtype.kind == "M":
        instants = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return bytes(instants.to_numpy("M8[ns]").tobytes())
    # A length before each text keeps "a", "bc" and "ab", "c" apart.
    return "".join(f"{len(text)}:{text}" for text in column.astype(str)).encode()
