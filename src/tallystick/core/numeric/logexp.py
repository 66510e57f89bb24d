"""exp and log from + − × ÷ and bit patterns alone, so that every processor gives the same bits.

libm, numpy and vector libraries differ from each other in the last bit; a score that depends on them is another score
on another machine. These kernels do the written operations in the written order and nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric.jit import kernel

# ln 2 in two parts: the first has 21 trailing zero bits, so an exponent times it is exact.
_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
_SQRT2 = float.fromhex("0x1.6a09e667f3bcdp+0")
_EXP_MAX = float.fromhex("0x1.62e42fefa39efp+9")
_EXP_MIN = float.fromhex("-0x1.74910d52d3051p+9")
_SMALLEST_NORMAL = float.fromhex("0x1p-1022")
_TWO_54 = float.fromhex("0x1p+54")
_TWO_1023 = float.fromhex("0x1p+1023")
_TWO_MINUS_1000 = float.fromhex("0x1p-1000")

_E2, _E3, _E4, _E5, _E6, _E7, _E8 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320
_E9, _E10, _E11, _E12, _E13, _E14 = (
    1 / 362880,
    1 / 3628800,
    1 / 39916800,
    1 / 479001600,
    1 / 6227020800,
    1 / 87178291200,
)
_L1, _L2, _L3, _L4, _L5, _L6 = 2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11, 2 / 13
_L7, _L8, _L9, _L10, _L11 = 2 / 15, 2 / 17, 2 / 19, 2 / 21, 2 / 23


@kernel
def exp(x: float) -> float:
    """e to the power `x`, within 1 ulp for every double, subnormal results included.

    Parameters
    ----------
    x
        Any double. Above 709.78 the answer is infinity, below −745.13 it is 0, NaN stays NaN.

    Returns
    -------
    float
        In [0, inf].

    Notes
    -----
    x = k ln 2 + r with |r| ≤ ln 2 / 2 and ln 2 in two parts (Cody and Waite, Software Manual for the Elementary
    Functions, 1980); then the Taylor series of exp(r) to the 14th power, whose remainder is below 2⁻⁵⁷.

    Examples
    --------
    >>> exp(1.0)
    2.718281828459045
    """
    if x != x:
        return x
    if x > _EXP_MAX:
        return np.inf
    if x < _EXP_MIN:
        return 0.0
    k = int(x * _INVERSE_LN2 + 0.5) if x >= 0.0 else int(x * _INVERSE_LN2 - 0.5)
    high = x - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    rest = (high - r) - low
    tail = _E8 + r * (_E9 + r * (_E10 + r * (_E11 + r * (_E12 + r * (_E13 + r * _E14)))))
    series = (r * r) * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * (_E6 + r * (_E7 + r * tail))))))
    y = 1.0 + (r + (series + rest * (1.0 + r)))
    if k > 1023:
        return y * 2.0 * _TWO_1023
    if k < -1021:
        return y * np.int64((k + 1000 + 1023) << 52).view(np.float64) * _TWO_MINUS_1000
    return y * np.int64((k + 1023) << 52).view(np.float64)


@kernel
def log(x: float) -> float:
    """The natural logarithm of `x`, within 1 ulp for every double, subnormal arguments included.

    Parameters
    ----------
    x
        Any double. 0 gives −infinity, a negative number or NaN gives NaN.

    Returns
    -------
    float
        In [−745.13, 709.78], or one of the special values.

    Notes
    -----
    x = 2^k (1 + f) with 1 + f in (√½, √2]; with s = f / (2 + f), log(1 + f) = f − f²/2 + s (f²/2 + R) where R is the
    rest of the series of 2 artanh(s), here to the 23rd power of s (the arrangement of 4.3BSD's log).

    Examples
    --------
    >>> log(10.0)
    2.302585092994046
    """
    if x != x or x < 0.0:
        return np.nan
    if x == 0.0:
        return -np.inf
    if x == np.inf:
        return x
    shift = 0
    if x < _SMALLEST_NORMAL:
        x = x * _TWO_54
        shift = 54
    bits = np.float64(x).view(np.int64)
    k = np.int64(bits >> 52) - 1023 - shift
    m = np.int64((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)
    if m > _SQRT2:
        m = m * 0.5
        k = k + 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    tail = _L6 + z * (_L7 + z * (_L8 + z * (_L9 + z * (_L10 + z * _L11))))
    series = z * (_L1 + z * (_L2 + z * (_L3 + z * (_L4 + z * (_L5 + z * tail)))))
    half = 0.5 * f * f
    return float(k * _LN2_HIGH - ((half - (s * (half + series) + k * _LN2_LOW)) - f))


@kernel
def sigmoid(x: float) -> float:
    """The probability whose log-odds are `x`: 1 / (1 + exp(−x)), without overflow.

    Parameters
    ----------
    x
        Log-odds, any double.

    Returns
    -------
    float
        In [0, 1]; NaN for NaN.

    Examples
    --------
    >>> sigmoid(0.0), sigmoid(-800.0)
    (0.5, 0.0)
    """
    if x >= 0.0:
        return 1.0 / (1.0 + exp(-x))
    e = exp(x)
    return e / (1.0 + e)


@kernel
def logit(p: float) -> float:
    """The log-odds of the probability `p`: log(p / (1 − p)).

    Parameters
    ----------
    p
        In [0, 1]; 0 gives −infinity, 1 infinity, anything else NaN.

    Returns
    -------
    float
        Log-odds.

    Examples
    --------
    >>> logit(0.5)
    0.0
    """
    return log(p / (1.0 - p))


@kernel
def exp_array(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`exp` of every element of a one-dimensional array; the bits are those of the scalar call."""
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = exp(x[i])
    return out


@kernel
def log_array(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`log` of every element of a one-dimensional array; the bits are those of the scalar call."""
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = log(x[i])
    return out


@kernel
def sigmoid_array(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`sigmoid` of every element of a one-dimensional array; the bits are those of the scalar call."""
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = sigmoid(x[i])
    return out


@kernel
def logit_array(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """`logit` of every element of a one-dimensional array; the bits are those of the scalar call."""
    out = np.empty(p.size)
    for i in range(p.size):
        out[i] = logit(p[i])
    return out
