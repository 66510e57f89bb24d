"""Safe parsing of XML: no document type, no entities, bounded depth, and the line of each element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.parsers import expat

import msgspec

from tallystick.core.errors import DefinitionError, Place
from tallystick.core.words import WORDS

DEPTH_MAX = 200
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

    def get(self, name: str, default: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, default)

    def words(self, tag: str) -> str:
        """The text of the first child of this tag, or ""."""
        child = self.first(tag)
        return child.text.strip() if child is not None else ""


def parse_xml(data: bytes, file: str = "") -> Node:
    """The root of an XML document.

    Parameters
    ----------
    data
        The bytes, in an encoding that they declare themselves.
    file
        Named in errors.

    Raises
    ------
    DefinitionError
        With file and line, for anything but plain XML.

    Examples
    --------
    >>> parse_xml(b"<cards><card name='a'/></cards>").first("card").get("name")
    'a'
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    prefixes: dict[str, str] = {}
    names: dict[str, tuple[str, str]] = {}
    namespaces: dict[str, str] = {}
    root = Node("", "", {}, 0, [])
    stack = [root]
    texts: list[list[str]] = [[]]

    def refuse(*_: object) -> None:
        raise DefinitionError(WORDS("xml.doctype"), Place(file, parser.CurrentLineNumber))

    def start(name: str, attributes: dict[str, str]) -> None:
        # Elements share the texts of their names, and one empty dict: a large table has hundreds of thousands.
        parts = names.get(name)
        if parts is None:
            namespace, _, tag = name.rpartition(" ")
            parts = names[name] = (namespaces.setdefault(namespace, namespace), tag)
        if len(stack) > DEPTH_MAX:
            raise DefinitionError(WORDS("xml.deep", allowed=DEPTH_MAX), Place(file, parser.CurrentLineNumber))
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
        raise DefinitionError(WORDS("xml.text", given=expat.ErrorString(error.code)), place) from None
    except (LookupError, ValueError) as error:
        # An encoding that is unknown, or none of single bytes.
        raise DefinitionError(WORDS("xml.text", given=error), Place(file, 1)) from None
    root.children[0].prefixes = prefixes
    return root.children[0]
