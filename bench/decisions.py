"""Decision tables and FEEL beside zen-engine (PyPI `zen-engine`), in the same run: `python bench/decisions.py`.

FIRST tables of four inputs, the last row hit: one whole `decide` with its result record against one `evaluate` of the
same table; and one compiled expression against zen's. Rounds are interleaved, medians are printed.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import zen

from tallystick import decisions, feel

ROUNDS = 15
INPUTS = ("age", "score", "country", "amount")
EXPRESSION = 'age >= 18 and score in [600..700] and country = "DE"'


def rows(count: int) -> list[tuple[str, str, str, str]]:
    """Cells of `count` rules, of which only the last holds for `values(count)`."""
    return [(f">= {i % 50}", f"[{i}..{i + 1})", f'"C{i % 10}"', "-" if i % 2 else f"< {i + 5}") for i in range(count)]


def values(count: int) -> dict[str, Any]:
    return {"age": 60, "score": count - 0.5, "country": f"C{(count - 1) % 10}", "amount": 3}


def dmn(count: int) -> str:
    data = "".join(f'<inputData name="{n}" id="{n}"/>' for n in INPUTS)
    needs = "".join(f'<informationRequirement><requiredInput href="#{n}"/></informationRequirement>' for n in INPUTS)
    columns = "".join(f"<input><inputExpression><text>{n}</text></inputExpression></input>" for n in INPUTS)
    rules = "".join(
        "<rule>"
        + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in cells)
        + f"<outputEntry><text>{index}</text></outputEntry></rule>"
        for index, cells in enumerate(rows(count))
    )
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="bench" name="bench">'
        f'{data}<decision name="D" id="d">{needs}<decisionTable hitPolicy="FIRST">{columns}<output/>{rules}'
        "</decisionTable></decision></definitions>"
    )


def zen_graph(count: int) -> str:
    rules = [
        {
            **{name: "" if cell == "-" else cell for name, cell in zip(INPUTS, cells, strict=True)},
            "o": str(i),
            "_id": str(i),
        }
        for i, cells in enumerate(rows(count))
    ]
    table = {
        "hitPolicy": "first",
        "rules": rules,
        "inputs": [{"id": n, "name": n, "type": "expression", "field": n} for n in INPUTS],
        "outputs": [{"id": "o", "name": "o", "type": "expression", "field": "o"}],
    }
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode"},
        {"id": "table", "name": "table", "type": "decisionTableNode", "content": table},
        {"id": "out", "name": "out", "type": "outputNode"},
    ]
    edges = [
        {"id": "a", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "b", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    return json.dumps({"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges})


def micros(call: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter_ns()
    for _ in range(repeats):
        call()
    return (time.perf_counter_ns() - start) / repeats / 1_000


def compared(label: str, ours: Callable[[], Any], theirs: Callable[[], Any], repeats: tuple[int, int]) -> None:
    pairs = [(micros(ours, repeats[0]), micros(theirs, repeats[1])) for _ in range(ROUNDS)]
    mine, peer = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    print(f"{label}: tallystick {mine:.2f} µs, zen-engine {peer:.2f} µs, ratio {peer / mine:.1f}")


def table(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.dmn"
        path.write_text(dmn(count), encoding="utf-8")
        model = decisions.load(path)
    peer, given = zen.ZenEngine().create_decision(zen_graph(count)), values(count)
    assert model.decide("D", given).value == count - 1
    assert peer.evaluate(given)["result"] == {"o": count - 1}
    label = f"FIRST table, {count:,} rows, last row hit"
    compared(label, lambda: model.decide("D", given), lambda: peer.evaluate(given), (2_000, 200))


def main() -> int:
    for count in (10, 1_000):
        table(count)
    ours = feel.compile(EXPRESSION, ("age", "score", "country"))
    theirs = zen.compile_expression(EXPRESSION.replace(" = ", " == "))
    decimals = {"age": Decimal(30), "score": Decimal(650), "country": "DE"}
    plain = {"age": 30, "score": 650, "country": "DE"}
    assert ours(decimals) is theirs.evaluate(plain) is True
    compared(EXPRESSION, lambda: ours(decimals), lambda: theirs.evaluate(plain), (20_000, 20_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
