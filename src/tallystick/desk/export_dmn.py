"""A model of scorecards as DMN: a table for each label, their sum, and tables from the sum to points, PD and grade."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import nextafter
from xml.sax.saxutils import escape, quoteattr

from tallystick.core import DefinitionError, InputError
from tallystick.desk.export_plain import Input, Numbers, PlainCard, Texts, Way
from tallystick.desk.words import WORDS
from tallystick.feel import Name, normal, parse

TOTAL, POINTS, PD, RATING = "Scorecard total", "Score points", "Probability of bad", "Grade"
"""The names of the decisions."""
_NAMESPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"
_LARGEST = 1.7976931348623157e308
_FLAGS = {"true": "1", "false": "0"}
# Doubles hold every whole number up to the first; the second is above every 64-bit one.
_EXACT, _WIDEST = 2.0**53, 2.0**64


def to_dmn(card: PlainCard) -> bytes:
    """The DMN 1.5 XML of a model.

    Its inputs are the labels: numbers (flags as 0 and 1, an infinity as the largest finite number, since FEEL has
    neither) and texts, null where missing. Its decisions "Score points", "Probability of bad" and, with grades,
    "Grade" give what the model gives: the probability in as many digits as tell the double exactly.

    Raises
    ------
    InputError
        When a label is no name in FEEL, or that of a decision.
    """
    labels = card.labels()
    several = len(card.ways) > 1
    suffixes = ["", *(f" {place}" for place in range(1, len(card.ways) + 1))] if several else [""]
    names = (TOTAL, POINTS, PD, RATING, *(f"Points of {label}" for label in labels))
    taken = {name + suffix for name in names for suffix in suffixes}
    for label in labels:
        if label in taken or not _is_name(label):
            raise InputError(WORDS("export.label", given=label))
    ids = {label: f"in_{place}" for place, label in enumerate(labels, 1)}
    lines = [
        f'  <inputData id="{ids[label]}" name={quoteattr(label)}>'
        f"<variable name={quoteattr(label)} typeRef={quoteattr('string' if text else 'number')}/></inputData>"
        for label, text in labels.items()
    ]
    for place, way in enumerate(card.ways, 1):
        lines += _way(way, f" {place}" if several else "", f"_{place}" if several else "", ids)
    if several:
        lines += _routed(card, ids)
    body = "\n".join(lines)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<definitions xmlns="{_NAMESPACE}" id="scorecard" name={quoteattr(card.name)} '
        f'namespace="https://tallystick.example/scorecards/{escape(_plain(card.name))}/{card.version}">\n'
        f"{body}\n</definitions>\n"
    ).encode()


def _is_name(text: str) -> bool:
    """Whether FEEL reads a text as the name that it is: not 1x, not x%; nor `null`, which is what tables test."""
    try:
        return normal(text) == text != "null" and parse(text, [text]) == Name(text)
    except DefinitionError:
        return False


def _plain(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)


def _way(way: Way, suffix: str, mark: str, ids: dict[str, str]) -> list[str]:
    """The decisions of one branch: a table for each label, the sum, and a table for each result."""
    lines, parts = [], []
    for given in way.inputs:
        key = f"points{mark}_{ids[given.label]}"
        name = f"Points of {given.label}{suffix}"
        kind = "string" if isinstance(given.by, Texts) else "number"
        parts.append((key, name))
        lines += _table(key, name, ("Input", ids[given.label]), (given.label, kind), "number", _rules(given))
    sum_text = " + ".join([str(way.base), *(name for _, name in parts)])
    total = f"total{mark}"
    lines += _decision(total, TOTAL + suffix, "number", [("Decision", key) for key, _ in parts])
    lines.append(f'    <literalExpression id="{total}_text"><text>{escape(sum_text)}</text></literalExpression>')
    lines.append("  </decision>")
    results = [
        ("points", POINTS, "number", [str(found.points) for found in way.outcomes]),
        ("pd", PD, "number", [feel_number(found.pd) for found in way.outcomes]),
        ("grade", RATING, "string", [_string(found.rating) for found in way.outcomes]),
    ]
    for key, name, kind, outputs in results[: 3 if way.outcomes[0].rating else 2]:
        rules = [(str(found.total), output) for found, output in zip(way.outcomes, outputs, strict=True)]
        needed = ("Decision", total)
        lines += _table(f"{key}{mark}", name + suffix, needed, (TOTAL + suffix, "number"), kind, rules)
    return lines


def _routed(card: PlainCard, ids: dict[str, str]) -> list[str]:
    """The decisions that take each result from the branch of the row."""
    lines = []
    text = card.route_text
    tests = [_string(way.route) if text else _FLAGS.get(way.route, way.route) for way in card.ways[:-1]]
    results = [("points", POINTS, "number"), ("pd", PD, "number"), ("grade", RATING, "string")]
    for key, name, kind in results[: 3 if card.rated else 2]:
        needs = [("Decision", f"{key}_{place}") for place in range(1, len(card.ways) + 1)]
        lines += _decision(key, name, kind, [("Input", ids[card.route]), *needs])
        rules = [(test, f"{name} {place}") for place, test in enumerate([*tests, "-"], 1)]
        lines += _rule_lines(key, (card.route, "string" if text else "number"), kind, rules)
    return lines


def _rules(given: Input) -> list[tuple[str, str]]:
    """Test and points, the first that holds counts."""
    rules = [("null", str(given.missing))]
    if isinstance(given.by, Texts):
        rules += [(", ".join(map(_string, names)), str(points)) for names, points in given.by.groups if names]
        return [*rules, ("-", str(given.by.other))]
    rules += [(feel_number(value), str(points)) for value, points in given.by.specials]
    tests = _intervals(given.by)
    return rules + [(test, str(points)) for test, points in zip(tests, given.by.points, strict=True)]


def _intervals(by: Numbers) -> Iterable[str]:
    bounds = [_bound(edge) for edge in by.edges]
    yield from (f"<{'=' if closed else ''} {text}" for text, closed in bounds)
    # The first test that holds counts, so that no test needs a lower end.
    yield "-"


def _bound(edge: float) -> tuple[str, bool]:
    """The greatest exact number that a double at most `edge` may stand for, and whether it is one itself.

    Up to 2^53 that is the edge. Above, whole numbers are rounded to doubles: to the even neighbour from half-way.
    """
    if not _EXACT <= abs(edge) < _WIDEST:
        return feel_number(edge), True
    above = nextafter(edge, _LARGEST)
    middle = (int(edge) + int(above)) // 2
    return str(middle), float(middle) == edge


def feel_number(value: float) -> str:
    """The shortest digits of a double, without an exponent."""
    return format(Decimal(repr(value)).normalize(), "f")


def _string(text: str) -> str:
    for found, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(found, written)
    return f'"{text}"'


def _decision(key: str, name: str, kind: str, needs: Sequence[tuple[str, str]]) -> list[str]:
    lines = [
        f'  <decision id="{key}" name={quoteattr(name)}>',
        f'    <variable name={quoteattr(name)} typeRef="{kind}"/>',
    ]
    for place, (role, target) in enumerate(needs, 1):
        need = f'<required{role} href="#{target}"/>'
        lines.append(f'    <informationRequirement id="{key}_need_{place}">{need}</informationRequirement>')
    return lines


def _table(
    key: str,
    name: str,
    need: tuple[str, str],
    read: tuple[str, str],
    kind: str,
    rules: Iterable[tuple[str, str]],
) -> list[str]:
    return [*_decision(key, name, kind, [need]), *_rule_lines(key, read, kind, rules)]


def _rule_lines(key: str, read: tuple[str, str], kind: str, rules: Iterable[tuple[str, str]]) -> list[str]:
    label, type_ = read
    lines = [
        f'    <decisionTable id="{key}_table" hitPolicy="FIRST">',
        f'      <input id="{key}_in" label={quoteattr(label)}><inputExpression typeRef="{type_}">'
        f"<text>{escape(label)}</text></inputExpression></input>",
        f'      <output id="{key}_out" typeRef="{kind}"/>',
    ]
    lines += [
        f'      <rule id="{key}_rule_{place}"><inputEntry><text>{escape(test)}</text></inputEntry>'
        f"<outputEntry><text>{escape(output)}</text></outputEntry></rule>"
        for place, (test, output) in enumerate(rules, 1)
    ]
    return [*lines, "    </decisionTable>", "  </decision>"]
