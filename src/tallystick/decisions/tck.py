"""The runner of the DMN Technology Compatibility Kit: `python -m tallystick.decisions.tck DIR [--csv FILE]`."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import TallystickError
from tallystick.core.xml import Node
from tallystick.decisions.files import read_xml
from tallystick.decisions.model import Model, load
from tallystick.feel import compile, show

_XSI = "http://www.w3.org/2001/XMLSchema-instance "
_TOLERANCE = Decimal("1e-8")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""What `now()` reads in a case; none of them hangs on it."""
_CALLS = {
    kind: compile(f"{function}(text)", ["text"])
    for kind, function in {
        "date": "date",
        "dateTime": "date and time",
        "time": "time",
        "duration": "duration",
        "dayTimeDuration": "duration",
        "yearMonthDuration": "duration",
    }.items()
}


class Outcome(msgspec.Struct, frozen=True):
    """One case: where it stands, whether it passed, whether it expects something else than null, and why it failed."""

    folder: str
    file: str
    case: str
    passed: bool
    expects: bool
    comment: str


def run_tck(folder: Path) -> list[Outcome]:
    """Run every test file under `folder`; a case passes when all its result nodes do."""
    return [outcome for path in sorted(folder.rglob("*.xml")) for outcome in _file(path, folder)]


def _file(path: Path, folder: Path) -> Iterator[Outcome]:
    root = read_xml(path)
    if root.tag != "testCases":
        return
    below = path.parent.relative_to(folder).as_posix()
    directory = path.parent.name if below == "." else below
    model: Model | Exception
    try:
        name = root.words("modelName") or f"{path.parent.name}.dmn"
        model = load(path.parent / name, strict=False, imports=sorted(path.parent.glob("*.dmn")))
    except Exception as error:  # noqa: BLE001 - a fault of this engine fails the cases of one file; the others are still run.
        model = error
    for case in root.all("testCase"):
        comments, expects = [], False
        for node in case.all("resultNode"):
            expected = _expected(node)
            expects = expects or expected is not None
            comments.append(_checked(model, case, node, expected))
        failed = [comment for comment in comments if comment]
        yield Outcome(directory, path.stem, case.get("id"), not failed, expects, "; ".join(failed))


def _checked(model: Model | Exception, case: Node, node: Node, expected: Any) -> str:
    """What is wrong with one result node, or ""."""
    if isinstance(model, Exception):
        return f"not loaded: {model}".splitlines()[0]
    values = {item.get("name"): value_of(item) for item in case.all("inputNode")}
    name = node.get("name")
    target = case.get("invocableName") or name
    try:
        result = model.decide(target, values, _NOW)
        outputs = model.outputs(target)
    except TallystickError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a fault of this engine fails its case; the others are still run.
        return f"{type(error).__name__}: {error}"
    found = result.value
    if len(outputs) > 1 and name != target:
        found = found.get(name) if type(found) is dict else None
    if same(expected, found):
        return ""
    causes = f" ({'; '.join(result.nulls)})" if result.nulls else ""
    return f"{name}: expected {show(expected)}, found {show(found)}{causes}"


def _expected(node: Node) -> Any:
    expected = node.first("expected")
    return None if expected is None or node.get("errorResult") == "true" else value_of(expected)


def value_of(node: Node) -> Any:
    """The value in a `value`, `component` or `list` form; an untyped value is a string."""
    if node.attributes.get(f"{_XSI}nil") == "true":
        return None
    components = list(node.all("component"))
    if components:
        return {item.get("name"): value_of(item) for item in components}
    items = node.first("list")
    if items is not None:
        return None if items.attributes.get(f"{_XSI}nil") == "true" else [value_of(item) for item in items.all("item")]
    value = node.first("value")
    if value is None or value.attributes.get(f"{_XSI}nil") == "true":
        return None
    kind = value.attributes.get(f"{_XSI}type", "").rpartition(":")[2]
    text = value.text.strip()
    if kind in ("decimal", "double", "integer", "int", "float", "long"):
        return Decimal(text)
    if kind == "boolean":
        return text in ("true", "1")
    return _CALLS[kind]({"text": text}) if kind in _CALLS else value.text


def same(expected: Any, found: Any) -> bool:
    """Strict equality: type and value, numbers within 1e-8, lists in order, contexts by key.

    Examples
    --------
    >>> same(Decimal(1), Decimal("1.000000001")), same(Decimal(1), True), same([None], [])
    (True, False, False)
    """
    if type(expected) is not type(found):
        return False
    if isinstance(expected, Decimal):
        return bool(abs(expected - found) <= _TOLERANCE)
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(expected, dict):
        return expected.keys() == found.keys() and all(same(expected[key], found[key]) for key in expected)
    if isinstance(expected, str | bool) or expected is None:
        return bool(expected == found)
    # Moments that are one instant in two zones are equal to Python, not to the kit.
    return show(expected) == show(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print passed/total, the same for cases that expect a value, and the failures; 1 when any case failed."""
    parser = argparse.ArgumentParser(prog="tallystick.decisions.tck", description="Run DMN TCK folders.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--csv", type=Path, help="write the results in the TCK's submission form")
    given = parser.parse_args(arguments)
    outcomes = run_tck(given.folder)
    if given.csv is not None:
        with given.csv.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
            writer.writerows(
                (o.folder, o.file, o.case, "SUCCESS" if o.passed else "ERROR", o.comment) for o in outcomes
            )
    for outcome in outcomes:
        if not outcome.passed:
            sys.stdout.write(f"FAILED {outcome.file} {outcome.case}: {outcome.comment}\n")
    for label, part in (("cases", outcomes), ("cases that expect a value", [o for o in outcomes if o.expects])):
        passed = sum(o.passed for o in part)
        sys.stdout.write(f"{passed}/{len(part)} {label} passed ({100 * passed / max(len(part), 1):.1f}%)\n")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
