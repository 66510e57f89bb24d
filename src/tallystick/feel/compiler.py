"""From typed expression to a Python function, through a syntax tree of generated names: never through text."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import CodeType, FunctionType
from typing import Any, Protocol

from tallystick.core import InputError
from tallystick.feel import expr as ir
from tallystick.feel import operations, runtime
from tallystick.feel.cursor import Names
from tallystick.feel.functions import BUILTINS
from tallystick.feel.parser import parse, parse_tests
from tallystick.feel.temporal import member
from tallystick.feel.words import WORDS

_ARITHMETIC = {
    "+": operations.add,
    "-": operations.subtract,
    "*": operations.multiply,
    "/": operations.divide,
    "**": operations.power,
}
_PYTHON: dict[str, ast.cmpop] = {
    "=": ast.Eq(),
    "!=": ast.NotEq(),
    "<": ast.Lt(),
    "<=": ast.LtE(),
    ">": ast.Gt(),
    ">=": ast.GtE(),
}
_WIDTH = 16
_TRUE, _FALSE, _NULL = ast.Constant(True), ast.Constant(False), ast.Constant(None)


class Compiled(Protocol):
    """A compiled expression: values by outer name, and the moment that `now()` and `today()` read."""

    def __call__(self, values: Mapping[str, Any], now: datetime | None = None) -> Any:
        """The expression's value."""


class CompiledTests(Protocol):
    """Compiled unary tests: the value of `?`, then values by outer name."""

    def __call__(self, value: Any, values: Mapping[str, Any], now: datetime | None = None) -> bool | None:
        """Whether `value` satisfies the tests."""


def compile(text: str, names: Names) -> Compiled:
    """Compile one FEEL expression in the scope of `names`.

    Returns
    -------
    Compiled
        `f(values, now=None)`, where `values` maps each name the expression reads to a FEEL value (`lift` makes one
        of an int or float). A name that is absent is refused with `InputError`; null is a value.

    Raises
    ------
    DefinitionErrors
        Unknown names and syntax faults, each with its line and column.

    Examples
    --------
    >>> f = compile("age >= 18 and country = \\"DE\\"", ["age", "country"])
    >>> f({"age": Decimal(20), "country": "DE"}), f({"age": None, "country": "DE"})
    (True, None)
    """
    return compile_expr(parse(text, names))


def compile_expr(expr: ir.Expr) -> Compiled:
    """Compile an expression that was parsed before."""
    generator = _Generator(ir.names_in(expr))
    compiled: Compiled = generator.function(("values", "now"), generator.of(expr))
    return compiled


def unary_tests(text: str, names: Names) -> CompiledTests:
    """Compile the unary tests of a decision-table cell.

    Examples
    --------
    >>> holds = unary_tests("[18..65), 99", [])
    >>> holds(Decimal(18), {}), holds(Decimal(65), {}), holds(None, {})
    (True, False, None)
    """
    return compile_tests(parse_tests(text, names))


def compile_tests(tests: ir.Tests) -> CompiledTests:
    """Compile unary tests that were parsed before."""
    generator = _Generator(ir.names_in(tests) - {"?"})
    generator.bound["?"] = "value"
    single = ast.Assign([ast.Name("value", ast.Store())], generator.call(runtime.single, _name("value")))
    compiled: CompiledTests = generator.function(("value", "values", "now"), generator.of(tests), single)
    return compiled


def _absent(error: KeyError, values: Mapping[str, Any]) -> InputError:
    given = ", ".join(sorted(map(str, values))) or "none"
    return InputError(WORDS("feel.absent", given=error.args[0] if error.args else "", names=given))


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _either(condition: ast.expr, yes: ast.expr, no: ast.expr) -> ast.expr:
    return ast.IfExp(condition, yes, no)


def _is(left: ast.expr, right: ast.expr) -> ast.expr:
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return ast.Constant(left.value is right.value)
    return ast.Compare(left, [ast.Is()], [right])


