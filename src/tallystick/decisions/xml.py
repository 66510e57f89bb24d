"""Safe reading of XML: no document type, no entities, bounded depth and size, and the line of each element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.parsers import expat

import msgspec

from tallystick.core import DefinitionError, InputError, Place
from tallystick.decisions.words import WORDS

DEPTH_MAX = 200
SIZE_MAX = 128 << 20
"""The bytes of one file."""
_NO_ATTRIBUTES: Mapping[str, str] = {}


class Node(msgspec.Struct):
    """An element: its namespace, local name, attributes, children, text and line.

    `prefixes`, kept at the root only, gives the namespace of each prefix that the file declares.
    """

    namespace: str
    tag: str
    attributes: Mapping[str, str]
    line: int
    children: list[Node]
    text: str = ""
    prefixes: Mapping[str, str] = {}

    def all(self, *tags: str) -> Iterator[Node]:
        """The children of these tags in the element's own namespace."""
        return (child for child in self.children if child.tag in tags and child.namespace == self.namespace)

    def first(self, *tags: str) -> Node | None:
        """The first such child."""
        for child in self.children:
            if child.tag in tags and child.namespace == self.namespace:
                return child
        return None

    def get(self, name: str) -> str:
        """An attribute, or ""."""
        return self.attributes.get(name, "")

    def words(self, tag: str) -> str:
        """The text of the first child of this tag, or ""."""
        child = self.first(tag)
        return child.text.strip() if child is not None else ""


def read_bytes(path: Path, refusal: str = "decision.xml") -> bytes:
    """The content of a file; raises `InputError` when it is too large, or with `refusal` when it cannot be read."""
    try:
        size = path.stat().st_size
        if size > SIZE_MAX:
            raise InputError(WORDS("decision.large", given=size, allowed=SIZE_MAX), Place(path.name))
        return path.read_bytes()
    except OSError as error:
        raise InputError(WORDS(refusal, given=error.strerror), Place(path.name)) from None


def read_xml(path: Path) -> Node:
    """Read a file; raises `DefinitionError` with file and line for anything but plain XML."""
    return parse_xml(read_bytes(path), path.name)


def parse_xml(data: bytes, file: str = "") -> Node:
    """Parse XML bytes; `file` is named in errors."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    prefixes: dict[str, str] = {}
    names: dict[str, tuple[str, str]] = {}
    namespaces: dict[str, str] = {}
    root = Node("", "", {}, 0, [])
    stack = [root]
    texts: list[list[str]] = [[]]

    def refuse(*_: object) -> None:
        raise DefinitionError(WORDS("decision.doctype"), Place(file, parser.CurrentLineNumber))

    def start(name: str, attributes: dict[str, str]) -> None:
        # Elements share the texts of their names, and one empty dict: a large table has hundreds of thousands.
        parts = names.get(name)
        if parts is None:
            namespace, _, tag = name.rpartition(" ")
            parts = names[name] = (namespaces.setdefault(namespace, namespace), tag)
        if len(stack) > DEPTH_MAX:
            raise DefinitionError(WORDS("decision.deep", allowed=DEPTH_MAX), Place(file, parser.CurrentLineNumber))
        node = Node(*parts, attributes or _NO_ATTRIBUTES, parser.CurrentLineNumber, [])
        stack[-1].children.append(node)
        stack.append(node)
        texts.append([])

    def end(name: str) -> None:
        text = "".join(texts.pop())
        node = stack.pop()
        # White space between elements is layout; inside a leaf it may be part of a value.
        node.text = "" if node.children and text.isspace() else text

    def text(data: str) -> None:
        texts[-1].append(data)

    def declare(prefix: str | None, uri: str | None) -> None:
        prefixes.setdefault(prefix or "", uri or "")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartNamespaceDeclHandler = declare
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        place = Place(file, error.lineno, error.offset + 1)
        raise DefinitionError(WORDS("decision.xml", given=expat.ErrorString(error.code)), place) from None
    except (LookupError, ValueError) as error:
        # An encoding that is unknown, or none of single bytes.
        raise DefinitionError(WORDS("decision.xml", given=error), Place(file, 1)) from None
    root.children[0].prefixes = prefixes
    return root.children[0]
