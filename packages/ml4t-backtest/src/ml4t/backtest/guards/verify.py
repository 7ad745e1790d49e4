"""Does a result come out the same again?

The run is made again from the files that the manifest names, in another process and with another
seed of Python's hashes, and every table must be the same to the bit.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml4t.backtest.guards.child import rerun_in_child
from ml4t.backtest.guards.run_inputs import RunInputs, sha256_of
from ml4t.backtest.results.manifest import RunManifest, digest_of_tables, versions
from ml4t.backtest.results.result import TABLES
from ml4t.backtest.results.storage import read_folder
from ml4t.core import DataError

__all__ = ["ResultDifference", "VerifyReport", "verify_result"]

_RUNS = 2


@attrs.frozen(kw_only=True)
class ResultDifference:
    """The first place where a table is not what it should be.

    Attributes:
        table: its name.
        row: counted from 0; None where it is not about one row.
        column: its name; empty where it is not about one column.
        stored: what the folder has, as text.
        rerun: what it should be, as text: of the run that was made again, or of the manifest.
    """

    table: str
    row: int | None = None
    column: str = ""
    stored: str = ""
    rerun: str = ""

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        column = f", column {self.column}" if self.column else ""
        return f"{self.table}{row}{column}: {self.stored} in the folder, {self.rerun}"


@attrs.frozen(kw_only=True)
class VerifyReport:
    """What came of making a run again.

    Attributes:
        runs: how often it was made, each time in another process with another hash seed.
        digest: the digest of the stored result.
        differences: the first one of each table that differs; empty if the result is proved.
        notes: what a reader must know, such as versions that have changed.
    """

    runs: int
    digest: str
    differences: Sequence[ResultDifference] = ()
    notes: Sequence[str] = ()

    @property
    def is_identical(self) -> bool:
        """Whether every run gave the stored result."""
        return not self.differences

    def __str__(self) -> str:
        lines = [f"not identical: {difference}" for difference in self.differences]
        if self.is_identical:
            lines = [
                f"identical: {self.runs} runs in other processes, each with another hash seed, "
                f"gave every table again; result {self.digest}"
            ]
        return "\n".join([*lines, *(f"! {note}" for note in self.notes)])


def verify_result(
    folder: str | Path,
    *,
    moved: Mapping[str, Path] | None = None,
    runs: int = _RUNS,
    progress: Callable[[int, int], object] | None = None,
) -> VerifyReport:
    """Make the run behind a folder again and compare the result with what the folder holds.

    Args:
        folder: what ``ml4t backtest --out`` wrote.
        moved: where files are now that are no longer where they were: ``strategy``, ``prices``,
            ``signals`` or ``context`` with a path.
        runs: how often to make it. More runs find more of what depends on the order of a set.
        progress: called with the number of runs done and the number of all.

    Raises:
        DataError: the folder holds no finished result; or the result cannot be made again, since
            the manifest names no files or one of them is gone or has changed.
        StrategyError: the strategy raised.
    """
    folder = Path(folder)
    manifest, readers = read_folder(folder, TABLES)
    stored, broken = _stored(folder, readers)
    found: list[ResultDifference] = list(broken)
    if manifest.inputs is None:
        if found:
            return VerifyReport(runs=0, digest=manifest.result_digest, differences=found)
        msg = (
            f"{folder} cannot be verified: it was made by Python code, not by `ml4t backtest`, so "
            "its manifest names neither the strategy's file nor those of the data. Its tables are "
            "those that were written; what they came from is not known"
        )
        raise DataError(msg)
    inputs, place = _found_again(manifest.inputs, dict(moved or {}))
    seeds = _seeds(str(manifest.inputs.get("hash_seed", "")), runs)
    notes = _version_notes(manifest)
    for number, seed in enumerate(seeds):
        with TemporaryDirectory() as scratch:
            rerun_in_child(inputs, manifest.config, place, Path(scratch), seed)
            again, tables = read_folder(Path(scratch), TABLES)
            found += _compared(manifest, again, stored, {name: tables[name]() for name in TABLES})
        if progress is not None:
            progress(number + 1, runs)
        if found:
            break
    return VerifyReport(
        runs=number + 1, digest=manifest.result_digest, differences=found, notes=notes
    )


def _stored(
    folder: Path, readers: Mapping[str, Callable[[], pd.DataFrame]]
) -> tuple[dict[str, pd.DataFrame], list[ResultDifference]]:
    """The tables as they are, and which of them are not those that were written."""
    tables, broken = {}, []
    for name, read in readers.items():
        try:
            tables[name] = read()
        except DataError:
            path = folder / f"{name}.parquet"
            there = "another file" if path.is_file() else "no file"
            broken.append(
                ResultDifference(
                    table=name, stored=there, rerun="not the one whose SHA-256 the manifest has"
                )
            )
            try:
                tables[name] = pd.read_parquet(path)
            except (OSError, ValueError):
                continue
    return tables, broken


def _seeds(used: str, runs: int) -> list[int]:
    """Hash seeds other than the one of the run that is checked."""
    if runs < 1:
        msg = f"runs must be at least 1, was {runs}"
        raise DataError(msg)
    return [seed for seed in range(1, runs + 2) if str(seed) != used][:runs]


def _found_again(record: Mapping[str, Any], moved: dict[str, Path]) -> tuple[RunInputs, Path]:
    """The inputs of a record, all of which are there as they were, and the run's folder."""
    folder = Path(record["folder"])
    code = record["strategy"]
    cls = f":{code['class']}" if code["class"] else ""
    strategy = _file("strategy", code, folder, moved)
    for name, digest in record["modules"].items():
        _require_same(f"the module {name}", "strategy", strategy.parent / name, digest)
    files = {name: str(_file(name, file, folder, moved)) for name, file in record["files"].items()}
    strange = moved.keys() - {"strategy", *files}
    if strange:
        msg = f"the run had no {' and no '.join(sorted(strange))}: leave that option out"
        raise DataError(msg)
    others = {"timezone": record["timezone"], "options": record["options"]}
    inputs = RunInputs.from_table({"strategy": f"{strategy}{cls}", **others, **files})
    return inputs, folder if folder.is_dir() else Path.cwd()


