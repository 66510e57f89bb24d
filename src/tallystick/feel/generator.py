"""The Python syntax tree of an expression: names that are generated, constants that are globals."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from decimal import Decimal
from types import CodeType, FunctionType
from typing import Any

from tallystick.core import InputError
from tallystick.feel import calls, operations, runtime
from tallystick.feel import expr as ir
from tallystick.feel.budget import bounded
from tallystick.feel.functions import BUILTINS
from tallystick.feel.inference import inferred, keeps_partial
from tallystick.feel.temporal import member
from tallystick.feel.tokens import normal
from tallystick.feel.types import instance_of
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
_LOOPS = (ir.For, ir.Quantified, ir.Filter, ir.Invoke, ir.Lambda)
_TRUE, _FALSE, _NULL = ast.Constant(True), ast.Constant(False), ast.Constant(None)


def generate(expr: ir.Expr) -> Any:
    """The function `f(values, now=None)` of an expression."""
    generator = _Generator(ir.names_in(expr))
    return generator.function(("values", "now"), generator.of(expr))


def generate_tests(tests: ir.Tests) -> Any:
    """The function `f(value, values, now=None)` of the unary tests of a cell."""
    generator = _Generator(ir.names_in(tests) - {"?"})
    generator.bound["?"] = "value"
    single = ast.Assign([ast.Name("value", ast.Store())], generator.call(runtime.single, _load("value")))
    return generator.function(("value", "values", "now"), generator.of(tests), single)


def _absent(error: KeyError, values: Mapping[str, Any]) -> InputError:
    given = ", ".join(sorted(map(str, values))) or "none"
    return InputError(WORDS("feel.absent", given=error.args[0] if error.args else "", names=given))


def _load(name: str) -> ast.expr:
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
        self.items: list[str] = []
        self.loops = False

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def const(self, value: Any) -> ast.expr:
        name = self.fresh("c")
        self.globals[name] = value
        return _load(name)

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
            ast.Assign([ast.Name(local, ast.Store())], ast.Subscript(_load("values"), ast.Constant(name), ast.Load()))
            for name, local in self.outer.items()
        ]
        refuse = ast.Raise(ast.Call(_load("absent"), [_load("error"), _load("values")], []), _NULL)
        handler = ast.ExceptHandler(_load("KeyError"), "error", [refuse])
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
        function = FunctionType(inner, self.globals, "feel", (None,))
        return bounded(function) if self.loops else function

    def of(self, expr: ir.Expr) -> ast.expr:
        """The Python expression of a node."""
        if isinstance(expr, _LOOPS):
            self.loops = True
        return getattr(self, f"on_{type(expr).__name__}")(expr)  # type: ignore[no-any-return]

    def all(self, exprs: tuple[ir.Expr, ...]) -> list[ast.expr]:
        return [self.of(item) for item in exprs]

    def twice(self, expr: ir.Expr) -> tuple[ast.expr, ast.expr]:
        """A node that is read twice: its code for the first reading and for later ones."""
        code = self.of(expr)
        if isinstance(code, ast.Name | ast.Constant):
            return code, code
        name = self.fresh("t")
        return ast.NamedExpr(ast.Name(name, ast.Store()), code), _load(name)

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
        return _load(self.bound[expr.name])

    def on_Unknown(self, expr: ir.Unknown | ir.Unreadable) -> ast.expr:
        return _NULL

    on_Unreadable = on_Unknown

    def on_BuiltinName(self, expr: ir.BuiltinName) -> ast.expr:
        return self.const(calls.builtin_function(expr.name))

    def on_ItemName(self, expr: ir.ItemName) -> ast.expr:
        levels, outer = 1, expr.outer
        while isinstance(outer, ir.ItemName):
            levels, outer = levels + 1, outer.outer
        code = _NULL if outer is None else self.of(outer)
        for item in self.items[-levels:]:
            code = self.call(runtime.item_member, _load(item), ast.Constant(expr.name), code)
        return code

    def on_Path(self, expr: ir.Path) -> ast.expr:
        return self.call(member, self.of(expr.base), ast.Constant(expr.name))

    def on_Negate(self, expr: ir.Negate) -> ast.expr:
        return self.call(operations.negate, self.of(expr.operand))

    def on_Binary(self, expr: ir.Binary) -> ast.expr:
        return self.call(_ARITHMETIC[expr.op], self.of(expr.left), self.of(expr.right))

    def on_Chain(self, expr: ir.Chain) -> ast.expr:
        functions = self.const(tuple(_ARITHMETIC[op] for op in expr.ops))
        return self.call(runtime.folded, functions, ast.List(self.all(expr.operands), ast.Load()))

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
        return _either(_is(self.type_of(first), _load(kind)), quick, self.call(slow, again, value))

    @staticmethod
    def type_of(code: ast.expr) -> ast.expr:
        return ast.Call(_load("type"), [code], [])

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
        if any("?" in ir.names_in(test) for test in expr.tests):
            return self.asked(expr)
        first, again = self.twice(expr.operand)
        if len(expr.tests) == 1:
            return self.tested(first, again, expr.tests[0])
        tests = [self.tested(first if index == 0 else again, again, test) for index, test in enumerate(expr.tests)]
        return self.call(operations.disjoin, ast.List(tests, ast.Load()))

    def asked(self, expr: ir.In) -> ast.expr:
        """Tests that read their operand as `?`."""
        operand, name = self.of(expr.operand), self.fresh("t")
        before = dict(self.bound)
        self.bound["?"] = name
        tests = [self.cell_test(_load(name), test) for test in expr.tests]
        self.bound = before
        tests[0] = ast.Subscript(
            ast.Tuple([ast.NamedExpr(ast.Name(name, ast.Store()), operand), tests[0]], ast.Load()),
            ast.Constant(1),
            ast.Load(),
        )
        return tests[0] if len(tests) == 1 else self.call(operations.disjoin, ast.List(tests, ast.Load()))

    def tested(self, first: ast.expr, again: ast.expr, test: ir.Expr) -> ast.expr:
        """Whether a value satisfies one unary test."""
        match test:
            case ir.Test(op, operand):
                return self.compared(op, first, again, operand)
            case ir.Range(None, ir.Expr() as high, _, closed):
                return self.compared("<=" if closed else "<", first, again, high)
            case ir.Range(ir.Expr() as low, None, closed, _):
                return self.compared(">=" if closed else ">", first, again, low)
            case ir.Range(ir.Number() as low, ir.Number() as high, low_closed, high_closed):
                ends = self.of(low), self.of(high)
                signs: list[ast.cmpop] = [ast.LtE() if low_closed else ast.Lt(), ast.LtE() if high_closed else ast.Lt()]
                quick = ast.Compare(ends[0], signs, [again, ends[1]])
                slow = self.call(operations.between, again, *ends, *map(ast.Constant, (low_closed, high_closed)))
                return _either(_is(self.type_of(first), _load("Decimal")), quick, slow)
            case ir.Range(ir.Expr() as low, ir.Expr() as high, low_closed, high_closed):
                flags = map(ast.Constant, (low_closed, high_closed))
                return self.call(operations.between, first, self.of(low), self.of(high), *flags)
            case ir.Number() | ir.Text():
                kind = "Decimal" if isinstance(test, ir.Number) else "str"
                value = self.of(test)
                quick = ast.Compare(again, [ast.Eq()], [value])
                return _either(
                    _is(self.type_of(first), _load(kind)), quick, self.call(operations.belongs, again, value)
                )
            case _:
                return self.call(operations.belongs, first, self.of(test))

    def on_Tests(self, expr: ir.Tests) -> ast.expr:
        if not expr.tests:
            return _TRUE
        value = _load(self.bound["?"])
        tests = [self.cell_test(value, test) for test in expr.tests]
        code = tests[0] if len(tests) == 1 else self.call(operations.disjoin, ast.List(tests, ast.Load()))
        return self.call(BUILTINS["not"].call, code) if expr.negated else code

    def cell_test(self, value: ast.expr, test: ir.Expr) -> ast.expr:
        if "?" in ir.names_in(test) and not isinstance(test, ir.Test):
            return self.call(runtime.input_test, value, self.of(test))
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
        for name, value in zip(map(normal, expr.names), expr.values, strict=True):
            local = self.fresh("t")
            if isinstance(value, ir.Lambda) and value.own:
                self.bound[name] = local
            values.append(ast.NamedExpr(ast.Name(local, ast.Store()), self.of(value)))
            self.bound[name] = local
        self.bound = before
        keys: list[ast.expr | None] = [ast.Constant(name) for name in expr.names]
        return ast.Dict(keys, list(values))

    def on_Filter(self, expr: ir.Filter) -> ast.expr:
        if isinstance(expr.condition, ir.Number):
            return self.call(runtime.indexed, self.of(expr.base), self.of(expr.condition))
        base, item, before = self.of(expr.base), self.fresh("b"), dict(self.bound)
        self.bound["item"] = item
        self.items.append(item)
        condition = self.of(expr.condition)
        self.items.pop()
        self.bound = before
        return self.call(runtime.filtered, base, ast.Lambda(_parameters([item]), condition))

    def on_Call(self, expr: ir.Call) -> ast.expr:
        builtin = BUILTINS[expr.function]
        arguments = self.all(expr.arguments)
        if expr.names:
            named = builtin.named(expr.names)
            if named is None:
                return _NULL
            function, positions = named
            placed = dict(zip(positions, arguments, strict=True))
            return self.call(function, *(placed.get(index, _NULL) for index in range(max(positions) + 1)))
        if not builtin.accepts(len(arguments)):
            return _NULL
        if expr.function in ("now", "today"):
            arguments = [_load("now")]
        return self.call(builtin.call, *arguments)

    def on_Invoke(self, expr: ir.Invoke) -> ast.expr:
        names = ast.Tuple([ast.Constant(name) for name in expr.names], ast.Load())
        return self.call(calls.invoked, self.of(expr.function), names, *self.all(expr.arguments))

    def on_Lambda(self, expr: ir.Lambda) -> ast.expr:
        given = dict(zip(expr.parameters, expr.types, strict=False))
        types: tuple[ir.Kind | None, ...] = expr.types
        parts = [self.const(part) for part in (expr.parameters, types, inferred(expr.body, given))]
        made = [self.const(expr)] if not ir.names_in(expr) else []
        return self.call(calls.function, parts[0], self.thunk(expr.parameters, expr.body), *parts[1:], *made)

    def on_External(self, expr: ir.External) -> ast.expr:
        mapping = self.of(expr.mapping)
        return self.call(calls.external_function, self.const(expr.parameters), mapping, self.const(expr.types))

    def on_For(self, expr: ir.For) -> ast.expr:
        looped = runtime.looped_keeping if keeps_partial(expr.body) else runtime.looped
        return self.call(
            looped, *self.sources(expr.names, expr.sources), self.thunk((*expr.names, "partial"), expr.body)
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
        return self.call(instance_of, self.of(expr.operand), self.const(expr.type))


def _parameters(names: list[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
