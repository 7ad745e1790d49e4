"""The core wheel reads no clock and draws no chance by itself: the same inputs give the same run.

Time comes from a clock object, chance from a generator that is passed, and nothing is decided by
the order of a set, which differs from one process to the next.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = next(path for path in Path(__file__).parents if (path / "uv.lock").is_file())
SOURCE = ROOT / "packages/ml4t-core/src/ml4t"
BANNED_MODULES = frozenset({"uuid", "secrets"})
BANNED = frozenset(
    {
        *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns")),
        *(f"time.{name}" for name in ("perf_counter", "perf_counter_ns", "sleep", "localtime")),
        *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
        "date.today",
        "os.urandom",
        "os.getrandom",
    }
)
JUSTIFIED = {
    # The one module that gives the time to all others.
    "live/clock.py": {"datetime.now", "time.monotonic"},
    # Compares the machine's clock with the venue's, for a person at a terminal.
    "live/live_cli/venue_checks.py": {"datetime.now"},
    # Real processes, which are killed in real time.
    "live/testing/crash_child.py": {"time.sleep"},
    "live/testing/crash_market.py": {"datetime.now"},
    # Says how long a long test took.
    "live/testing/days_soak.py": {"time.perf_counter"},
}
UNORDERED = {
    # Which asset is remembered as the one that is waited for changes no answer.
    "live/bars/barrier.py": 1,
    # Threads and sockets of the machine, closed at the end; their order is not ours to choose.
    "live/control.py": 1,
    "live/strategy_thread.py": 1,
    "live/testing/lockstep.py": 1,
    "live/testing/wire_server.py": 3,
}
ORDERLESS = frozenset({"sum", "any", "all", "min", "max", "len", "set", "frozenset", "sorted"})
"""What comes to the same whatever the order of what it is given."""
SETS = frozenset({"set", "frozenset"})


def calls_of_chance_and_time(tree: ast.Module) -> Iterator[str]:
    """What is banned, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name for name in names if name in BANNED_MODULES)
        elif isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in imported if name in BANNED)
            if node.module in BANNED_MODULES:
                yield str(node.module)
            yield from (n for n in imported if n.startswith("random.") and n != "random.Random")
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            chance = name.startswith("random.") and name != "random.Random"
            if name in BANNED or name.removeprefix("datetime.") in BANNED or chance:
                yield name


def is_set(node: ast.expr, known: frozenset[str]) -> bool:
    """Whether an expression is a set, as far as that can be seen."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in SETS
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return is_set(node.left, known) or is_set(node.right, known) or has_keys(node)
        case ast.Name() | ast.Attribute():
            return ast.unparse(node) in known
    return False


def has_keys(node: ast.BinOp) -> bool:
    """Whether keys are joined, which makes a set."""
    sides = (node.left, node.right)
    return any(isinstance(s, ast.Call) and ast.unparse(s.func).endswith(".keys") for s in sides)


def named_sets(scope: ast.AST) -> frozenset[str]:
    """The names and attributes that are sets by their annotation or by what they are given."""
    found: set[str] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.AnnAssign):
            if ast.unparse(node.annotation).partition("[")[0] in SETS:
                found.add(ast.unparse(node.target))
        elif isinstance(node, ast.Assign) and is_set(node.value, frozenset()):
            found.update(ast.unparse(target) for target in node.targets)
        elif isinstance(node, ast.arg):
            annotation = ast.unparse(node.annotation) if node.annotation else ""
            if annotation.partition("[")[0] in SETS:
                found.add(node.arg)
    return frozenset(found)


def loops_over_sets(tree: ast.Module) -> Iterator[str]:
    """Loops whose order is that of a set, and which make something that has an order."""
    harmless = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in ORDERLESS
        for argument in node.args
    }
    attributes = frozenset(name for name in named_sets(tree) if name.startswith("self."))
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        known = named_sets(scope) | attributes
        for node in ast.walk(scope):
            iterated: list[ast.expr] = []
            if isinstance(node, ast.For):
                iterated = [node.iter]
            elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
                if id(node) not in harmless:
                    iterated = [each.iter for each in node.generators]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"list", "tuple"}:
                iterated = list(node.args)
            yield from (
                f"line {each.lineno}: {ast.unparse(each)}"
                for each in iterated
                if is_set(each, known)
            )


MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_no_module_reads_a_clock_or_draws_chance_by_itself(module: str) -> None:
    found = set(calls_of_chance_and_time(ast.parse((SOURCE / module).read_text())))

    assert found <= JUSTIFIED.get(module, set())


@pytest.mark.parametrize("module", [name for name in MODULES if "crash_" not in name])
def test_no_module_lets_the_order_of_a_set_decide(module: str) -> None:
    """Sort it, or keep a dict, which has an order."""
    found = list(loops_over_sets(ast.parse((SOURCE / module).read_text())))

    assert len(found) == UNORDERED.get(module, 0), found


def test_every_exception_is_still_needed() -> None:
    for module, names in JUSTIFIED.items():
        found = set(calls_of_chance_and_time(ast.parse((SOURCE / module).read_text())))
        assert (module, names) == (module, found)


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "from time import monotonic",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
        "import random\nrandom.shuffle(x)",
        "from random import choice",
        "import uuid",
        "import os\nos.urandom(8)",
    ],
)
def test_what_is_banned_is_found(text: str) -> None:
    assert list(calls_of_chance_and_time(ast.parse(text)))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def f(x):\n for a in set(x): g(a)", 1),
        ("def f(x):\n y = {1, 2}\n return [a for a in y]", 1),
        ("def f(x):\n return list(x.keys() | {1})", 1),
        ("def f(x: set[int]):\n return tuple(x)", 1),
        ("def f(x):\n for a in sorted(set(x)): g(a)", 0),
        ("def f(x: set[int]):\n return sum(a for a in x)", 0),
        ("def f(x: set[int]):\n return {a for a in x}", 0),
    ],
)
def test_loops_over_sets_are_found(text: str, count: int) -> None:
    assert len(list(loops_over_sets(ast.parse(text)))) == count
