"""What each import package offers: stated, there, explained and versioned."""

import importlib
import inspect
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {
    ".".join(init.parent.relative_to(src).parts): src.parent.name
    for src in sorted((ROOT / "packages").glob("*/src"))
    for init in sorted(src.glob("ml4t/*/__init__.py"))
}


@pytest.fixture(params=DISTRIBUTIONS)
def package(request: pytest.FixtureRequest) -> ModuleType:
    """Each import package of the workspace in turn."""
    return importlib.import_module(request.param)


def test_every_import_package_is_looked_at() -> None:
    assert {"ml4t.core", "ml4t.simulation", "ml4t.live", "ml4t.backtest"} <= DISTRIBUTIONS.keys()
    assert {"ml4t.live_ib", "ml4t.live_alpaca"} <= DISTRIBUTIONS.keys()


def test_public_names_are_stated_once_and_are_there(package: ModuleType) -> None:
    names = package.__all__

    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(package, name)] == []


def test_public_classes_and_functions_say_what_they_are(package: ModuleType) -> None:
    things = {name: getattr(package, name) for name in package.__all__}
    silent = [
        name
        for name, thing in things.items()
        # From the class itself: what it inherits is about its base.
        if (inspect.isclass(thing) and not vars(thing).get("__doc__"))
        or (inspect.isroutine(thing) and not thing.__doc__)
    ]

    assert silent == []


def test_the_version_is_that_of_the_installed_distribution(package: ModuleType) -> None:
    assert package.__version__ == version(DISTRIBUTIONS[package.__name__])


def test_a_name_that_is_not_there_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name
