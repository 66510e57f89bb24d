"""The short way through a plan gives what the whole way gives: value, rules, reasons, nulls and trace."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick import decisions
from tallystick.core import TallystickError

CELLS = {
    "n": ["-", "< 5", "[1..3)", "2", "> 7.5", "null", "not(2)", ">= -1"],
    "s": ["-", '"a"', '"a", "b"', 'not("a")', "null"],
    "f": ["-", "true", "false"],
    "d": ["-", '< @"2026-05-01"', '@"2026-01-01"'],
}
NUMBERS = [0, 1, 2, 3, 8, -1, 2.0, 2.5, Decimal("2.50"), Decimal("NaN"), Decimal("Infinity"), Decimal("1" * 40), 10**40]
VALUES = st.sampled_from(
    [*NUMBERS, math.nan, math.inf, "a", "b", "z", True, False, None, date(2026, 1, 1), date(2026, 6, 1), [2], ["a"], {}]
)


def model(folder: Path, rules: list[tuple[str, ...]], policy: str, kinds: tuple[str, ...]) -> decisions.Model:
    data = "".join(
        f'<inputData name="{name}" id="{name}"><variable name="{name}"{kind}/></inputData>'
        for name, kind in zip(CELLS, kinds, strict=True)
    )
    needs = "".join(f'<informationRequirement><requiredInput href="#{n}"/></informationRequirement>' for n in CELLS)
    # The columns stand in another order than the inputs.
    order = list(reversed(CELLS))
    clauses = "".join(f"<input><inputExpression><text>{name}</text></inputExpression></input>" for name in order)
    rows = "".join(
        "<rule>"
        + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in reversed(cells))
        + f"<outputEntry><text>{number}</text></outputEntry></rule>"
        for number, cells in enumerate(rules)
    )
    path = folder / "t.dmn"
    path.write_text(
        '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="n" name="t">'
        f'{data}<decision name="D" id="D">{needs}<decisionTable hitPolicy="{policy}">{clauses}<output/>{rows}'
        "</decisionTable></decision></definitions>",
        encoding="utf-8",
    )
    return decisions.load(path)


def answer(held: decisions.Model, inputs: dict[str, Any]) -> Any:
    try:
        return held.decide("D", inputs)
    except TallystickError as error:
        return str(error)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(*map(st.sampled_from, CELLS.values())), min_size=1, max_size=6),
    st.sampled_from(["FIRST", "UNIQUE"]),
    st.tuples(*(st.sampled_from(["", f' typeRef="{kind}"']) for kind in ("number", "string", "boolean", "date"))),
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(CELLS, VALUES)), min_size=5, max_size=20),
)
def test_the_short_way_is_the_whole_way(
    tmp_path: Path, rules: list[tuple[str, ...]], policy: str, kinds: tuple[str, ...], rows: list[Any]
) -> None:
    held = model(tmp_path, rules, policy, kinds)
    likely = {"n": 2, "s": "a", "f": True, "d": date(2026, 1, 1)}
    rows = [likely | row for row in rows]
    answer(held, likely)
    assert held._quick["D"] is not None
    short = [answer(held, row) for row in rows]
    held._quick.clear()
    whole = [answer(held, row) for row in rows]
    assert [repr(found) for found in short] == [repr(found) for found in whole]
