"""Java externals (DMN 1.5, 10.3.2.13.3) without Java: a fixed list of static methods, in plain arithmetic.

Nothing outside this list can be named, and no code is loaded. Functions of doubles are worked out in decimal arithmetic
and rounded once, so they give the same bits on every machine.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException, InvalidOperation
from functools import cache
from math import isfinite
from typing import Any

import msgspec

from tallystick.feel.trigonometry import FUNCTIONS, WIDE

_RANGES = {"byte": 1 << 7, "short": 1 << 15, "int": 1 << 31, "long": 1 << 63}
_WHOLE, _REAL = ("int", "long"), ("float", "double")
_BOXES = {
    **{name: name.lower() for name in ("Byte", "Short", "Long", "Float", "Double", "Boolean")},
    "Integer": "int",
    "Character": "char",
    "CharSequence": "String",
    "Number": "BigDecimal",
    "Comparable": "Object",
}
_SIGNATURE = re.compile(r"\s*(\w+)\s*\(\s*([^()]*?)\s*\)\s*")
_FORMAT = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_TEXT_MAX = 100_000


class _Misfit(Exception):
    """A value that has no form of the wanted Java type: Java would throw."""


class Method(msgspec.Struct, frozen=True):
    """A static method: the Java types of its parameters and result, and what it does."""

    parameters: tuple[str, ...]
    result: str
    function: Callable[..., Any]


_METHODS: dict[tuple[str, str], list[Method]] = {}


def external(class_name: str, signature: str) -> Callable[..., Any] | None:
    """The function for a Java class and method signature, or None when it is not on the list.

    Parameters
    ----------
    class_name
        `java.lang.Math`, `StrictMath`, `String`, `Integer`, `Long`, `Short`, `Byte`, `Float`, `Double`, `Boolean`,
        `Character`, or `java.math.BigDecimal`.
    signature
        The method and the types of its parameters: `max(double, double)`, `valueOf(java.lang.String)`,
        `format(java.lang.String, [Ljava.lang.Object;)`.

    Returns
    -------
    callable or None
        Takes FEEL values by position; gives a FEEL value, or null where Java would throw.

    Examples
    --------
    >>> external("java.lang.Math", "max(double, double)")(Decimal(1), Decimal("2.5"))
    Decimal('2.5')
    >>> external("java.lang.System", "exit(int)") is None
    True
    """
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        return None
    wanted = tuple(_kind(part) for part in match[2].split(",")) if match[2] else ()
    methods = _METHODS.get((class_name.strip().replace("StrictMath", "Math"), match[1]), [])
    method = next((m for m in methods if m.parameters == wanted), None)
    return None if method is None else lambda *arguments: _called(method, arguments)


def _kind(text: str) -> str:
    """The plain name of a Java type: `[Ljava.lang.Object;` and `Object...` are arrays."""
    name = text.strip()
    array = name.startswith("[L") or name.endswith(("...", "[]"))
    plain = name.removeprefix("[L").rstrip(";.[] ").rpartition(".")[2]
    return _BOXES.get(plain, plain) + ("[]" if array else "")


def _called(method: Method, arguments: tuple[Any, ...]) -> Any:
    kinds = method.parameters
    try:
        if kinds and kinds[-1].endswith("[]"):
            fixed = len(kinds) - 1
            rest = arguments[fixed:]
            rest = tuple(rest[0]) if len(rest) == 1 and type(rest[0]) is list else rest
            given = [_lowered(kind, value) for kind, value in zip(kinds, arguments, strict=False)][:fixed]
            return _raised(method.result, method.function(*given, [_lowered(kinds[-1][:-2], v) for v in rest]))
        if len(arguments) != len(kinds):
            return None
        given = [_lowered(kind, value) for kind, value in zip(kinds, arguments, strict=True)]
        return _raised(method.result, method.function(*given))
    except (_Misfit, ArithmeticError, ValueError):
        return None


def _lowered(kind: str, value: Any) -> Any:
    """A FEEL value as Java's: a double is a float, a float one that 32 bits hold, whole numbers are ints."""
    if kind in _RANGES or kind == "BigInteger":
        if type(value) is not Decimal or value != value.to_integral_value():
            raise _Misfit
        return _ranged(kind, int(value))
    if kind in _REAL:
        if type(value) is not Decimal:
            raise _Misfit
        return float(value) if kind == "double" else _single(float(value))
    wanted = {"String": str, "char": str, "boolean": bool, "BigDecimal": Decimal}.get(kind)
    if (wanted is not None and type(value) is not wanted) or (kind == "char" and len(value) != 1):
        raise _Misfit
    return value