def _file(name: str, file: Mapping[str, str], folder: Path, moved: Mapping[str, Path]) -> Path:
    if name in moved:
        path = Path(moved[name]).absolute()
    else:
        path = folder / file["path"]
        if not path.is_file() and (Path.cwd() / file["path"]).is_file():
            path = Path.cwd() / file["path"]
    _require_same(f"the {name} file", name, path, file["sha256"])
    return path


def _require_same(what: str, option: str, path: Path, digest: str) -> None:
    if not path.is_file():
        msg = f"{what} is missing: there is no {path}; say where it is with --{option}"
        raise DataError(msg)
    now = sha256_of(path)
    if now != digest:
        msg = (
            f"{what} has changed since the run: the SHA-256 of {path} is {now}, and was {digest}; "
            f"point to the old one with --{option}, or run the backtest again"
        )
        raise DataError(msg)


def _version_notes(manifest: RunManifest) -> list[str]:
    now = versions()
    return [
        f"The result was made with {name} {then}, this is {now.get(name, 'missing')}."
        for name, then in sorted(manifest.versions.items())
        if now.get(name) != then
    ]


def _compared(
    manifest: RunManifest,
    again: RunManifest,
    stored: Mapping[str, pd.DataFrame],
    rerun: Mapping[str, pd.DataFrame],
) -> list[ResultDifference]:
    found = []
    for name, table in rerun.items():
        if name in stored and digest_of_tables({name: stored[name]}) != digest_of_tables(
            {name: table}
        ):
            found.append(_first_difference(name, stored[name], table))
    for what in ("data_digest", "result_digest", "strategy"):
        then, now = getattr(manifest, what), getattr(again, what)
        if then != now and not found:
            found.append(
                ResultDifference(
                    table="manifest", column=what, stored=then, rerun=f"{now} in the run made again"
                )
            )
    return found


def _first_difference(name: str, stored: pd.DataFrame, rerun: pd.DataFrame) -> ResultDifference:
    one, two = (table.reset_index() if table.index.name else table for table in (stored, rerun))
    again = "in the run made again"
    if list(one.columns) != list(two.columns):
        names = [", ".join(map(str, table.columns)) for table in (one, two)]
        return ResultDifference(
            table=name, stored=f"the columns {names[0]}", rerun=f"{names[1]} {again}"
        )
    rows = min(len(one), len(two))
    places = []
    for column in one.columns:
        wrong = np.flatnonzero(_wrong(one[column].iloc[:rows], two[column].iloc[:rows]))
        if len(wrong):
            places.append((int(wrong[0]), str(column)))
    if not places:
        return ResultDifference(
            table=name, row=rows, stored=f"{len(one)} rows", rerun=f"{len(two)} rows {again}"
        )
    # Of the earliest row the first column, in the order of the table.
    row, column = min(places, key=lambda place: place[0])
    values = [repr(table[column].tolist()[row]) for table in (one, two)]
    return ResultDifference(
        table=name, row=row, column=column, stored=values[0], rerun=f"{values[1]} {again}"
    )


def _wrong(one: "pd.Series[Any]", two: "pd.Series[Any]") -> NDArray[np.bool_]:
    """Where two columns differ, numbers by their bits as the digest has them."""
    if one.dtype.kind == two.dtype.kind == "f":
        bits: NDArray[np.bool_] = one.to_numpy("f8").view("i8") != two.to_numpy("f8").view("i8")
        return bits
    return np.array([repr(a) != repr(b) for a, b in zip(one, two, strict=True)], dtype=np.bool_)
