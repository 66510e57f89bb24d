"""Decision tables and FEEL beside zen-engine, Polars and DuckDB, in the same run: `python bench/decisions.py`.

FIRST tables of four inputs, the last row hit: one whole `decide` with its result record against one `evaluate` of the
same table; and one compiled expression against zen's. A table of 40 rules over a million rows in columns, against
Polars' when/then and DuckDB's CASE of the same table; three chained tables against zen row by row, on a sample. The
time and memory of loading 16,000 rows. Rounds are interleaved; medians are printed, the best where columns are timed.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import duckdb
import numpy as np
import polars as pl
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
    repeats = (2_000, max(4, 200_000 // max(count, 1_000)))
    compared(label, lambda: model.decide("D", given), lambda: peer.evaluate(given), repeats)


def load(count: int) -> None:
    """Load a table in a process of its own, and say what that took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.dmn"
        path.write_text(dmn(count), encoding="utf-8")
        command = [sys.executable, __file__, "--load", str(path)]
        seconds, mebibytes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    print(f"load a table of {count:,} rows: {float(seconds):.2f} s of processor time, peak memory {mebibytes} MiB")


def loaded(path: str) -> None:
    start = time.process_time()
    decisions.load(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(time.process_time() - start, peak // 1024 if sys.platform != "darwin" else peak >> 20)


ROWS = 1_000_000
RULES = 40
SAMPLE = 2_000


def bands(shift: int = 0) -> list[tuple[int, int, int, int, str, int]]:
    """Ages from and below, scores from and below, country and amount below, of each rule but the last, which holds."""
    return [
        (18 + i, 38 + i, 400 + 7 * i - shift, 640 + 7 * i, f"C{i % 6}", 1_000 + 25_000 * i) for i in range(RULES - 1)
    ]


def frame() -> pl.DataFrame:
    random = np.random.default_rng(2)
    amounts = pl.Series(random.integers(0, 1_000_000, ROWS)).cast(pl.Decimal(20, 2))
    return pl.DataFrame(
        {
            "age": random.integers(18, 80, ROWS),
            "score": random.integers(300, 850, ROWS) + 0.5,
            "country": pl.Series([f"C{i}" for i in range(8)]).gather(random.integers(0, 8, ROWS)),
            "amount": amounts,
        }
    )


def banded(name: str, shift: int, before: str = "") -> str:
    """A decision by `bands`; where it follows another, by what that one gives instead of the age."""
    inputs = (before or "age", *INPUTS[1:])
    kinds = [(n, "requiredDecision" if n == before else "requiredInput") for n in inputs]
    needs = "".join(f'<informationRequirement><{k} href="#{n}"/></informationRequirement>' for n, k in kinds)
    columns = "".join(f"<input><inputExpression><text>{n}</text></inputExpression></input>" for n in inputs)
    cells = [
        (f"[{a}..{b})", f"[{c}..{d})", f'"{country}"', f"< {e}.50", str(18 + i))
        for i, (a, b, c, d, country, e) in enumerate(bands(shift))
    ]
    rules = "".join(
        "<rule>"
        + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in row[:4])
        + f"<outputEntry><text>{row[4]}</text></outputEntry></rule>"
        for row in [*cells, ("-", "-", "-", "-", "60")]
    )
    logic = f'<decisionTable hitPolicy="FIRST">{columns}<output/>{rules}</decisionTable>'
    return f'<decision name="{name}" id="{name}">{needs}{logic}</decision>'


def chain() -> decisions.Model:
    """Three tables, each of which reads what the one before it gives."""
    data = "".join(f'<inputData name="{n}" id="{n}"/>' for n in INPUTS)
    parts = banded("one", 0) + banded("two", 40, "one") + banded("three", 80, "two")
    space = "https://www.omg.org/spec/DMN/20230324/MODEL/"
    text = f'<definitions xmlns="{space}" namespace="b" name="b">{data}{parts}</definitions>'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.dmn"
        path.write_text(text, encoding="utf-8")
        return decisions.load(path)


def zen_chain() -> str:
    nodes: list[dict[str, Any]] = [{"id": "in", "name": "in", "type": "inputNode"}]
    edges, last = [], "in"
    for name, shift, before in (("one", 0, "age"), ("two", 40, "one"), ("three", 80, "two")):
        inputs = (before, *INPUTS[1:])
        rows = [
            {
                before: f"[{a}..{b})",
                "score": f"[{c}..{d})",
                "country": f'"{country}"',
                "amount": f"< {e}.50",
                "o": f"{18 + i}",
            }
            for i, (a, b, c, d, country, e) in enumerate(bands(shift))
        ]
        content = {
            "hitPolicy": "first",
            "rules": [{**row, "_id": str(i)} for i, row in enumerate([*rows, dict.fromkeys(inputs, "") | {"o": "60"}])],
            "inputs": [{"id": n, "name": n, "type": "expression", "field": n} for n in inputs],
            "outputs": [{"id": "o", "name": "o", "type": "expression", "field": name}],
            "passThrough": True,
        }
        nodes.append({"id": name, "name": name, "type": "decisionTableNode", "content": content})
        edges.append({"id": f"to-{name}", "type": "edge", "sourceId": last, "targetId": name})
        last = name
    nodes.append({"id": "out", "name": "out", "type": "outputNode"})
    edges.append({"id": "end", "type": "edge", "sourceId": last, "targetId": "out"})
    return json.dumps({"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges})


def best(calls: dict[str, Callable[[], Any]], rounds: int = 9) -> dict[str, float]:
    """The best seconds of each, interleaved."""
    times = {name: [micros(call, 1) / 1e6 for _ in range(1)] for name, call in calls.items()}
    for _ in range(rounds - 1):
        for name, call in calls.items():
            times[name].append(micros(call, 1) / 1e6)
    return {name: min(seconds) for name, seconds in times.items()}


def columns() -> None:
    """One table, and three, over columns."""
    model, rows = chain(), frame()
    chained: Any = pl
    for i, (a, b, c, d, country, e) in enumerate(bands()):
        holds = (pl.col("age") >= a) & (pl.col("age") < b) & (pl.col("score") >= c) & (pl.col("score") < d)
        holds &= (pl.col("country") == country) & (pl.col("amount") < pl.lit(f"{e}.50").cast(pl.Decimal(20, 2)))
        chained = chained.when(holds).then(18 + i)
    whens = " ".join(
        f"when age >= {a} and age < {b} and score >= {c} and score < {d} and country = '{country}' and amount < {e}.50 "
        f"then {18 + i}"
        for i, (a, b, c, d, country, e) in enumerate(bands())
    )
    connection = duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        rows.write_parquet(Path(folder) / "rows.parquet")
        connection.execute(f"create table rows as select * from '{folder}/rows.parquet'")
    calls: dict[str, Callable[[], Any]] = {
        "tallystick": lambda: model.decide_columns("one", rows)["one"],
        "Polars": lambda: rows.select(one=chained.otherwise(60))["one"],
        "DuckDB": lambda: connection.execute(f"select case {whens} else 60 end as one from rows").fetchnumpy()["one"],
    }
    answers = [np.asarray(call()) for call in calls.values()]
    assert all((answers[0] == other).all() for other in answers[1:])
    seconds = best(calls)
    rates = ", ".join(f"{name} {ROWS / taken / 1e6:.1f}" for name, taken in seconds.items())
    ratio = min(seconds["Polars"], seconds["DuckDB"]) / seconds["tallystick"]
    print(f"a table of {RULES} rules, {ROWS:,} rows in columns, million rows/s: {rates}, ratio {ratio:.1f}")
    peer, sample = zen.ZenEngine().create_decision(zen_chain()), rows.head(SAMPLE)
    given = sample.with_columns(pl.col("amount").cast(pl.Float64())).to_dicts()
    wanted = model.decide_columns("three", sample)["three"].to_list()
    assert [peer.evaluate(row)["result"]["three"] for row in given] == wanted
    seconds = best(
        {
            "tallystick": lambda: model.decide_columns("three", rows),
            "zen": lambda: [peer.evaluate(row) for row in given],
        },
        3,
    )
    ours, theirs = ROWS / seconds["tallystick"], SAMPLE / seconds["zen"]
    print(f"three chained tables, rows/s: tallystick {ours:,.0f}, zen-engine {theirs:,.0f}, ratio {ours / theirs:,.0f}")


def main() -> int:
    if sys.argv[1:2] == ["--load"]:
        loaded(sys.argv[2])
        return 0
    for count in (10, 1_000, 16_000):
        table(count)
    load(16_000)
    columns()
    ours = feel.compile(EXPRESSION, ("age", "score", "country"))
    theirs = zen.compile_expression(EXPRESSION.replace(" = ", " == "))
    decimals = {"age": Decimal(30), "score": Decimal(650), "country": "DE"}
    plain = {"age": 30, "score": 650, "country": "DE"}
    assert ours(decimals) is theirs.evaluate(plain) is True
    compared(EXPRESSION, lambda: ours(decimals), lambda: theirs.evaluate(plain), (20_000, 20_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
