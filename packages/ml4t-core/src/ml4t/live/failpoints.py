"""Named places at which a test can kill the process, to prove what a crash there leaves behind.

Nothing happens unless the environment variable ``ML4T_FAILPOINT`` names a place: ``name`` kills the
process with SIGKILL when it is reached, ``name:3`` when it is reached for the third time.
"""

import os
import signal
from collections import Counter

__all__ = ["failpoint"]

_NAME, _, _COUNT = os.environ.get("ML4T_FAILPOINT", "").partition(":")
_reached: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Mark a place where the process may die; nothing happens unless a test has armed it."""
    if name != _NAME:
        return
    _reached[name] += 1
    if _reached[name] >= int(_COUNT or 1):
        os.kill(os.getpid(), signal.SIGKILL)
