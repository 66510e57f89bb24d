"""The files of a model: those given and those they import, each import an instance of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tallystick.core import DefinitionError, Faults, InputError, Place
from tallystick.core.xml import Node, parse_xml
from tallystick.decisions.files import read_bytes, read_xml
from tallystick.decisions.types import Types
from tallystick.decisions.words import WORDS
from tallystick.feel import normal

NAMESPACES = {
    "1.2": "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "1.3": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "1.4": "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "1.5": "https://www.omg.org/spec/DMN/20230324/MODEL/",
}
KINDS = {
    "inputData": "input",
    "decision": "decision",
    "businessKnowledgeModel": "knowledge",
    "decisionService": "service",
}
_UNDECLARED = ("camunda", "bpmn-js", "dmn-js", "bpmn.io", "signavio")
INSTANCES_MAX = 1_000


class File(msgspec.Struct, frozen=True):
    """A file that was read: its root, bytes, name, namespace and item definitions."""

    root: Node
    data: bytes
    name: str
    path: Path
    namespace: str
    types: Types

    @property
    def undeclared(self) -> bool:
        """Whether a modeller made it whose tables read inputs that are declared nowhere."""
        exporter = self.root.get("exporter").lower()
        spaces = (self.namespace, *self.root.prefixes.values())
        return any(name in exporter for name in _UNDECLARED) or "http://camunda.org/schema/1.0/dmn" in spaces

    def imports(self) -> Iterator[tuple[str, Node]]:
        """Its imports of other models, by name."""
        return ((normal(n.get("name")), n) for n in self.root.all("import") if is_model(n.get("importType")))


class Instance(msgspec.Struct, frozen=True):
    """A file where it stands in the model: the names of the imports that lead to it, and its own imports."""

    file: File
    path: tuple[str, ...]
    imports: tuple[tuple[str, Instance], ...]

    def below(self) -> Iterator[Instance]:
        """This instance and all below it, the nearest first."""
        level: list[Instance] = [self]
        while level:
            yield from level
            level = [instance for above in level for _, instance in above.imports]


class _Files:
    """Reads files once each, and finds the one that an import means."""

    def __init__(self, others: Iterable[Path], faults: Faults, strict: bool) -> None:
        self.faults, self.strict = faults, strict
        self.read: list[File] = []
        self.found: dict[tuple[str, str], File] = {}
        self.others = [path.resolve() for path in others]

    def add(self, path: Path) -> File | None:
        """Read a file; its faults are kept."""
        try:
            data = read_bytes(path)
            root = parse_xml(data, path.name)
        except (DefinitionError, InputError) as error:
            self.faults.add(error)
            return None
        if root.namespace not in NAMESPACES.values() or root.tag != "definitions":
            given = f"{root.namespace} {root.tag}".strip()
            self.faults.add(DefinitionError(WORDS("decision.root", given=given), Place(path.name, root.line)))
            return None
        types = Types(root, path.name, self.faults, self.strict)
        file = File(root, data, path.name, path, root.get("namespace"), types)
        self.read.append(file)
        return file

    def imported(self, importer: File, node: Node) -> File | None:
        """The file that an import means: of those at hand by namespace, else the one that its location names."""
        namespace = node.get("namespace")
        known = self._of(namespace, importer)
        if known is None and (path := _beside(importer.path, node.get("locationURI"))) is not None:
            self.add(path)
            known = self._of(namespace, importer)
        while known is None and self.others:
            path = self.others.pop(0)
            if all(path != file.path for file in self.read) and _names(path, namespace):
                self.add(path)
                known = self._of(namespace, importer)
        if known is None and self.strict:
            allowed = ", ".join(sorted({file.namespace for file in self.read})) or "none"
            words = WORDS("decision.import", given=namespace, allowed=allowed)
            self.faults.add(DefinitionError(words, Place(importer.name, node.line)))
        return known

    def _of(self, namespace: str, importer: File) -> File | None:
        return next((file for file in self.read if file.namespace == namespace and file is not importer), None)


def read_files(
    paths: Iterable[Path], others: Iterable[Path], faults: Faults, strict: bool
) -> tuple[list[File], list[Instance]]:
    """All files of a model, and the instances of those that no other imports.

    `others` may be imported; a file of them that no import asks for is left alone.
    """
    files = _Files(others, faults, strict)
    for path in paths:
        files.add(path.resolve())
    imports: dict[str, list[tuple[str, File]]] = {}
    for file in files.read:
        # The list grows while it is walked: an import may bring in a file with imports of its own.
        targets = [(name, files.imported(file, node)) for name, node in file.imports()]
        imports[str(file.path)] = [(name, target) for name, target in targets if target is not None]
    for file in files.read:
        file.types.link((name, target.types) for name, target in imports[str(file.path)])
    targeted = {str(target.path) for pairs in imports.values() for _, target in pairs}
    count = 0

    def instance(file: File, path: tuple[str, ...], chain: tuple[str, ...]) -> Instance:
        nonlocal count
        count += 1
        below: list[tuple[str, Instance]] = []
        for name, target in imports[str(file.path)] if count <= INSTANCES_MAX else ():
            if str(target.path) in chain:
                circle = " → ".join((*(Path(step).name for step in chain), target.name))
                faults.add(DefinitionError(WORDS("decision.cycle", given=circle), Place(file.name, file.root.line)))
                continue
            inner = (*path, name) if name else path
            below.append((name, instance(target, inner, (*chain, str(target.path)))))
        return Instance(file, path, tuple(below))

    roots = [file for file in files.read if str(file.path) not in targeted] or files.read[:1]
    instances = [instance(file, (), (str(file.path),)) for file in roots]
    if count > INSTANCES_MAX:
        faults.add(DefinitionError(WORDS("decision.imports", given=count, allowed=INSTANCES_MAX)))
    return files.read, instances


def is_model(kind: str) -> bool:
    """Whether an importType means a DMN model."""
    return not kind or kind in NAMESPACES.values() or "/DMN/" in kind


def _beside(importer: Path, location: str) -> Path | None:
    """The file that a location names, if it lies in the importing file's folder or below it."""
    if not location or ":" in location:
        return None
    folder = importer.parent.resolve()
    path = (folder / location).resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None


def _names(path: Path, namespace: str) -> bool:
    try:
        return read_xml(path).get("namespace") == namespace
    except (DefinitionError, InputError):
        return False
