"""The language: the compiler against the plain interpreter, canonical text, names, types, functions, causes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.feel import oracle
from tests.feel.oracle_values import plain, same

from tallystick import feel
from tallystick.core import DefinitionErrors, FieldType

SCOPE: dict[str, Any] = {
    "n": Decimal(3),
    "text": "ab",
    "flag": True,
    "nothing": None,
    "xs": [Decimal(1), None, Decimal(4)],
    "c": {"n": Decimal(7), "a b": [Decimal(2)]},
    "cs": [{"n": Decimal(1), "xs": [Decimal(9)]}, {"m": "z"}, Decimal(5)],
    "a-b": Decimal(11),
}
_LEAVES = [
    *('"x"', '"ab"', "0", "1", "2.50", "-1", "true", "false", "null", '@"2026-01-02"', '@"P1D"'),
    *SCOPE,
]


_FORMS = (
    *("§ + §", "§ - §", "§ * §", "§ / §", "-§", "§ = §", "§ != §", "§ < §", "§ >= §", "§ and §", "§ or § or §"),
    *("§ between § and §", "if § then § else §", "[§, §]", "[]", "§[§]", "§[item = §]", "§[n > §]"),
    *("§[xs[n = §] != §]", "§.n", "§.a b", "for v in § return §", "for v in §, w in v return [w, §]"),
    *("for v in § return count(partial)", "some v in § satisfies v = §"),
    "every v in §, n in § satisfies n < §",
)


def _texts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def pattern(form: str) -> st.SearchStrategy[str]:
        return st.tuples(*[inner] * form.count("§")).map(lambda parts: form.replace("§", "({})").format(*parts))

    return st.one_of(*map(pattern, _FORMS))


EXPRESSIONS = st.recursive(st.sampled_from(_LEAVES), _texts, max_leaves=12)
CONTEXTS = EXPRESSIONS.map(lambda text: f"{{k: ({text}), j: [k, ({text})], n: k}}")


@settings(max_examples=600, deadline=None)
@given(st.one_of(EXPRESSIONS, CONTEXTS))
def test_the_compiler_gives_what_the_plain_interpreter_gives(text: str) -> None:
    """Random expressions over numbers, texts, flags, nulls, dates, lists and contexts, filters in filters included."""
    expr = feel.parse(text.replace("count(partial)", "partial"), SCOPE)
    found = feel.compile_expr(expr)({name: SCOPE[name] for name in feel.names_in(expr)})
    assert same(plain(found), oracle.run(expr, SCOPE))


@settings(max_examples=600, deadline=None)
@given(st.one_of(EXPRESSIONS, CONTEXTS))
def test_the_canonical_text_reads_back_as_the_same_expression(text: str) -> None:
    expr = feel.parse(text, SCOPE)
    assert feel.parse(feel.spell(expr), SCOPE, members=("a b",)) == expr


@settings(max_examples=300, deadline=None)
@given(st.one_of(EXPRESSIONS, CONTEXTS))
def test_every_null_has_a_cause_in_both_languages(text: str) -> None:
    expr = feel.parse(text, SCOPE)
    values = {name: SCOPE[name] for name in feel.names_in(expr)}
    null = feel.compile_expr(expr)(values) is None
    assert bool(feel.causes(expr, values)) is null
    assert len(feel.causes(expr, values, language="zh")) == len(feel.causes(expr, values))


@pytest.mark.parametrize(
    "text",
    [
        "function(a: number, b: list<string>) a + 1",
        'function(a) external {"java": {"class": "java.lang.Math", "method signature": "abs(double)"}}',
        "x in (> 1, [2..3), (< 4), ? * 2 = x)",
        "x instance of context<a: number, b c: list<range<date>>>",
        "x instance of function<number, string> -> Any",
        "[(< 5), (>= 5), (1..5], [1..5)]",
        "[abs, floor]",
        '@"no date"',
        "for i in 1..3, j in i..x return (i - j).y z",
        '{"a b": 1, "": 2, "q\\"": 3}',
        "if x then abs else floor",
        "-(5[1]) + -5[1] - -(1 instance of number) + -1 instance of number",
        "max(list: [1, x])",
        "{f: function(n) if n < 1 then 0 else f(n - 1), r: f(x)}",
    ],
)
def test_every_construct_reads_back_from_its_canonical_text(text: str) -> None:
    expr = feel.parse(text, ["x"])
    assert feel.parse(feel.spell(expr), ["x"]) == expr


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("a-b", {"a": 5, "b": 3}, 2),
        ("a-b", {"a": 5, "b": 3, "a-b": 9}, 9),
        ("a - b", {"a": 5, "b": 3, "a-b": 9}, 9),
        ("a /* minus */ - b", {"a-b": 9}, 9),
        ("date of birth + 1", {"date of birth": 1, "date": 7}, 2),
        ("if any + 1", {"if any": 1}, 2),
        ("not yet + true north", {"not yet": 1, "true north": 2}, 3),
        ("some day + every-day + for sale", {"some day": 1, "every-day": 2, "for sale": 3}, 6),
        ("days in arrears in [1..3]", {"days in arrears": 2}, True),
        ("profit and loss > 1 and x", {"profit and loss": 2, "x": True}, True),
        ("Ünïcode 名称 + 🐎", {"Ünïcode 名称": 1, "🐎": 2}, 3),
        ("applicant's income/month", {"applicant's income/month": 4}, 4),
        ("imported.rate + 1", {"imported.rate": 4}, 5),
        ("count(xs) + count", {"count": 4, "xs": 1}, 5),
        ("date and time(date, time) = null", {"date": 1, "time": 2}, True),
        ("{is ok?: 1, b: is ok? + 1}.b", {}, 2),
        ("{x: 1, y: {x: x + 1, z: x * 10}}.y.z", {}, 20),
        ("{a: 1, b: for a in [5] return a, c: a}.c", {}, 1),
        ('{"two  words": 1, r: two words + 1}.r', {}, 2),
        ("x.unknown member of it = null", {"x": 1}, True),
    ],
)
def test_names(text: str, names: dict[str, Any], expected: Any) -> None:
    values = feel.lift(names)
    assert feel.compile(text, list(values))(values) == expected


class _Even:
    def holds(self, value: Any) -> bool:
        return value is None or (isinstance(value, Decimal) and value % 2 == 0)


class _Text:
    def holds(self, value: Any) -> bool:
        return value is None or isinstance(value, str)

    def coerced(self, value: Any) -> tuple[bool, Any]:
        return True, feel.show(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 instance of even number", True),
        ("3 instance of even number", False),
        ("null instance of even number", False),
        ("[2, 4] instance of list<even number>", True),
        ("[2, 3] instance of list<even number>", False),
        ("{a: 2} instance of context<a: even number>", True),
        ("(function(a: even number) a)(3)", None),
        ("(function(a: even number) a)([4])", Decimal(4)),
        ("(function(a: lib.tText) a)(3)", "3"),
    ],
)
def test_declared_types(text: str, expected: Any) -> None:
    types = {"even number": _Even(), "lib.tText": _Text()}
    expr = feel.parse(text, (), types=types)
    assert feel.compile_expr(expr)({}) == expected
    assert feel.parse(feel.spell(expr), (), types=types) == expr


def test_an_unknown_type_is_refused_or_null_with_its_cause() -> None:
    with pytest.raises(DefinitionErrors, match=r"1:15: .*'tFoo'; allowed here: a type: number"):
        feel.parse("1 instance of tFoo", ())
    expr = feel.parse("1 instance of lib.tFoo", (), lenient=True)
    assert feel.compile_expr(expr)({}) is None
    assert feel.causes(expr, {}) == ("lib.tFoo is not a known type",)


def test_an_unknown_name_is_refused_or_null_with_its_cause() -> None:
    with pytest.raises(DefinitionErrors, match=r"1:1: 'foo bar' is not a known name"):
        feel.compile("foo bar(1) + count", ())
    expr = feel.parse("foo bar(1) + 2", (), lenient=True)
    assert feel.compile_expr(expr)({}) is None
    assert feel.causes(expr, {}) == ("'foo bar' is not a known name",)
    assert feel.compile("foo bar(1) = null", (), lenient=True)({}) is True


@pytest.mark.parametrize("text", ["count + 1", "1 < count", "-count", "count.x", "(count) - 1", "true and count"])
def test_the_name_of_a_built_in_is_refused_where_a_function_always_gives_null(text: str) -> None:
    with pytest.raises(DefinitionErrors, match="'count' is not a known name"):
        feel.compile(text, ())


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("x + 1", "x is null in the input"),
        ('1 + "a"', '1 + "a" is not defined for number and string'),
        ("1 / 0", "1 / 0 divides by zero"),
        ("10 ** 9999", "10 ** 9999 lies beyond the numbers, dates or durations"),
        ("true < false", "true < false is not defined for boolean and boolean"),
        ("1 and true", "1 is of type number, not boolean"),
        ("{a: 1}.b", "{\"a\": 1}.b is null: a value of type context has no 'b' here"),
        ("y.b", "y.b is null in the given value"),
        ("[1, 2][3]", "[1, 2][3] asks for item 3 of 2"),
        ('[1]["a"]', 'the condition of [1]["a"] is no boolean and no index'),
        ("abs(1, 2)", "abs(1, 2) does not take these arguments; allowed: abs(n)"),
        ('abs("a")', 'abs("a") has no value for "a"'),
        ("y(1)", "y(1) is of type context, not a function"),
        ("(function(a) null)(1)", "the function called in (function(a) null)(1) gave null for 1"),
        ("(function(a) a)(1, 2)", "(function(a) a)(1, 2) does not take these arguments; allowed: a"),
        ("{a: 1, a: 2}", '{"a": 1, "a": 2} has a key twice'),
        ('@"x"', '@"x" is no date, time, date and time or duration'),
        ("for i in x return i", "x is null in the input"),
        ("for i in 1..x return i", "x is null in the input"),
        ("if x then 1 else x", "x is null in the input"),
        ("x in [1..2]", "x is null in the input"),
        ('1 in ["a".."b"]', '1 in (["a".."b"]) has no value for 1, "a", "b"'),
        ('[1.."a"]', '[1.."a"] is not defined for number and string'),
        ("null", "null is written in the expression"),
        ('(function() external {java: {class: "no"}})()', "names no function on the list"),
        ("{f: function(n) f(n), r: f(1)}.r", "more than 100 calls within one another"),
    ],
)
def test_causes(text: str, cause: str) -> None:
    values: dict[str, Any] = {"x": None, "y": {"b": None}}
    found = feel.causes(feel.parse(text, values), values)
    assert len(found) == 1
    assert cause in found[0]


def test_a_prepared_scope_reads_like_its_names() -> None:
    names = {"a b": None, "f": FieldType("function")}
    scope = feel.known(names, members=("m-n",))
    for text in ("a b + 1", "f(1)", "f.m-n", "abs(a  b)"):
        assert feel.parse(text, scope) == feel.parse(text, names, members=("m-n",))
