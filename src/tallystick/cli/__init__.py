"""The `tally` command: reads arguments, calls the desk, prints. It holds no logic and loads a room only when needed."""

from tallystick.cli.app import main

__all__ = ["main"]
