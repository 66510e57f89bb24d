"""exp and log: the bound, the special values, and the same bits by every way of calling."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tallystick.core.numeric import exp, exp_array, log, log_array, logit, logit_array, sigmoid, sigmoid_array

Floats = NDArray[np.float64]
COUNT = 2_000_000 if os.environ.get("TALLYSTICK_SOAK") == "1" else 20_000


def ulps_off(got: float, exact: Decimal) -> float:
    """How many units in the last place of the nearest double `got` lies from the exact value."""
    near = float(exact)
    return float(abs(Decimal(got) - exact) / Decimal(math.ulp(near)))


def worst(function: Callable[[float], float], exact: Callable[[Decimal], Decimal], values: Floats) -> float:
    with localcontext() as context:
        context.prec = 50
        return max(ulps_off(function(x), exact(Decimal(x))) for x in values.tolist())


def exp_arguments(count: int) -> Floats:
    rng = np.random.default_rng(1)
    parts = [
        rng.uniform(-745.1, 709.78, count // 2),
        rng.uniform(-1.0, 1.0, count // 4),
        rng.uniform(-745.1, -708.0, count // 8),
        rng.normal(size=count // 8) * 2.0 ** -rng.integers(0, 60, count // 8),
    ]
    return np.concatenate([*parts, [0.0, -0.0, 5e-324, 709.782712893384, -745.1332191019411, 0.34657359, -0.34657360]])


def log_arguments(count: int) -> Floats:
    rng = np.random.default_rng(2)
    bits = rng.integers(1, 0x7FEFFFFFFFFFFFFF, count // 2).view(np.float64)
    subnormal = rng.integers(1, 0xFFFFFFFFFFFFF, count // 8).view(np.float64)
    near_one = 1.0 + rng.uniform(-0.5, 1.0, count // 4) * 2.0 ** -rng.integers(0, 52, count // 4)
    return np.concatenate(
        [bits, subnormal, near_one[near_one != 1.0], rng.uniform(0.5, 2.0, count // 8), [5e-324, 2.0]]
    )


@pytest.mark.soak
def test_exp_is_within_one_ulp_of_the_exact_value() -> None:
    """Fifty decimal digits are the judge; the whole range, small arguments, and results below the normal doubles."""
    assert worst(exp, lambda x: x.exp(), exp_arguments(COUNT)) < 1.0


@pytest.mark.soak
def test_log_is_within_one_ulp_of_the_exact_value() -> None:
    """Fifty decimal digits are the judge; random bit patterns, subnormals, and arguments near one."""
    assert worst(log, lambda x: x.ln(), log_arguments(COUNT)) < 1.0


@pytest.mark.parametrize(
    ("array", "reference", "values"),
    [(exp_array, np.exp, exp_arguments(2_000_000)), (log_array, np.log, log_arguments(2_000_000))],
)
def test_millions_of_values_against_extended_precision(
    array: Callable[[Floats], Floats], reference: Callable[[Any], Any], values: Floats
) -> None:
    """Where the processor has an 80-bit format, two million values are compared with it."""
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("no extended precision on this processor; the decimal tests hold the bound")
    exact = reference(values.astype(np.longdouble))
    off = np.abs(array(values).astype(np.longdouble) - exact) / np.spacing(np.abs(exact.astype(np.float64)))
    assert float(off.max()) < 1.0


def test_special_values() -> None:
    """Overflow, underflow, zero, negatives, infinities and NaN have their usual answers."""
    inf = math.inf
    assert (exp(0.0), exp(710.0), exp(-746.0), exp(inf), exp(-inf)) == (1.0, inf, 0.0, inf, 0.0)
    assert (log(1.0), log(0.0), log(-0.0), log(inf)) == (0.0, -inf, -inf, inf)
    assert all(
        math.isnan(x) for x in (exp(math.nan), log(math.nan), log(-1.0), log(-inf), sigmoid(math.nan), logit(2.0))
    )
    assert (sigmoid(0.0), sigmoid(inf), sigmoid(-inf), logit(0.5), logit(0.0), logit(1.0)) == (
        0.5,
        1.0,
        0.0,
        0.0,
        -inf,
        inf,
    )


@pytest.mark.parametrize(
    ("scalar", "array", "values"),
    [
        (exp, exp_array, exp_arguments(8_000)),
        (log, log_array, log_arguments(8_000)),
        (sigmoid, sigmoid_array, exp_arguments(8_000)),
        (logit, logit_array, np.random.default_rng(3).uniform(0, 1, 8_000)),
    ],
)
def test_row_array_and_plain_python_give_the_same_bits(
    scalar: Any, array: Callable[[Floats], Floats], values: Floats
) -> None:
    """One call, an array call and the uncompiled source agree bit for bit: nothing is fused or reordered."""
    whole = array(values)
    rows = np.array([scalar(x) for x in values.tolist()])
    assert whole.tobytes() == rows.tobytes()
    with np.errstate(all="ignore"):
        plain = np.array([scalar.py_func(x) for x in values.tolist()])
    assert whole.tobytes() == plain.tobytes()


@given(st.floats(min_value=-700, max_value=700))
def test_log_undoes_exp(x: float) -> None:
    """log(exp(x)) is x, up to the rounding of exp(x)."""
    assert abs(log(exp(x)) - x) <= 4e-16 * max(1.0, abs(x))


@given(st.floats(min_value=-745, max_value=709), st.floats(min_value=0, max_value=1))
def test_sigmoid_never_falls_and_stays_a_probability(x: float, step: float) -> None:
    """A higher log-odds never gets a probability that is lower by more than rounding."""
    assert 0.0 <= sigmoid(x) <= 1.0
    assert sigmoid(x + step) >= sigmoid(x) * (1 - 4e-16)
