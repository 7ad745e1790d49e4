"""What the core wheel may import, as the list of what is allowed.

The contract in pyproject.toml names what is forbidden, and so cannot name what nobody thought of.
"""

import sys

import grimp

OURS = ("ml4t.core", "ml4t.simulation", "ml4t.live")
TEST_KIT = "ml4t.core.testing"


def test_the_core_wheel_imports_attrs_and_the_standard_library_alone() -> None:
    graph = grimp.build_graph(*OURS, include_external_packages=True, cache_dir=None)
    external = {name for name in graph.modules if graph.is_module_squashed(name)}
    importers = {
        name: {
            importer
            for importer in graph.find_modules_that_directly_import(name)
            if not importer.startswith(TEST_KIT)
        }
        for name in external - sys.stdlib_module_names
    }

    assert {name for name, modules in importers.items() if modules} == {"attrs"}
