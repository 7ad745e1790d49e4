"""How hard hypothesis tries: a pytest plugin, loaded with ``-p ml4t.core.testing.profiles``.

=========  ==============  ===================================================================
profile    examples        for
=========  ==============  ===================================================================
brief      20              tests that the same check runs in full elsewhere; the same examples
dev        50              the developer's own machine; new examples in each run
ci         300             continuous integration; the same examples in each run
nightly    5000            the long search, with new examples in each run
=========  ==============  ===================================================================

The environment variable ``HYPOTHESIS_PROFILE`` picks one. Without it the profile is ``ci`` where
``CI`` is ``true``, else ``dev``. No profile has a deadline: a slow machine is not a wrong result.
Tests that count simulated days or killed processes do as much as :func:`effort` says.
"""

import os

from hypothesis import settings

__all__ = ["PROFILE", "effort"]

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("brief", max_examples=20, deadline=None, derandomize=True)
settings.register_profile("ci", max_examples=300, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=5000, deadline=None)

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or (
    "ci" if os.environ.get("CI") == "true" else "dev"
)
"""The profile of this run."""

settings.load_profile(PROFILE)


def effort(*, brief: int, dev: int, ci: int) -> int:
    """How much a test does that counts its own work instead of examples.

    A nightly run does ten times what continuous integration does.
    """
    return {"brief": brief, "dev": dev, "ci": ci}.get(PROFILE, 10 * ci)
