"""The gates see what they are there to see: one fault each, planted in a copy of the workspace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = {
    "ml4t.core": "packages/ml4t-core/src/ml4t/core",
    "ml4t.simulation": "packages/ml4t-core/src/ml4t/simulation",
    "ml4t.live": "packages/ml4t-core/src/ml4t/live",
    "ml4t.backtest": "packages/ml4t-backtest/src/ml4t/backtest",
    "ml4t.live_ib": "packages/ml4t-live-ib/src/ml4t/live_ib",
    "ml4t.live_alpaca": "packages/ml4t-live-alpaca/src/ml4t/live_alpaca",
}
LAYERS = "core, then simulation, then live; adapters and the backtest on top, blind to each other"
BACKTEST = "the backtest stands on core and simulation, never on live"
THIRD_PARTY = "core, simulation and live import attrs and the standard library alone"
TESTING = "nothing that ships for use imports the test kit"
CYCLES = "no cycles inside a package"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of what the gates read."""
    copy = tmp_path / "workspace"
    for name in ("packages", "tests-integration/wheels"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def plant(workspace: Path, package: str, source: str) -> None:
    """Add a module to an import package."""
    (workspace / SRC[package] / "planted.py").write_text(f"{source}\n")


def wheel_gate(workspace: Path, package: str) -> subprocess.CompletedProcess[str]:
    """What the wheel gate of the copy says about one wheel."""
    gate = workspace / "tests-integration" / "wheels" / "gate.py"
    return subprocess.run(
        [sys.executable, gate, "--package", package], capture_output=True, text=True, check=False
    )


def import_gate(workspace: Path) -> subprocess.CompletedProcess[str]:
    """What the import contracts say about the copy."""
    # Ahead of the editable installs, which lead to the originals.
    path = os.pathsep.join(str(src) for src in workspace.glob("packages/*/src"))
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("package", "imported", "contract"),
    [
        ("ml4t.live_ib", "ml4t.backtest", LAYERS),
        ("ml4t.live_alpaca", "ml4t.live_ib", LAYERS),
        ("ml4t.live", "ml4t.backtest", LAYERS),
        ("ml4t.simulation", "ml4t.live", LAYERS),
        ("ml4t.core", "ml4t.simulation", LAYERS),
        ("ml4t.backtest", "ml4t.live", BACKTEST),
        ("ml4t.core", "numpy", THIRD_PARTY),
        ("ml4t.live", "typer", THIRD_PARTY),
        ("ml4t.live_ib", "ml4t.core.testing", TESTING),
    ],
)
def test_an_import_across_a_boundary_breaks_its_contract(
    workspace: Path, package: str, imported: str, contract: str
) -> None:
    # Inside a function, where no test that only imports would meet it.
    plant(workspace, package, f"def late() -> None:\n    import {imported}")

    done = import_gate(workspace)

    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout
    assert f"{package}.planted -> {imported} (l.2)" in done.stdout


def test_two_modules_that_import_each_other_break_their_contract(workspace: Path) -> None:
    plant(workspace, "ml4t.live_ib", "import ml4t.live_ib.config")
    config = workspace / SRC["ml4t.live_ib"] / "config.py"
    config.write_text(f"{config.read_text()}\nimport ml4t.live_ib.planted\n")

    done = import_gate(workspace)

    assert done.returncode == 1
    assert f"{CYCLES} BROKEN" in done.stdout
    assert "No cycles are allowed in ml4t.live_ib." in done.stdout


@pytest.mark.parametrize(
    ("wheel", "package", "imported"),
    [
        ("ml4t-live-ib", "ml4t.live_ib", "ml4t.backtest"),
        ("ml4t-live-alpaca", "ml4t.live_alpaca", "ml4t.live_ib"),
        ("ml4t-core", "ml4t.core", "numpy"),
        ("ml4t-core", "ml4t.core", "hypothesis"),
    ],
)
def test_a_wheel_that_imports_what_it_does_not_declare_fails(
    workspace: Path, wheel: str, package: str, imported: str
) -> None:
    plant(workspace, package, f"import {imported}")

    done = wheel_gate(workspace, wheel)

    assert done.returncode == 1
    assert f"{wheel} FAILED" in done.stdout
    assert f"ModuleNotFoundError: No module named '{imported}'" in done.stdout


def test_a_wheel_that_takes_the_namespace_for_itself_fails(workspace: Path) -> None:
    (workspace / "packages/ml4t-live-ib/src/ml4t/__init__.py").touch()

    done = wheel_gate(workspace, "ml4t-live-ib")

    assert done.returncode == 1
    assert "ml4t-live-ib FAILED" in done.stdout
    assert "For namespace packages, `__init__.py[i]` is not allowed" in done.stdout


@pytest.mark.parametrize(
    ("wheel", "package"), [("ml4t-live-ib", "ml4t.live_ib"), ("ml4t-core", "ml4t.simulation")]
)
def test_a_wheel_without_the_mark_of_types_fails(workspace: Path, wheel: str, package: str) -> None:
    (workspace / SRC[package] / "py.typed").unlink()

    done = wheel_gate(workspace, wheel)

    assert done.returncode == 1
    assert f"lacks {package.replace('.', '/')}/py.typed" in done.stdout


def test_a_wheel_whose_tests_warn_fails(workspace: Path) -> None:
    (workspace / "packages/ml4t-live-ib/tests/test_planted.py").write_text(
        "import warnings\n\ndef test_planted():\n    warnings.warn('planted', stacklevel=1)\n"
    )

    done = wheel_gate(workspace, "ml4t-live-ib")

    assert done.returncode == 1
    assert "UserWarning: planted" in done.stdout


def test_a_metadata_wheel_that_forgets_a_package_fails(workspace: Path) -> None:
    file = workspace / "packages/ml4t/pyproject.toml"
    file.write_text(file.read_text().replace('alpaca = ["ml4t-live-alpaca>=0.1,<1"]\n', ""))

    done = wheel_gate(workspace, "ml4t")

    assert done.returncode == 1
    assert "requires ['ml4t-backtest', 'ml4t-core', 'ml4t-live-ib'], expected" in done.stdout