class _Generator:
    """Generates one function: constants go to its globals, names to its locals."""

    def __init__(self, outer: frozenset[str]) -> None:
        self.bound = {name: f"v{index}" for index, name in enumerate(sorted(outer))}
        self.outer = dict(self.bound)
        self.globals: dict[str, Any] = {
            "__builtins__": {},
            "type": type,
            "Decimal": Decimal,
            "str": str,
            "KeyError": KeyError,
            "absent": _absent,
        }
        self.count = 0

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def const(self, value: Any) -> ast.expr:
        name = self.fresh("c")
        self.globals[name] = value
        return _name(name)

    def call(self, function: Any, *arguments: ast.expr) -> ast.expr:
        return ast.Call(self.const(function), list(arguments), [])

    def thunk(self, names: tuple[str, ...], body: ir.Expr) -> ast.expr:
        """A Python lambda over FEEL names."""
        before = dict(self.bound)
        parameters = [self.fresh("b") for _ in names]
        self.bound |= dict(zip(names, parameters, strict=True))
        code = self.of(body)
        self.bound = before
        return ast.Lambda(_parameters(parameters), code)

    def function(self, parameters: tuple[str, ...], body: ast.expr, *before: ast.stmt) -> Any:
        """The finished Python function; `before` are statements that come first."""
        loads: list[ast.stmt] = [
            ast.Assign([ast.Name(local, ast.Store())], ast.Subscript(_name("values"), ast.Constant(name), ast.Load()))
            for name, local in self.outer.items()
        ]
        refuse = ast.Raise(ast.Call(_name("absent"), [_name("error"), _name("values")], []), _NULL)
        handler = ast.ExceptHandler(_name("KeyError"), "error", [refuse])
        guarded: list[ast.stmt] = [ast.Try(loads, [handler], [], [])] if loads else []
        arguments = _parameters(list(parameters))
        arguments.defaults = [_NULL]
        definition = ast.FunctionDef("feel", arguments, [*before, *guarded, ast.Return(body)], [], None, None)
        module = ast.Module([definition], [])
        for node in ast.walk(module):
            if "lineno" in node._attributes:
                vars(node).update(lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)
        code = builtins.compile(module, "<feel>", "exec")
        inner = next(constant for constant in code.co_consts if isinstance(constant, CodeType))
        return FunctionType(inner, self.globals, "feel", (None,))

    def of(self, expr: ir.Expr) -> ast.expr:
        """The Python expression of a node."""
        return getattr(self, f"on_{type(expr).__name__}")(expr)  # type: ignore[no-any-return]

    def all(self, exprs: tuple[ir.Expr, ...]) -> list[ast.expr]:
        return [self.of(item) for item in exprs]

    def twice(self, expr: ir.Expr) -> tuple[ast.expr, ast.expr]:
        """A node that is read twice: its code for the first reading and for later ones."""
        code = self.of(expr)
        if isinstance(code, ast.Name | ast.Constant):
            return code, code
        name = self.fresh("t")
        return ast.NamedExpr(ast.Name(name, ast.Store()), code), _name(name)

    def on_Number(self, expr: ir.Number) -> ast.expr:
        return self.const(expr.value)

    def on_Text(self, expr: ir.Text) -> ast.expr:
        return ast.Constant(expr.value)

    def on_Flag(self, expr: ir.Flag) -> ast.expr:
        return ast.Constant(expr.value)

    def on_Null(self, expr: ir.Null) -> ast.expr:
        return _NULL

    def on_Temporal(self, expr: ir.Temporal) -> ast.expr:
        return self.const(expr.value)

    def on_Name(self, expr: ir.Name) -> ast.expr:
        return _name(self.bound[expr.name])

    def on_ItemName(self, expr: ir.ItemName) -> ast.expr:
        outer = _NULL if expr.outer is None else self.of(expr.outer)
        return self.call(runtime.item_member, _name(self.bound["item"]), ast.Constant(expr.name), outer)

    def on_Path(self, expr: ir.Path) -> ast.expr:
        return self.call(member, self.of(expr.base), ast.Constant(expr.name))

    def on_Negate(self, expr: ir.Negate) -> ast.expr:
        return self.call(operations.negate, self.of(expr.operand))

    def on_Binary(self, expr: ir.Binary) -> ast.expr:
        return self.call(_ARITHMETIC[expr.op], self.of(expr.left), self.of(expr.right))

    def on_Compare(self, expr: ir.Compare) -> ast.expr:
        first, again = self.twice(expr.left)
        return self.compared(expr.op, first, again, expr.right)

    def compared(self, op: str, first: ast.expr, again: ast.expr, right: ir.Expr) -> ast.expr:
        """A comparison, quick when the right side is a literal and the left of its type."""
        slow = operations.COMPARISONS[op]
        if not isinstance(right, ir.Number | ir.Text):
            return self.call(slow, first, self.of(right))
        kind = "Decimal" if isinstance(right, ir.Number) else "str"
        value = self.of(right)
        quick = ast.Compare(again, [_PYTHON[op]], [value])
        return _either(_is(self.type_of(first), _name(kind)), quick, self.call(slow, again, value))

    @staticmethod
    def type_of(code: ast.expr) -> ast.expr:
        return ast.Call(_name("type"), [code], [])

    def on_Logic(self, expr: ir.Logic) -> ast.expr:
        if len(expr.operands) > _WIDTH:
            # Kleene's and/or are associative: groups keep the generated code shallow.
            groups = [expr.operands[i : i + _WIDTH] for i in range(0, len(expr.operands), _WIDTH)]
            return self.on_Logic(ir.Logic(expr.op, tuple(ir.Logic(expr.op, group) for group in groups)))
        wanted, other = (_FALSE, _TRUE) if expr.op == "and" else (_TRUE, _FALSE)
        pairs = [self.twice(operand) for operand in expr.operands]
        all_other = ast.BoolOp(ast.And(), [_is(again, other) for _, again in pairs])
        code = _either(all_other, other, _NULL)
        for first, _ in reversed(pairs):
            code = _either(_is(first, wanted), wanted, code)
        return code

    def on_Between(self, expr: ir.Between) -> ast.expr:
        return self.on_In(ir.In(expr.operand, (ir.Range(expr.low, expr.high, True, True),)))

    def on_Range(self, expr: ir.Range) -> ast.expr:
        flags = ast.Constant(expr.low_closed), ast.Constant(expr.high_closed)
        if expr.low is None or expr.high is None:
            ends = [_NULL if end is None else self.of(end) for end in (expr.low, expr.high)]
            return self.call(runtime.half_interval, *ends, *flags)
        return self.call(operations.interval, self.of(expr.low), self.of(expr.high), *flags)

    def on_In(self, expr: ir.In) -> ast.expr:
        first, again = self.twice(expr.operand)
        if len(expr.tests) == 1:
            return self.tested(first, again, expr.tests[0])
        tests = [self.tested(first if index == 0 else again, again, test) for index, test in enumerate(expr.tests)]
        return self.call(operations.disjoin, ast.List(tests, ast.Load()))

    def tested(self, first: ast.expr, again: ast.expr, test: ir.Expr) -> ast.expr:
        """Whether a value satisfies one unary test."""
        match test:
            case ir.Test(op, operand):
                return self.compared(op, first, again, operand)
            case ir.Range(ir.Number() as low, ir.Number() as high, low_closed, high_closed):
                ends = self.of(low), self.of(high)
                signs: list[ast.cmpop] = [ast.LtE() if low_closed else ast.Lt(), ast.LtE() if high_closed else ast.Lt()]
                quick = ast.Compare(ends[0], signs, [again, ends[1]])
                slow = self.call(operations.between, again, *ends, *map(ast.Constant, (low_closed, high_closed)))
                return _either(_is(self.type_of(first), _name("Decimal")), quick, slow)
            case ir.Range(ir.Expr() as low, ir.Expr() as high, low_closed, high_closed):
                flags = map(ast.Constant, (low_closed, high_closed))
                return self.call(operations.between, first, self.of(low), self.of(high), *flags)
            case ir.Number() | ir.Text():
                kind = "Decimal" if isinstance(test, ir.Number) else "str"
                value = self.of(test)
                quick = ast.Compare(again, [ast.Eq()], [value])
                return _either(
                    _is(self.type_of(first), _name(kind)), quick, self.call(operations.belongs, again, value)
                )
            case _:
                return self.call(operations.belongs, first, self.of(test))

    def on_Tests(self, expr: ir.Tests) -> ast.expr:
        if not expr.tests:
            return _TRUE
        value = _name(self.bound["?"])
        tests = [self.cell_test(value, test) for test in expr.tests]
        code = tests[0] if len(tests) == 1 else self.call(operations.disjoin, ast.List(tests, ast.Load()))
        return self.call(BUILTINS["not"].call, code) if expr.negated else code

    def cell_test(self, value: ast.expr, test: ir.Expr) -> ast.expr:
        if "?" in ir.names_in(test):
            return self.call(runtime.as_flag, self.of(test))
        if isinstance(test, ir.Test | ir.Range | ir.Number | ir.Text | ir.Flag | ir.Null | ir.Temporal):
            return self.tested(value, value, test)
        return self.call(runtime.cell_value_test, value, self.of(test))

    def on_If(self, expr: ir.If) -> ast.expr:
        return _either(_is(self.of(expr.condition), _TRUE), self.of(expr.yes), self.of(expr.no))

    def on_Items(self, expr: ir.Items) -> ast.expr:
        return ast.List(self.all(expr.items), ast.Load())

    def on_Entries(self, expr: ir.Entries) -> ast.expr:
        if len(set(expr.names)) < len(expr.names):
            return _NULL
        before, values = dict(self.bound), []
        for name, value in zip(expr.names, expr.values, strict=True):
            local = self.fresh("t")
            values.append(ast.NamedExpr(ast.Name(local, ast.Store()), self.of(value)))
            self.bound[name] = local
        self.bound = before
        keys: list[ast.expr | None] = [ast.Constant(name) for name in expr.names]
        return ast.Dict(keys, list(values))

    def on_Filter(self, expr: ir.Filter) -> ast.expr:
        if isinstance(expr.condition, ir.Number):
            return self.call(runtime.indexed, self.of(expr.base), self.of(expr.condition))
        return self.call(runtime.filtered, self.of(expr.base), self.thunk(("item",), expr.condition))

    def on_Call(self, expr: ir.Call) -> ast.expr:
        builtin = BUILTINS[expr.function]
        arguments = self.all(expr.arguments)
        if expr.names:
            positions = builtin.positions(expr.names)
            if positions is None:
                return _NULL
            placed = dict(zip(positions, arguments, strict=True))
            arguments = [placed.get(index, _NULL) for index in range(max(positions) + 1)]
        if not builtin.accepts(len(arguments)):
            return _NULL
        if expr.function in ("now", "today"):
            arguments = [_name("now")]
        return self.call(builtin.call, *arguments)

    def on_Invoke(self, expr: ir.Invoke) -> ast.expr:
        names = ast.Tuple([ast.Constant(name) for name in expr.names], ast.Load())
        return self.call(runtime.invoked, self.of(expr.function), names, *self.all(expr.arguments))

    def on_Lambda(self, expr: ir.Lambda) -> ast.expr:
        names = ast.Tuple([ast.Constant(name) for name in expr.parameters], ast.Load())
        return self.call(operations.Function, names, self.thunk(expr.parameters, expr.body))

    def on_For(self, expr: ir.For) -> ast.expr:
        return self.call(
            runtime.looped, *self.sources(expr.names, expr.sources), self.thunk((*expr.names, "partial"), expr.body)
        )

    def on_Quantified(self, expr: ir.Quantified) -> ast.expr:
        kind = ast.Constant(expr.kind == "some")
        return self.call(
            runtime.quantified, kind, *self.sources(expr.names, expr.sources), self.thunk(expr.names, expr.body)
        )

    def sources(self, names: tuple[str, ...], sources: tuple[ir.Expr, ...]) -> list[ast.expr]:
        """One list of lambdas: each source sees the names bound before it."""
        thunks = [self.thunk(names[:index], source) for index, source in enumerate(sources)]
        return [ast.List(list[ast.expr](thunks), ast.Load())]

    def on_Span(self, expr: ir.Span) -> ast.expr:
        return self.call(runtime.counted, self.of(expr.low), self.of(expr.high))

    def on_InstanceOf(self, expr: ir.InstanceOf) -> ast.expr:
        return self.call(runtime.instance_of, self.of(expr.operand), ast.Constant(expr.type))


def _parameters(names: list[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