def _raised(kind: str, value: Any) -> Any:
    if kind in _RANGES or kind == "BigInteger":
        return Decimal(_ranged(kind, value))
    if kind in _REAL:
        if not isfinite(value):
            return None
        return Decimal(repr(value + 0.0)) if kind == "double" else _shortest(value)
    if type(value) is str and len(value) > _TEXT_MAX:
        return None
    return value


def _ranged(kind: str, value: int) -> int:
    limit = _RANGES.get(kind)
    if limit is not None and not -limit <= value < limit:
        raise _Misfit
    return value


def _single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _shortest(value: float) -> Decimal:
    """The shortest decimal that is this 32-bit float."""
    texts = (f"{value + 0.0:.{digits}g}" for digits in range(1, 10))
    return Decimal(next(text for text in texts if _single(float(text)) == value))


def _register(owner: str, name: str, parameters: str, result: str, function: Callable[..., Any]) -> None:
    kinds = tuple(parameters.split())
    package = "java.math" if owner.startswith("Big") else "java.lang"
    _METHODS.setdefault((f"{package}.{owner}", name), []).append(Method(kinds, result, function))


def _text(value: Any) -> str:
    """`String.valueOf`."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return _double_text(value)
    return str(value)


def _double_text(value: float) -> str:
    """`Double.toString`: plain between 1e-3 and 1e7, else with an exponent."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(Decimal(repr(value)), "f") if value != int(value) else f"{int(value)}.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(text) - 1}"


def _formatted(pattern: str, values: list[Any]) -> str:
    """`String.format` for s, d, f, e, b, c, x, n and %."""
    taken = 0

    def one(match: re.Match[str]) -> str:
        nonlocal taken
        position, flags, width, precision, letter = match.groups()
        if letter in "n%":
            return "\n" if letter == "n" else "%"
        index = int(position) - 1 if position else taken
        taken += 0 if position else 1
        if not 0 <= index < len(values) or int(width or 0) > 1_000 or int(precision or 0) > 100:
            raise _Misfit
        text = _converted(values[index], flags, precision, letter)
        fill = "0" if "0" in flags and letter.lower() in "dfe" else " "
        if fill == "0" and text[:1] in "+-":
            return text[0] + text[1:].rjust(int(width or 0) - 1, "0")
        return text.ljust(int(width or 0)) if "-" in flags else text.rjust(int(width or 0), fill)

    if "%" in _FORMAT.sub("", pattern):
        raise _Misfit
    return _FORMAT.sub(one, pattern)


def _converted(value: Any, flags: str, precision: str | None, letter: str) -> str:
    """One value of a format; a number is a BigDecimal in Java, so d, x and c refuse it."""
    kind = letter.lower()
    if kind in "sb":
        shown = _text(value) if kind == "s" else _text(value if type(value) is bool else value is not None)
        text = shown[: int(precision)] if precision else shown
    elif kind in "fe" and type(value) is Decimal:
        # Java rounds half up here.
        digits = int(precision) if precision else 6
        text = _fixed(value, digits, "," in flags) if kind == "f" else f"{value:.{digits}e}"
        text = ("+" if "+" in flags and value >= 0 else "") + text
    else:
        raise _Misfit
    return text.upper() if letter.isupper() else text


def _fixed(value: Decimal, digits: int, grouped: bool) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-digits), "ROUND_HALF_UP", WIDE)
    return format(rounded, ",f" if grouped else "f")


