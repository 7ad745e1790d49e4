"""The tables of a result as a folder of Parquet files with a manifest."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import attrs
import pandas as pd

from ml4t.backtest.results.manifest import RunManifest
from ml4t.core import DataError

__all__ = ["read_folder", "write_folder"]

_MANIFEST = "manifest.json"
_FORMAT = 1


def write_folder(folder: Path, tables: Mapping[str, pd.DataFrame], manifest: RunManifest) -> Path:
    """Write each table and then the manifest; the folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    # A folder without a manifest was not finished: the old one goes first, the new one comes last.
    (folder / _MANIFEST).unlink(missing_ok=True)
    files: dict[str, str] = {}
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        table.to_parquet(path)
        files[name] = _digest(path)
    document = {"format": _FORMAT, "files": files, **attrs.asdict(manifest)}
    text = json.dumps(document, indent=2, sort_keys=True)
    (folder / _MANIFEST).write_text(text + "\n", encoding="utf-8")
    return folder


def read_folder(
    folder: Path, names: Iterable[str]
) -> tuple[RunManifest, dict[str, Callable[[], pd.DataFrame]]]:
    """The manifest, and for each name what reads its table.

    Raises:
        DataError: there is no manifest, or one that this version did not write; a reader raises it
            where its table is not the one that was written.
    """
    path = folder / _MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{folder} holds no finished result: cannot read {_MANIFEST} ({error})"
        raise DataError(msg) from error
    if not isinstance(document, dict) or document.pop("format", None) != _FORMAT:
        msg = f"{path} is not of format {_FORMAT}: read it with the version that wrote it"
        raise DataError(msg)
    try:
        files = dict(document.pop("files"))
        manifest = RunManifest(**document)
        readers: dict[str, Callable[[], pd.DataFrame]] = {
            name: partial(_read_table, folder / f"{name}.parquet", files[name]) for name in names
        }
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{path} is not the manifest of a result: {error}"
        raise DataError(msg) from error
    return manifest, readers


def _read_table(path: Path, digest: str) -> pd.DataFrame:
    try:
        if _digest(path) == digest:
            return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        msg = f"cannot read {path}: {error}"
        raise DataError(msg) from error
    msg = f"{path} is not the table that was written: its SHA-256 is not the manifest's"
    raise DataError(msg)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
