"""Reading the files of models and workbooks, bounded in size."""

from __future__ import annotations

from pathlib import Path

from tallystick.core import InputError, Place
from tallystick.core.system import system_words
from tallystick.core.xml import Node, parse_xml
from tallystick.decisions.words import WORDS

SIZE_MAX = 128 << 20
"""The bytes of one file."""


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises `InputError` when it is too large or cannot be read."""
    try:
        size = path.stat().st_size
        if size > SIZE_MAX:
            raise InputError(WORDS("decision.large", given=size, allowed=SIZE_MAX), Place(path.name))
        return path.read_bytes()
    except OSError as error:
        raise InputError(WORDS("sheet.read", given=system_words(error)), Place(path.name)) from None


def read_xml(path: Path) -> Node:
    """Read a file; raises `DefinitionError` with file and line for anything but plain XML."""
    return parse_xml(read_bytes(path), path.name)
