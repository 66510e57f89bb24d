"""Safe reading of XML: no document type, no entities, bounded depth, and the line of each element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.parsers import expat

import msgspec

from tallystick.core import DefinitionError, InputError, Place
from tallystick.decisions.words import WORDS

DEPTH_MAX = 200


class Node(msgspec.Struct):
    """An element: its namespace, local name, attributes, children, text and line."""

    namespace: str
    tag: str
    attributes: Mapping[str, str]
    line: int
    children: list[Node]
    text: str = ""

    def all(self, *tags: str) -> Iterator[Node]:
        """The children of these tags in the element's own namespace."""
        return (child for child in self.children if child.tag in tags and child.namespace == self.namespace)

    def first(self, *tags: str) -> Node | None:
        """The first such child."""
        return next(self.all(*tags), None)

    def get(self, name: str) -> str:
        """An attribute, or ""."""
        return self.attributes.get(name, "")

    def words(self, tag: str) -> str:
        """The text of the first child of this tag, or ""."""
        child = self.first(tag)
        return child.text.strip() if child is not None else ""


def read_xml(path: Path) -> Node:
    """Read a file; raises `DefinitionError` with file and line for anything but plain XML."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(WORDS("decision.xml", given=error.strerror), Place(path.name)) from None
    return parse_xml(data, path.name)


def parse_xml(data: bytes, file: str = "") -> Node:
    """Parse XML bytes; `file` is named in errors."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    root = Node("", "", {}, 0, [])
    stack = [root]

    def refuse(*_: object) -> None:
        raise DefinitionError(WORDS("decision.doctype"), Place(file, parser.CurrentLineNumber))

    def start(name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        if len(stack) > DEPTH_MAX:
            raise DefinitionError(WORDS("decision.deep", allowed=DEPTH_MAX), Place(file, parser.CurrentLineNumber))
        node = Node(namespace, tag, attributes, parser.CurrentLineNumber, [])
        stack[-1].children.append(node)
        stack.append(node)

    def end(name: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text += data

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        place = Place(file, error.lineno, error.offset + 1)
        raise DefinitionError(WORDS("decision.xml", given=expat.ErrorString(error.code)), place) from None
    return root.children[0]
