"""Models to DMN XML that any modeller's tool opens and that reads back to the same version."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import msgspec

from tallystick.core import InputError
from tallystick.core.xml import Node, parse_xml
from tallystick.decisions.imports import NAMESPACES, is_model
from tallystick.decisions.model import Model, load
from tallystick.decisions.types import plain_name
from tallystick.decisions.words import WORDS
from tallystick.feel import normal

_WRITTEN = ("1.3", "1.4", "1.5")
_NEWER = {
    **dict.fromkeys(("conditional", "for", "every", "some", "filter"), "1.4"),
    "typeConstraint": "1.5",
}
"""Elements by the version that brought them."""
_IDENTIFIED = frozenset(
    (
        *("definitions", "inputData", "decision", "businessKnowledgeModel", "decisionService", "knowledgeSource"),
        *("itemDefinition", "itemComponent", "variable", "formalParameter", "parameter", "column"),
        *("informationRequirement", "knowledgeRequirement", "authorityRequirement", "encapsulatedLogic"),
        *("literalExpression", "decisionTable", "context", "invocation", "list", "relation", "functionDefinition"),
        *("conditional", "for", "every", "some", "filter", "input", "inputExpression", "inputValues", "output"),
        *("outputValues", "rule", "inputEntry", "outputEntry", "contextEntry", "binding", "row"),
    )
)
_BEFORE_VARIABLE = ("description", "question", "allowedAnswers")
_LANGUAGES = ("expressionLanguage", "typeLanguage")


class _Target(msgspec.Struct, frozen=True):
    """What a file becomes: the version, where each imported namespace lies, and the names of imports."""

    version: str
    places: Mapping[str, str]
    namespace: str
    imports: Mapping[str, str]
    prefixes: Mapping[str, str]
    files: Mapping[str, str]


def save(
    model_or_source: Model | str | os.PathLike[str], path: str | os.PathLike[str], version: str = "1.5"
) -> tuple[Path, ...]:
    """Write a model as DMN XML.

    Layout, comments and what other tools add beside the model are left out; ids that are missing are given.

    Parameters
    ----------
    model_or_source
        A loaded model, or a DMN file to load.
    path
        Where its first file goes. The files it imports go beside it, under their own names.
    version
        "1.3", "1.4" or "1.5".

    Returns
    -------
    tuple of Path
        The files written; loaded again they have the same `version`.

    Raises
    ------
    InputError
        When the model holds what the version does not have; nothing is written then.

    Examples
    --------
    >>> save("limit.dmn", "out/limit.dmn", version="1.4")  # doctest: +SKIP
    (PosixPath('out/limit.dmn'),)
    """
    model = model_or_source if isinstance(model_or_source, Model) else load(model_or_source)
    if version not in _WRITTEN:
        raise InputError(WORDS("decision.target", given="-", version=version, allowed=", ".join(_WRITTEN)))
    first = Path(path)
    roots = [parse_xml(data, name) for name, data in model.sources]
    names = _file_names([name for name, _ in model.sources], first.name)
    places = {root.get("namespace"): name for root, name in zip(roots, names, strict=True)}
    files = {name: root.get("namespace") for (name, _), root in zip(model.sources, roots, strict=True)}
    texts = [_file(root, places, files, version) for root in roots]
    written = []
    for name, text in zip(names, texts, strict=True):
        written.append(first.parent / name)
        written[-1].write_text(text, encoding="utf-8")
    return tuple(written)


def _file_names(given: list[str], first: str) -> list[str]:
    """The names under which files are written: the first as wanted, none twice."""
    names = [first]
    for name in given[1:]:
        stem, suffix, count = Path(name).stem, Path(name).suffix, 1
        while name in names:
            count += 1
            name = f"{stem}-{count}{suffix}"
        names.append(name)
    return names


def _file(root: Node, places: Mapping[str, str], files: Mapping[str, str], version: str) -> str:
    imports = {node.get("namespace"): normal(node.get("name")) for node in root.all("import")}
    target = _Target(version, places, root.get("namespace"), imports, root.prefixes, files)
    used = set(_ids(root))
    fresh = (f"_{number}" for number in range(1, 1 << 40) if f"_{number}" not in used)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.extend(_lines(root, target, fresh, 0))
    return "\n".join(lines) + "\n"


def _ids(node: Node) -> Iterator[str]:
    yield node.get("id")
    for child in node.children:
        yield from _ids(child)


def _lines(node: Node, target: _Target, fresh: Iterator[str], depth: int) -> Iterator[str]:
    """An element as indented lines; text stands exactly as it is."""
    newer = _NEWER.get(node.tag, "")
    if newer > target.version:
        words = WORDS("decision.target", given=node.tag, version=target.version, allowed=f"DMN {newer}")
        raise InputError(words)
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in _attributes(node, target, fresh).items())
    opened = f"{'  ' * depth}<{node.tag}{' ' if attributes else ''}{attributes}"
    children = [c for c in node.children if c.namespace == node.namespace and c.tag != "extensionElements"]
    if node.tag in ("decision", "inputData") and node.first("variable") is None:
        place = sum(child.tag in _BEFORE_VARIABLE for child in children)
        children.insert(place, Node(node.namespace, "variable", {"name": node.get("name")}, node.line, []))
    if children:
        yield f"{opened}>"
        for child in children:
            yield from _lines(child, target, fresh, depth + 1)
        yield f"{'  ' * depth}</{node.tag}>"
    elif node.text:
        text = _type(node.text, target) if node.tag == "typeRef" else node.text
        yield f"{opened}>{escape(text, {chr(13): '&#13;'})}</{node.tag}>"
    else:
        yield f"{opened}/>"


def _attributes(node: Node, target: _Target, fresh: Iterator[str]) -> dict[str, str]:
    """The attributes of an element in the target's version."""
    found = {name: value for name, value in node.attributes.items() if " " not in name and name not in _LANGUAGES}
    for name in ("typeRef", "outputTypeRef"):
        if name in found:
            found[name] = _type(found[name], target)
    if node.tag in _IDENTIFIED and not found.get("id"):
        found = {"id": next(fresh), **found}
    if node.tag == "definitions":
        found = {"xmlns": NAMESPACES[target.version], **found}
    elif node.tag == "import" and is_model(found.get("importType", "")):
        found["importType"] = NAMESPACES[target.version]
        if found.get("namespace") in target.places:
            found["locationURI"] = target.places[found["namespace"]]
    elif "href" in found:
        base, mark, given = found["href"].rpartition("#")
        if base == target.namespace:
            found["href"] = f"#{given}"
        elif base in target.files and mark:
            found["href"] = f"{target.files[base]}#{given}"
    return found


def _type(reference: str, target: _Target) -> str:
    """A type's name without an XML prefix: as FEEL or the import names it."""
    name = normal(reference)
    prefix, colon, plain = name.partition(":")
    if not colon:
        return plain_name(name)
    alias = target.imports.get(target.prefixes.get(prefix.strip(), ""), "")
    return f"{alias}.{plain.strip()}" if alias else plain_name(plain.strip())
