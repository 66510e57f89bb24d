"""A scorecard as PMML 4.4.1."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from tallystick.core import InputError
from tallystick.desk.export_plain import Input, Numbers, PlainCard
from tallystick.desk.words import WORDS
from tallystick.models import Scale

_TEXT, _DOUBLE = 'optype="categorical" dataType="string"', 'optype="continuous" dataType="double"'


def to_pmml(card: PlainCard, scale: Scale) -> bytes:
    """The PMML of a model whose final points are those of its one scorecard; the probability has no place in PMML.

    Raises
    ------
    InputError
        When the model has branches, or calibrates its scorecard's points.
    """
    way = card.ways[0]
    if len(card.ways) > 1:
        raise InputError(WORDS("export.branches", model=card.name, given=len(card.ways), allowed="dmn, sql"))
    if any(found.total != found.points for found in way.outcomes):
        raise InputError(WORDS("export.calibrated", model=card.name, allowed="dmn, sql, excel"))
    labels = card.labels()
    fields = "\n".join(
        f"    <DataField name={quoteattr(label)} {_TEXT if text else _DOUBLE}/>" for label, text in labels.items()
    )
    used = "\n".join(f'      <MiningField name={quoteattr(label)} invalidValueTreatment="asIs"/>' for label in labels)
    parts = "\n".join(line for given in way.inputs for line in _characteristic(given))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4.1">\n'
        f"  <Header description={quoteattr(f'{card.name} {card.version}')}/>\n"
        f'  <DataDictionary numberOfFields="{len(labels)}">\n{fields}\n  </DataDictionary>\n'
        f'  <Scorecard modelName={quoteattr(card.name)} functionName="regression" initialScore="{way.base}" '
        'useReasonCodes="false">\n'
        f'    <Extension extender="tallystick" name="scale" '
        f'value="{scale.base_score!r} {scale.base_odds!r} {scale.pdo!r}"/>\n'
        f"    <MiningSchema>\n{used}\n    </MiningSchema>\n"
        '    <Output><OutputField name="points" feature="predictedValue" optype="continuous" dataType="double"/>'
        "</Output>\n"
        f"    <Characteristics>\n{parts}\n    </Characteristics>\n  </Scorecard>\n</PMML>\n"
    ).encode()


def _characteristic(given: Input) -> Iterator[str]:
    field = f"field={quoteattr(given.label)}"
    yield f"      <Characteristic name={quoteattr(given.label)}>"
    yield _attribute(given.missing, f'<SimplePredicate {field} operator="isMissing"/>')
    if isinstance(given.by, Numbers):
        for value, points in given.by.specials:
            yield _attribute(points, f'<SimplePredicate {field} operator="equal" value="{value!r}"/>')
        for edge, points in zip(given.by.edges, given.by.points[:-1], strict=True):
            yield _attribute(points, f'<SimplePredicate {field} operator="lessOrEqual" value="{edge!r}"/>')
        yield _attribute(given.by.points[-1], "<True/>")
    else:
        for names, points in given.by.groups:
            array = " ".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names)
            listed = f'<Array type="string" n="{len(names)}">{escape(array)}</Array>'
            yield _attribute(
                points, f'<SimpleSetPredicate {field} booleanOperator="isIn">{listed}</SimpleSetPredicate>'
            )
        yield _attribute(given.by.other, "<True/>")
    yield "      </Characteristic>"


def _attribute(points: int, predicate: str) -> str:
    return f'        <Attribute partialScore="{points}">{predicate}</Attribute>'
