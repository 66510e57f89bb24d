"""The functions of doubles in Java's Math, worked out in decimal arithmetic and rounded once to a double."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import cache

WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=-100_000, Emax=100_000)
"""60 digits: enough that rounding to a double is right."""


@cache
def pi(digits: int) -> Decimal:
    """π to so many digits, by Machin's formula."""
    context = Context(prec=digits + 10)

    def arctan(inverse: int) -> Decimal:
        term = total = context.divide(Decimal(1), Decimal(inverse))
        square, divisor, sign = Decimal(inverse * inverse), 1, 1
        while term.adjusted() > -digits - 9:
            term = context.divide(term, square)
            divisor, sign = divisor + 2, -sign
            part = context.divide(term, Decimal(divisor))
            total = context.add(total, part if sign > 0 else part.copy_negate())
        return total

    both = context.subtract(context.multiply(Decimal(4), arctan(5)), arctan(239))
    return context.multiply(both, Decimal(4))


def _series(x: Decimal, first: Decimal, start: int, sign: int) -> Decimal:
    """Σ of first · sign^k · x^2k / ((start+1)(start+2)…): sine, cosine and their hyperbolic kin."""
    term = total = first
    square, count = WIDE.multiply(x, x), start
    while term and term.adjusted() > total.adjusted() - 60 if total else term:
        term = WIDE.divide(WIDE.multiply(term, square), Decimal((count + 1) * (count + 2)))
        term = term if sign > 0 else term.copy_negate()
        total, count = WIDE.add(total, term), count + 2
    return total


def _turned(x: float) -> tuple[Decimal, int]:
    """An angle as a rest within ±π/4 and the number of quarter turns, modulo 4."""
    angle = Decimal(x)
    digits = 70 + max(angle.adjusted(), 0)
    context = Context(prec=digits, rounding=ROUND_HALF_EVEN)
    quarter = context.divide(pi(digits), Decimal(2))
    turns = context.divide(angle, quarter).to_integral_value(ROUND_HALF_EVEN)
    rest = context.subtract(angle, context.multiply(turns, quarter))
    return rest, int(turns) % 4


def _sine(x: float, shift: int = 0) -> Decimal:
    rest, turns = _turned(x)
    turns = (turns + shift) % 4
    value = _series(rest, rest, 1, -1) if turns % 2 == 0 else _series(rest, Decimal(1), 0, -1)
    return value.copy_negate() if turns >= 2 else value


def _arctan(x: Decimal) -> Decimal:
    if abs(x) > 1:
        half = WIDE.divide(pi(60), Decimal(2)).copy_sign(x)
        return WIDE.subtract(half, _arctan(WIDE.divide(Decimal(1), x)))
    halvings = 0
    while abs(x) > Decimal("0.05"):
        # arctan x = 2 arctan(x / (1 + sqrt(1 + x²)))
        root = WIDE.sqrt(WIDE.add(Decimal(1), WIDE.multiply(x, x)))
        x, halvings = WIDE.divide(x, WIDE.add(Decimal(1), root)), halvings + 1
    term = total = x
    square, divisor = WIDE.multiply(x, x), 1
    while term and term.adjusted() > total.adjusted() - 60:
        term, divisor = WIDE.multiply(term, square).copy_negate(), divisor + 2
        total = WIDE.add(total, WIDE.divide(term, Decimal(divisor)))
    return WIDE.multiply(total, Decimal(1 << halvings))


def _arcsine(x: float) -> Decimal:
    value = Decimal(x)
    if abs(value) == 1:
        return WIDE.divide(pi(60), Decimal(2)).copy_sign(value)
    rest = WIDE.sqrt(WIDE.multiply(WIDE.subtract(Decimal(1), value), WIDE.add(Decimal(1), value)))
    return _arctan(WIDE.divide(value, rest))


def _arctan2(y: float, x: float) -> Decimal:
    if x == 0 and y == 0:
        return Decimal(0)
    if x == 0:
        return WIDE.divide(pi(60), Decimal(2)).copy_sign(Decimal(y))
    angle = _arctan(WIDE.divide(Decimal(y), Decimal(x)))
    return angle if x > 0 else WIDE.add(angle, pi(60).copy_sign(Decimal(y)))


def _exp(x: Decimal) -> Decimal:
    if abs(x) > 800:
        return Decimal(0) if x < 0 else Decimal("1e400")
    return WIDE.exp(x)


