"""What a check found: one line, and what to do about it."""

from collections.abc import Iterable

import attrs

__all__ = ["Finding", "told"]


@attrs.frozen(kw_only=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: what was looked at.
        is_ok: whether it is as it must be.
        found: what it is.
        advice: what to do where it is not.
    """

    check: str
    is_ok: bool
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{'ok  ' if self.is_ok else 'FAIL'}  {self.check}: {self.found}"
        return f"{line}\n      -> {self.advice}" if self.advice and not self.is_ok else line


def told(findings: Iterable[Finding]) -> str:
    """All lines, and how many checks failed."""
    lines = list(findings)
    failed = sum(not finding.is_ok for finding in lines)
    end = "everything is in order" if not failed else f"{failed} of {len(lines)} checks failed"
    return "\n".join([*map(str, lines), end])
