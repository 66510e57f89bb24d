"""Arithmetic and rules over labels: by column and by value the same bits, and those of plain Python."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from random import Random
from typing import Any, TypeAlias

import pytest
from tests.labels import logs, worlds
from tests.labels.compare import batch_rows, bits_of, vector_bits
from tests.labels.oracle import Asked, Outcome

from tallystick.labels import Label, flag, formula, integer, money, real, text

SEEDS = range(300 if os.environ.get("TALLYSTICK_SOAK") == "1" else 4)
PARTS = {
    "spend": Asked("payments", "card", "sum", "amount", window="7d"),
    "number": Asked("payments", "card", "count", window="7d"),
    "average": Asked("payments", "card", "mean", "amount", window="3d"),
    "town": Asked("payments", "card", "last", "city", where=worlds.FILTERS["payments"][3]),
    "hour": Asked("payments", "card", "sum", "amount", window="1h"),
    "few": Asked("payments", "card", "count", window="3d"),
}
Found: TypeAlias = Mapping[str, Outcome]
DECIMAL = Context(prec=34)


def exact(value: int) -> Outcome:
    return Outcome(value) if -(2**63) <= value < 2**63 else Outcome(None, "undefined")


def float_of(value: float) -> Outcome:
    return Outcome(value) if math.isfinite(value) else Outcome(None, "undefined")


def arithmetic(names: str, compute: Callable[..., Outcome]) -> Callable[[Found], Outcome]:
    """Missing for the reason of the left-most operand that is; else computed."""

    def found(parts: Found) -> Outcome:
        operands = [parts[name] for name in names.split()]
        lost = next((one for one in operands if one.reason), None)
        return lost if lost is not None else compute(*(one.value for one in operands))

    return found


def whole_step(*steps: Callable[[], int]) -> Outcome:
    """The last of steps that must each stay within 64 bits."""
    results = [exact(step()) for step in steps]
    return next((one for one in results if one.reason), results[-1])


def divided(left: float, right: float) -> Outcome:
    return float_of(left / right) if right else Outcome(None, "undefined")


def rule(names: str, compute: Callable[..., Any]) -> Callable[[Found], Outcome]:
    """Computed over values and Nones; a None is missing for the reason of the left-most missing operand."""

    def found(parts: Found) -> Outcome:
        operands = [parts[name] for name in names.split()]
        value = compute(*(one.value for one in operands))
        if value is not None:
            return Outcome(value)
        return Outcome(None, next((one.reason for one in operands if one.reason), "undefined"))

    return found


def written() -> dict[str, tuple[Label, Callable[[Found], Outcome]]]:
    spend, hour, few = (worlds.label(PARTS[name]) for name in ("spend", "hour", "few"))
    return {
        "by_operator": (
            (spend - hour) / few,
            arithmetic(
                "spend hour few",
                lambda s, h, n: one if (one := exact(s - h)).reason else divided(float(s - h), float(n)),
            ),
        ),
        "by_text": (
            formula("(spend - 3 * spend) / (number - 2)"),
            arithmetic(
                "spend number",
                lambda s, n: (
                    one
                    if (one := whole_step(lambda: 3 * s, lambda: s - 3 * s)).reason
                    else divided(float(s - 3 * s), float(n - 2))
                ),
            ),
        ),
        "twice": (-(spend * 2), arithmetic("spend", lambda s: whole_step(lambda: s * 2, lambda: -(s * 2)))),
        "mixed": (
            formula("0.5 * average + number - 1"),
            arithmetic("average number", lambda m, n: float_of(0.5 * m + float(n) - 1.0)),
        ),
        "chosen": (
            formula("if number > 1 then number else few + 10", type=integer()),
            rule("number few", lambda n, f: n if n > 1 else f + 10),
        ),
        "large": (
            formula("spend > 2.50", type=flag()),
            rule("spend", lambda s: None if s is None else s > 250),
        ),
        "known": (formula("average != null", type=flag()), rule("average", lambda m: m is not None)),
        "told": (
            formula('if average = null then "no" else town', type=text()),
            rule("average town", lambda m, c: "no" if m is None else c),
        ),
        "third": (
            formula("few / 3", type=real()),
            rule("few", lambda f: float(DECIMAL.divide(Decimal(f), Decimal(3)))),
        ),
        "fee": (
            formula("few * 0.25 + 1", type=money("EUR")),
            rule("few", lambda f: f * 25 + 100),
        ),
        "mills": (
            formula("few * 0.001", type=money("EUR")),
            rule("few", lambda f: f // 10 if f % 10 == 0 else None),
        ),
    }


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_formulas_agree(seed: int) -> None:
    random = Random(seed)
    formulas = written()
    library = worlds.library(PARTS, {name: label for name, (label, _) in formulas.items()})
    log = logs.facts(random, 25)
    points = logs.points(random, log, 8)
    judge = logs.judge(log)
    executor = library.live()
    for event in logs.events(log):
        executor.observe(event)
    rows = batch_rows(library.at(logs.point_frame(points), facts=logs.frames(log)), library.labels)
    for row, point in zip(rows, (logs.point_of(judge, one) for one in points), strict=True):
        parts = {name: judge.value(one, point) for name, one in PARTS.items()}
        outcomes = parts | {name: say(parts) for name, (_, say) in formulas.items()}
        expected = {name: bits_of(one.value, one.reason) for name, one in outcomes.items()}
        assert row == expected, point
        assert vector_bits(executor.now(point.keys, point.t, k=point.k, own=point.own)) == expected, point