def _parsed(kind: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        if kind in _REAL:
            value = float(text.strip().rstrip("dDfF"))
            return value if kind == "double" else _single(value)
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
            raise _Misfit
        return _ranged(kind, int(text))

    return parse


def _divided(a: int, b: int) -> int:
    return a // b


@cache
def _context() -> Context:
    return Context(prec=34, traps=[InvalidOperation])


def _rounded(value: float) -> int:
    """`Math.round`: half towards positive infinity."""
    return int((Decimal(value) + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))


def _fill() -> None:
    for kind in (*_WHOLE, *_REAL):
        _register("Math", "abs", kind, kind, abs)
        _register("Math", "max", f"{kind} {kind}", kind, max)
        _register("Math", "min", f"{kind} {kind}", kind, min)
    for kind in _WHOLE:
        pair = f"{kind} {kind}"
        _register("Math", "addExact", pair, kind, lambda a, b: a + b)
        _register("Math", "subtractExact", pair, kind, lambda a, b: a - b)
        _register("Math", "multiplyExact", pair, kind, lambda a, b: a * b)
        _register("Math", "floorDiv", pair, kind, _divided)
        _register("Math", "floorMod", pair, kind, lambda a, b: a % b)
        _register("Math", "negateExact", kind, kind, lambda a: -a)
        _register("Math", "incrementExact", kind, kind, lambda a: a + 1)
        _register("Math", "decrementExact", kind, kind, lambda a: a - 1)
    _register("Math", "toIntExact", "long", "int", lambda a: a)
    _register("Math", "round", "double", "long", _rounded)
    _register("Math", "round", "float", "int", _rounded)
    for kind in _REAL:
        _register("Math", "signum", kind, kind, lambda a: float((a > 0) - (a < 0)))
    for name, (count, function) in FUNCTIONS.items():
        _register("Math", name, " ".join(["double"] * count), "double", function)
    boxes = {"Byte": "byte", "Short": "short", "Integer": "int", "Long": "long", "Float": "float", "Double": "double"}
    for owner, kind in boxes.items():
        for name in ("valueOf", f"parse{'Int' if kind == 'int' else owner}"):
            _register(owner, name, "String", kind, _parsed(kind))
        _register(owner, "valueOf", kind, kind, lambda a: a)
        _register(owner, "toString", kind, "String", _text)
        _register(owner, "compare", f"{kind} {kind}", "int", lambda a, b: (a > b) - (a < b))
    for owner in ("Integer", "Long", "Float", "Double"):
        kind = boxes[owner]
        _register(owner, "sum", f"{kind} {kind}", kind, lambda a, b: a + b)
        _register(owner, "max", f"{kind} {kind}", kind, max)
        _register(owner, "min", f"{kind} {kind}", kind, min)
    for kind in (*boxes.values(), "char", "boolean", "Object"):
        _register("String", "valueOf", kind, "String", _text)
    _register("String", "format", "String Object[]", "String", _formatted)
    _register("String", "join", "String String[]", "String", lambda mark, parts: mark.join(parts))
    for name in ("valueOf", "parseBoolean"):
        _register("Boolean", name, "String", "boolean", lambda text: text.lower() == "true")
    _register("Boolean", "valueOf", "boolean", "boolean", lambda a: a)
    _register("Boolean", "toString", "boolean", "String", _text)
    _register("Boolean", "logicalAnd", "boolean boolean", "boolean", lambda a, b: a and b)
    _register("Boolean", "logicalOr", "boolean boolean", "boolean", lambda a, b: a or b)
    _register("Boolean", "logicalXor", "boolean boolean", "boolean", lambda a, b: a is not b)
    for name, test in (("isDigit", str.isdecimal), ("isLetter", str.isalpha), ("isUpperCase", str.isupper)):
        _register("Character", name, "char", "boolean", test)
    _register("Character", "isLowerCase", "char", "boolean", str.islower)
    _register("Character", "toUpperCase", "char", "char", lambda a: a.upper()[:1])
    _register("Character", "toLowerCase", "char", "char", lambda a: a.lower()[:1])
    _register("Character", "valueOf", "char", "char", lambda a: a)
    _register("Character", "toString", "char", "String", _text)
    _register("BigDecimal", "valueOf", "double", "double", lambda a: a)
    _register("BigDecimal", "valueOf", "long", "long", lambda a: a)
    _register("BigDecimal", "valueOf", "long int", "BigDecimal", _scaled)


def _scaled(unscaled: int, scale: int) -> Decimal:
    try:
        return Decimal(unscaled).scaleb(-scale, _context())
    except DecimalException:
        raise _Misfit from None


_fill()
