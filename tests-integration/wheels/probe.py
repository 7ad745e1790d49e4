"""Runs inside a clean environment: imports the modules named on its command line.

Prints one JSON object: where each module came from, the public names of those that state them,
and where each installed distribution of this project came from.
"""

import importlib
import json
import sys
from importlib.metadata import distributions


def look(names: list[str]) -> dict[str, dict[str, object]]:
    """Import ``names`` and describe what arrived."""
    modules = {name: importlib.import_module(name) for name in names}
    return {
        "files": {name: module.__file__ for name, module in modules.items()},
        "public": {name: getattr(module, "__all__", []) for name, module in modules.items()},
        "ours": {
            found.name: json.loads(found.read_text("direct_url.json") or "{}").get("url", "")
            for found in distributions()
            if found.name.startswith("ml4t")
        },
    }


if __name__ == "__main__":
    print(json.dumps(look(sys.argv[1:])))
