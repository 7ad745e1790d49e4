"""The tables of a result as a folder of Parquet files with a manifest."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import attrs
import pandas as pd

from ml4t.backtest.manifest import RunManifest
from ml4t.core import DataError

__all__ = ["read_folder", "write_folder"]

_MANIFEST = "manifest.json"
_FORMAT = 1


def write_folder(folder: Path, tables: Mapping[str, pd.DataFrame], manifest: RunManifest) -> Path:
    """Write each table and then the manifest; the folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    # A folder without a manifest was not finished: the old one goes first, the new one comes last.
    (folder / _MANIFEST).unlink(missing_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    document = {"format": _FORMAT, **attrs.asdict(manifest)}
    text = json.dumps(document, indent=2, sort_keys=True)
    (folder / _MANIFEST).write_text(text + "\n", encoding="utf-8")
    return folder


def read_folder(
    folder: Path, names: Iterable[str]
) -> tuple[RunManifest, dict[str, Callable[[], pd.DataFrame]]]:
    """The manifest, and for each name what reads its table.

    Raises:
        DataError: there is no manifest, or one of another format; a reader raises it where its
            table cannot be read.
    """
    path = folder / _MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{folder} holds no finished result: cannot read {_MANIFEST} ({error})"
        raise DataError(msg) from error
    if document.pop("format", None) != _FORMAT:
        msg = f"{path} is not of format {_FORMAT}: read it with the version that wrote it"
        raise DataError(msg)
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        name: partial(_read_table, folder / f"{name}.parquet") for name in names
    }
    return RunManifest(**document), readers


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        msg = f"cannot read {path}: {error}"
        raise DataError(msg) from error
