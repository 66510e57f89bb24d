"""Reading the files of scorecards, bounded in size."""

from __future__ import annotations

from pathlib import Path

from tallystick.core import InputError, Place
from tallystick.core.system import system_words
from tallystick.models.scorecard.words import WORDS

SIZE_MAX = 64 << 20
"""The bytes of one file."""


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most `SIZE_MAX` bytes."""
    try:
        if path.stat().st_size > SIZE_MAX:
            raise InputError(WORDS("import.large", given=path.stat().st_size, allowed=SIZE_MAX), Place(path.name))
        return path.read_bytes()
    except OSError as error:
        raise InputError(WORDS("import.read", given=system_words(error)), Place(path.name)) from None