def _hyperbolic(x: float, kind: str) -> Decimal:
    value = Decimal(x)
    if abs(value) < 1 and kind != "cosh":
        sinh = _series(value, value, 1, 1)
        return sinh if kind == "sinh" else WIDE.divide(sinh, _series(value, Decimal(1), 0, 1))
    up, down = _exp(value), _exp(value.copy_negate())
    if kind == "tanh" and abs(value) > 100:
        return Decimal(1).copy_sign(value)
    total, difference = WIDE.add(up, down), WIDE.subtract(up, down)
    half = Decimal("0.5")
    if kind == "tanh":
        return WIDE.divide(difference, total)
    return WIDE.multiply(difference if kind == "sinh" else total, half)


def _expm1(x: float) -> Decimal:
    value = Decimal(x)
    context = Context(prec=60 + max(-value.adjusted(), 0) if value else 60)
    return (
        context.subtract(context.exp(value), Decimal(1)) if abs(value) < 1 else WIDE.subtract(_exp(value), Decimal(1))
    )


def _log1p(x: float) -> Decimal:
    value = Decimal(x)
    context = Context(prec=60 + max(-value.adjusted(), 0) * 2 if value else 60)
    return context.ln(context.add(Decimal(1), value))


def _power(x: float, y: float) -> Decimal:
    base, exponent = Decimal(x), Decimal(y)
    if exponent == 0:
        return Decimal(1)
    if abs(WIDE.multiply(exponent, Decimal(base.adjusted() if base else 0))) > 2_000:
        raise ValueError(y)
    return WIDE.power(base, exponent)


def _cube_root(x: float) -> Decimal:
    value = Decimal(x)
    return WIDE.power(value.copy_abs(), WIDE.divide(Decimal(1), Decimal(3))).copy_sign(value) if value else value


def _hypotenuse(x: float, y: float) -> Decimal:
    return WIDE.sqrt(WIDE.add(WIDE.multiply(Decimal(x), Decimal(x)), WIDE.multiply(Decimal(y), Decimal(y))))


def _decimal(function: Callable[[Decimal], Decimal]) -> Callable[[float], float]:
    return lambda x: float(function(Decimal(x)))


def _double(function: Callable[..., Decimal]) -> Callable[..., float]:
    return lambda *given: float(function(*given))


def _integral(rounding: str) -> Callable[[Decimal], Decimal]:
    return lambda x: x.to_integral_value(rounding)


FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "sqrt": (1, _decimal(WIDE.sqrt)),
    "cbrt": (1, _double(_cube_root)),
    "exp": (1, _decimal(_exp)),
    "expm1": (1, _double(_expm1)),
    "log": (1, _decimal(WIDE.ln)),
    "log10": (1, _decimal(WIDE.log10)),
    "log1p": (1, _double(_log1p)),
    "pow": (2, _double(_power)),
    "hypot": (2, _double(_hypotenuse)),
    "ceil": (1, _decimal(_integral(ROUND_CEILING))),
    "floor": (1, _decimal(_integral(ROUND_FLOOR))),
    "rint": (1, _decimal(_integral(ROUND_HALF_EVEN))),
    "sin": (1, _double(_sine)),
    "cos": (1, _double(lambda x: _sine(x, 1))),
    "tan": (1, _double(lambda x: WIDE.divide(_sine(x), _sine(x, 1)))),
    "asin": (1, _double(_arcsine)),
    "acos": (1, _double(lambda x: WIDE.subtract(WIDE.divide(pi(60), Decimal(2)), _arcsine(x)))),
    "atan": (1, _double(lambda x: _arctan(Decimal(x)))),
    "atan2": (2, _double(_arctan2)),
    "sinh": (1, _double(lambda x: _hyperbolic(x, "sinh"))),
    "cosh": (1, _double(lambda x: _hyperbolic(x, "cosh"))),
    "tanh": (1, _double(lambda x: _hyperbolic(x, "tanh"))),
    "toRadians": (1, _double(lambda x: WIDE.divide(WIDE.multiply(Decimal(x), pi(60)), Decimal(180)))),
    "toDegrees": (1, _double(lambda x: WIDE.divide(WIDE.multiply(Decimal(x), Decimal(180)), pi(60)))),
}
"""The parameters and the function of each method of doubles."""
