"""Lineage: from a label or model down to the columns and files it comes from, and up to all that hangs on it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tallystick import feel
from tallystick.core import Language, Message, TallystickError
from tallystick.desk.catalogue import entry_of
from tallystick.desk.project import Project
from tallystick.desk.segments import segments_of
from tallystick.desk.words import WORDS
from tallystick.labels.plan import Const, Leaf, Node, Op, Rule, needs


class Branch(msgspec.Struct, frozen=True):
    """One thing and what stands below it: what it is made of, or what is made of it.

    `kind` is label, aggregate, column, file, model, flow, decision or segment.
    """

    kind: str
    name: str
    text: Message | None = None
    grade: str = ""
    below: tuple[Branch, ...] = ()


class Lineage(msgspec.Struct, frozen=True):
    """Both ways from one label or model: `reads` down to files, `used_by` up to flows and segments."""

    name: str
    reads: Branch
    used_by: Branch


def lineage_of(project: Project, name: str) -> Lineage:
    """The lineage of a label or a model; raises `InputError` with the nearest names for one that is not there."""
    entry = entry_of(project, name)
    if name in project.library.labels:
        return Lineage(name, _label(project, name), _label_users(project, name))
    recipe = project.recipes[entry.name]
    stream, _, column = recipe.target.partition(".")
    below = [_label(project, label) for label in recipe.reads]
    made_of = Branch("model", entry.name, None, entry.grade, (*below, _column(project, stream, column)))
    return Lineage(name, made_of, _model_users(project, entry.name))


def branch_document(branch: Branch, language: Language) -> dict[str, object]:
    """A branch as JSON values, its texts in one language."""
    shown = {"kind": branch.kind, "name": branch.name, "grade": branch.grade}
    text = {"text": branch.text.text(language)} if branch.text else {}
    return {**shown, **text, "below": [branch_document(below, language) for below in branch.below]}


def tree_lines(branch: Branch, language: Language) -> list[str]:
    """A branch as lines of text, drawn as a tree."""
    lines = [_line(branch, language)]
    for place, below in enumerate(branch.below):
        last = place == len(branch.below) - 1
        first, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
        inner = tree_lines(below, language)
        lines += [first + inner[0], *(rest + line for line in inner[1:])]
    return lines


def aggregate_text(leaf: Leaf) -> Message:
    """An aggregate in words."""
    if not leaf.entity:
        return WORDS("lineage.own", column=leaf.column, stream=leaf.stream)
    column = leaf.column + (f" / {leaf.other}" if leaf.other else "")
    what = f"{leaf.kind}({column})"
    extra = [f"where {leaf.where}"] if leaf.where else []
    extra += [f"via {leaf.via.kind}({leaf.via.column})"] if leaf.via else []
    extra += [f"delay {_span(leaf.delay_micros)}"] if leaf.delay_micros else []
    extra += ["including_present"] if leaf.including_present else []
    window = leaf.window.text or leaf.window.kind
    more = "; " + "; ".join(extra) if extra else ""
    params = {"what": what, "stream": leaf.stream, "entity": leaf.entity, "window": window, "more": more}
    return WORDS("lineage.aggregate", **params)


def operands(node: Node) -> tuple[Node, ...]:
    """What a formula combines; nothing for an aggregate or a number."""
    if isinstance(node, Op):
        return node.left, node.right
    return tuple(operand for _, operand in node.operands) if isinstance(node, Rule) else ()


def _label(project: Project, name: str) -> Branch:
    definition, node = project.library.labels[name], project.library.nodes([name])[name]
    below = list(_parts(project, node, {name}))
    reached = set(_columns(below))
    for stream, columns in definition.reads.items():
        below += [_column(project, stream, column) for column in columns if f"{stream}.{column}" not in reached]
    grade = "" if definition.grade is None else definition.grade.name
    text = WORDS("lineage.note", text=definition.note.text) if definition.note.text else None
    return Branch("label", name, text, grade, tuple(below))


def _parts(project: Project, node: Node, inside: set[str]) -> Iterator[Branch]:
    """The labels, aggregates and columns that a node is made of; a label that has a name stands by it."""
    if isinstance(node, Leaf):
        yield _aggregate(project, node)
        return
    named = {name: its for name, its in project.library.nodes().items() if name not in inside}
    for operand in dict.fromkeys(each for each in operands(node) if not isinstance(each, Const)):
        name = next((name for name, its in named.items() if its == operand), "")
        if name:
            yield _label(project, name)
        else:
            yield from _parts(project, operand, inside)


def _aggregate(project: Project, leaf: Leaf) -> Branch:
    events = project.library.streams[leaf.stream]
    columns = [column for entity, column in events.keys.items() if entity.name == leaf.entity]
    columns += [column for column in (leaf.column, leaf.other) if column]
    columns += sorted(_filter_columns(project, leaf))
    columns += [
        events.fields[name].known_at for name in columns if name in events.fields and events.fields[name].known_at
    ]
    below = [_column(project, leaf.stream, column) for column in dict.fromkeys(columns)]
    below += [_aggregate(project, needed) for needed in needs(leaf)]
    return Branch("aggregate", leaf.kind, aggregate_text(leaf), "", tuple(below))


def _filter_columns(project: Project, leaf: Leaf) -> frozenset[str]:
    names = {*project.schema(leaf.stream), *project.library.columns(leaf.stream)}
    try:
        return feel.names_in(feel.parse(leaf.where, names)) if leaf.where else frozenset()
    except TallystickError:
        return frozenset()


def _column(project: Project, stream: str, column: str) -> Branch:
    field = project.schema(stream).get(column)
    if field is None:
        return Branch("column", f"{stream}.{column}", WORDS("lineage.joined"))
    files = tuple(Branch("file", pattern) for pattern in project.sources[stream].files)
    text = WORDS("lineage.column", type=str(field.type), description=field.description)
    return Branch("column", f"{stream}.{column}", text, field.grade.name, files)


def _columns(branches: list[Branch]) -> Iterator[str]:
    for branch in branches:
        if branch.kind == "column":
            yield branch.name
        yield from _columns(list(branch.below))


def _label_users(project: Project, name: str) -> Branch:
    """What a label enters: labels, then models, flows whose decision reads it, and segments."""
    library = project.library
    node = library.nodes([name])[name]
    above = [other for other, its in library.nodes().items() if other != name and _holds(its, node)]
    found = [_label_users(project, other) for other in above if library.nodes([other])[other] != node]
    found += [_model_users(project, recipe.name) for recipe in project.recipes.values() if name in recipe.reads]
    for flow in project.flows.values():
        if name in {item.name for item in project.decisions[flow.file].inputs(flow.decision_name)}:
            found.append(Branch("decision", flow.decision, None, "", (Branch("flow", flow.name),)))
    store = segments_of(project)
    for segment in store.names():
        if name in store.builds(segment)[-1].segment.labels:
            found.append(Branch("segment", segment))
    return Branch("label", name, None, "", tuple(found))


def _model_users(project: Project, name: str) -> Branch:
    flows = [flow for flow in project.flows.values() if flow.model == name]
    below = [Branch("flow", flow.name, None, "", (Branch("decision", flow.decision),)) for flow in flows]
    return Branch("model", name, None, "", tuple(below))


def _holds(node: Node, part: Node) -> bool:
    """Whether a part stands in a node, below its top."""
    inner = needs(node) if isinstance(node, Leaf) else operands(node)
    return any(each == part or _holds(each, part) for each in inner)


def _span(micros: int) -> str:
    """A span in the largest unit that divides it.

    Examples
    --------
    >>> _span(604_800_000_000), _span(90_000_000)
    ('7d', '90s')
    """
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000)):
        if micros % size == 0:
            return f"{micros // size}{unit}"
    return f"{micros}us"


def _line(branch: Branch, language: Language) -> str:
    kind = WORDS(f"lineage.kind_{branch.kind}").text(language)
    grade = f" [{branch.grade}]" if branch.grade else ""
    text = branch.text.text(language).strip() if branch.text else ""
    if branch.kind == "aggregate":
        return text
    return f"{kind} {branch.name}{grade}" + (f": {text}" if text else "")
