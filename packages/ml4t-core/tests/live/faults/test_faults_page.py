"""The page on faults says which there are, what must come of them, and which tests show it."""

# ruff: noqa: E501 - one fault a line

import ast
import os
import re
from collections import defaultdict
from pathlib import Path

import attrs
import pytest

ROOT = next((path for path in Path(__file__).parents if (path / "uv.lock").is_file()), Path())
PAGE = ROOT / "docs/reference/faults.md"
NAME = re.compile(r"test_(f\d\d)_(.+)")


@attrs.frozen
class Fault:
    """A row of the table.

    Attributes:
        what: goes wrong.
        outcome: what must come of it.
        adapter: what of it only the tests of an adapter can show; "" for nothing.
    """

    what: str
    outcome: str
    adapter: str = ""


FAULTS = {
    "F01": Fault("the session breaks before an order leaves", "of unknown fate, then known not to exist; never sent again"),
    "F02": Fault("the session breaks before the answer to an order is back", "found under its id; one order"),
    "F03": Fault("a server error after the order was taken", "taken over; one order", "status codes"),
    "F04": Fault("a server error before the order was taken", "ended after two looks; not sent again"),
    "F05": Fault("too many requests", "no order lost or doubled; cancels keep their share", "waiting times of the venue"),
    "F06": Fault("the venue says that the id was used before", "the order is asked for and taken over", "the refusal of a used id"),
    "F07": Fault("a call never returns", "given up; of unknown fate"),
    "F08": Fault("a placement is never answered", "of unknown fate; too many of them halt trading"),
    "F09": Fault("an answer that cannot be read", "of unknown fate; the engine goes on", "bytes of the wire"),
    "F10": Fault("the venue refuses the order", "rejected with its reason; limits given back once", "codes of the venue"),
    "F11": Fault("a warning about an order that works", "it works until there is evidence", "codes of the venue"),
    "F12": Fault("an error of a change that looks like an end", "not at an end until confirmed", "codes of the venue"),
    "F13": Fault("the answer takes longer than the strategy waits", "told as unknown; nothing is sent later"),
    "F14": Fault("a change while the connection is lost, or one that makes a second order", "not sent; a cancel reaches every order under the id"),
    "F15": Fault("an execution is reported again, also after a reconnection", "counts once"),
    "F16": Fault("an execution is corrected", "the difference is booked and journaled", "ids of corrections"),
    "F17": Fault("an execution comes before the acknowledgement", "booked"),
    "F18": Fault("reports in the wrong order", "what has filled never becomes less; an end stays"),
    "F19": Fault("the status of a filled order is never reported", "filled by its executions"),
    "F20": Fault("an execution during a cancel or after it", "the position changes; the order stays at its end"),
    "F21": Fault("the rest of a partly filled order is cancelled, expires or is refused", "what filled is kept"),
    "F22": Fault("more fills than was asked for", "booked, told, halted"),
    "F23": Fault("an execution is taken back", "undone"),
    "F24": Fault("one report of an execution is lost on a sound stream", "found within half a minute"),
    "F25": Fault("a fee comes late, early or never", "the execution counts at once, the fee when it is known"),
    "F26": Fault("fractions, very small and very large numbers", "quantities exact, money to the cent"),
    "F27": Fault("reports are missed while the session is away", "fetched before trading goes on"),
    "F28": Fault("connected, but the stream of reports or of bars is mute", "asking finds the reports; old prices leave only exits"),
    "F29": Fault("one report cannot be taken in", "set aside and told; those behind it count"),
    "F30": Fault("a storm of reconnections, or no session to be had", "nothing new leaves; one comparison at a time; no start", "the pauses between attempts"),
    "F31": Fault("a break within a burst of executions", "none is lost, nor an end"),
    "F32": Fault("the venue restarts at night and its numbers go back", "nothing is sent in the window; ids are never given again", "numbers of the session"),
    "F33": Fault("another program has the session", "no start, or halted", "codes of the venue"),
    "F34": Fault("the account cannot be read at the start", "no start"),
    "F35": Fault("a dead socket that nobody closes", "noticed by ten seconds of silence", "the heartbeat"),
    "F36": Fault("ten thousand reports at once; a strategy that blocks for minutes", "no report dropped; bars folded together; only exits"),
    "F37": Fault("hundreds of open orders, in pages", "all are seen; a list that breaks off proves nothing", "pages of the venue"),
    "F38": Fault("bars missing, late, doubled, reversed or of the future", "told; quarantined; no new risk in the asset"),
    "F39": Fault("impossible prices, spikes, a split that nobody adjusted for", "never shown; quarantined"),
    "F40": Fault("an asset is halted or listed no more", "no new orders in it; told"),
    "F41": Fault("changes of the clocks, half days, holidays, midnight in UTC", "the calendar is right; nothing leaves outside of it"),
    "F42": Fault("the wall clock jumps, the clocks differ, the machine sleeps", "windows do not follow; only exits until all is compared"),
    "F43": Fault("the process is killed anywhere", "the same account after the restart; nothing lost or sent twice"),
    "F44": Fault("the process is asked to end, perhaps twice", "ended within five seconds, its state saved"),
    "F45": Fault("the disk is full, read-only or broken at any write", "halted before anything is sent; cancels go"),
    "F46": Fault("the journal is cut, changed, empty, missing or newer", "never silently begun anew"),
    "F47": Fault("the power fails", "what was committed survives"),
    "F48": Fault("the disk takes seconds", "nothing is sent before it is durable"),
    "F49": Fault("out of memory or handles, a dead thread, a loop that stands still", "noticed; nothing new is sent"),
    "F50": Fault("two engines on one host", "the second does not start"),
    "F51": Fault("two engines on two hosts", "seen by the ids of its orders: halted", "sessions of the venue"),
    "F52": Fault("limits changed between two runs", "journaled; looser ones wait for a person"),
    "F53": Fault("a position that nobody knows; a trade by hand", "shown; only exits; adopted on command"),
    "F54": Fault("open orders of others", "shown, counted and left alone"),
    "F55": Fault("dividend, deposit, fee, split", "neither loss nor drawdown"),
    "F56": Fault("the venue restricts the account or closes positions", "halted; no phantom stays"),
    "F57": Fault("the key is revoked", "halted; not tried again and again"),
    "F58": Fault("the strategy raises, hangs, floods, or orders nonsense or at odd times", "every order passes the same checks; only exits, then halted"),
    "F59": Fault("cancels of unknown and ended orders, races of cancel and change", "no harm, no reversal"),
    "F60": Fault("the kill switch during any of these", "everything cancelled within five seconds; nothing new sent"),
}  # fmt: skip


