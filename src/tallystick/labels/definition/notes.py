"""What is written about a label beside its meaning: who owns it, what for, how fresh, and where it was written."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from tallystick.core import Place

_HERE = str(Path(__file__).parent)


class Note(msgspec.Struct, frozen=True):
    """A label's description; it is no part of the label's version.

    `freshness` is a span such as "1d", `max_grade` the highest grade ("L1" to "L5") of a column that it may read.
    """

    text: str = ""
    owner: str = ""
    purposes: tuple[str, ...] = ()
    freshness: str = ""
    max_grade: str = ""


def caller() -> Place:
    """The line outside this package that wrote a definition: where its faults are shown."""
    frame = sys._getframe(1)
    while str(Path(frame.f_code.co_filename).parent) == _HERE and frame.f_back is not None:
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)
