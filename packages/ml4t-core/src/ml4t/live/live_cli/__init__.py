"""``ml4t live``: start a live run, look at it, stop it, and look after what it leaves."""

from ml4t.live.live_cli.commands import main, replay

__all__ = ["main", "replay"]