def shown() -> dict[str, dict[str, list[str]]]:
    """What tests show, by id and file."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(ROOT.glob("packages/*/tests/**/test_*.py")):
        if "def test_f" not in path.read_text():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                match = NAME.fullmatch(node.name)
                if match:
                    sentence = match[2].replace("_", " ")
                    found[match[1].upper()][path.relative_to(ROOT).as_posix()].append(sentence)
    return found


def row_of(number: str, fault: Fault, tests: dict[str, list[str]]) -> str:
    parts = [
        f"[{Path(path).stem}](../../{path}): {'; '.join(sentences)}"
        for path, sentences in sorted(tests.items())
    ]
    if fault.adapter:
        parts.append(f"with the adapter: {fault.adapter}")
    return f"| {number} | {fault.what} | {fault.outcome} | {'<br>'.join(parts)} |"


def table() -> str:
    found = shown()
    rows = [row_of(number, fault, found.get(number, {})) for number, fault in FAULTS.items()]
    return "\n".join(["| id | fault | outcome | shown by |", "|---|---|---|---|", *rows])


@pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not beside the tests")
def test_the_page_on_faults_is_up_to_date():
    """``ML4T_WRITE_FAULTS=1`` rewrites it."""
    begin, end = "<!-- begin faults -->\n", "<!-- end faults -->"
    before, _, rest = PAGE.read_text().partition(begin)
    written, _, after = rest.partition(end)
    if os.environ.get("ML4T_WRITE_FAULTS"):
        written = f"{table()}\n"
        PAGE.write_text(f"{before}{begin}{written}{end}{after}")

    assert written == f"{table()}\n"


@pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not beside the tests")
def test_every_fault_is_shown_by_a_test_or_needs_a_wire():
    found = shown()

    assert [number for number, fault in FAULTS.items() if not fault.adapter] == [
        number for number, fault in FAULTS.items() if number in found and not fault.adapter
    ]


@pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not beside the tests")
def test_every_test_is_of_a_fault_that_there_is():
    assert set(shown()) <= set(FAULTS)
