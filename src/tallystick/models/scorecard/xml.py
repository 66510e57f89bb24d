"""Safe reading of XML: no document type, no entities, bounded depth and size, and the line of each element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.parsers import expat

import msgspec

from tallystick.core import DefinitionError, InputError, Place
from tallystick.models.scorecard.words import WORDS

DEPTH_MAX = 100
SIZE_MAX = 64 << 20
"""The bytes of one file."""


class Node(msgspec.Struct):
    """An element: its local name, namespace, attributes, line and children."""

    tag: str
    namespace: str
    attributes: Mapping[str, str]
    line: int
    children: list[Node]
    text: str = ""

    def all(self, *tags: str) -> Iterator[Node]:
        """The children of these tags."""
        return (child for child in self.children if child.tag in tags)

    def first(self, *tags: str) -> Node | None:
        """The first such child."""
        return next(self.all(*tags), None)

    def get(self, name: str, default: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, default)


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most `SIZE_MAX` bytes."""
    try:
        if path.stat().st_size > SIZE_MAX:
            raise InputError(WORDS("import.large", given=path.stat().st_size, allowed=SIZE_MAX), Place(path.name))
        return path.read_bytes()
    except OSError as error:
        raise InputError(WORDS("import.read", given=error.strerror), Place(path.name)) from None


def parse_xml(data: bytes, file: str) -> Node:
    """The root of an XML file; raises `DefinitionError` with file and line for anything but plain XML."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack = [Node("", "", {}, 0, [])]

    def refuse(*_: object) -> None:
        raise DefinitionError(WORDS("import.doctype"), Place(file, parser.CurrentLineNumber))

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > DEPTH_MAX:
            raise DefinitionError(WORDS("import.deep", allowed=DEPTH_MAX), Place(file, parser.CurrentLineNumber))
        namespace, _, tag = name.rpartition(" ")
        node = Node(tag, namespace, attributes, parser.CurrentLineNumber, [])
        stack[-1].children.append(node)
        stack.append(node)

    def text(data: str) -> None:
        stack[-1].text += data

    def end(_: str) -> None:
        stack.pop()

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        place = Place(file, error.lineno, error.offset + 1)
        raise DefinitionError(WORDS("import.xml", given=expat.ErrorString(error.code)), place) from None
    except (LookupError, ValueError) as error:
        raise DefinitionError(WORDS("import.xml", given=error), Place(file, 1)) from None
    return stack[0].children[0]
