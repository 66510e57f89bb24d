"""The grammar of FEEL (DMN 1.5, section 10.3), by recursive descent."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Overflow
from typing import TypeVar

from tallystick.core import FieldType
from tallystick.feel import expr as ir
from tallystick.feel.cursor import DEPTH_MAX, Cursor, Names
from tallystick.feel.functions import BUILTINS
from tallystick.feel.operations import NUMBERS
from tallystick.feel.temporal import literal
from tallystick.feel.tokens import NUMBER, STRING, normal, unescape

T = TypeVar("T", bound=ir.Expr)
_BOUND = re.compile(r"([^\W\d](?:[\w ./\-'’+*]*?\w)?)\s+in\b")
_ARGUMENT = re.compile(r"([^\W\d][\w ']*?)\s*:")
_PARAMETER = re.compile(r"([^\W\d][\w ]*?)\s*(?::\s*[\w ]+?\s*)?(?=[,)])")
_KEY = re.compile(r"([^\s\d:{}\[\]\",][^:{}\[\]\",]*?)\s*:")
_TYPE = re.compile(
    r"number|string|boolean|date and time|date|time|days and time duration|years and months duration"
    r"|list(?:\s*<\s*[\w ]+\s*>)?|context|function|range(?:\s*<\s*[\w ]+\s*>)?|Any|Null"
)
_CLOSING = re.compile(r"\[\s*(?:$|[)\],}]|\.(?!\d)|(?:and|or|then|else|return|satisfies|in)\b)")
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_OR, _AND, _COMPARISON, _SUM = 1, 2, 3, 4
_LEVELS = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys((*_COMPARISONS, "between", "in"), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/"), _SUM + 1),
    "**": _SUM + 2,
}
_LITERALS: dict[str, ir.Expr] = {"true": ir.Flag(True), "false": ir.Flag(False), "null": ir.Null()}
_TEMPORAL = ("date", "time", "date and time", "duration")


def parse(text: str, names: Names, *, members: Collection[str] = ()) -> ir.Expr:
    """Read one FEEL expression in the scope of `names`.

    Parameters
    ----------
    text
        The expression; names may hold spaces and `. / - ' + *`, the longest known name wins.
    names
        The outer names; only a name of `FieldType("function")` hides the built-in function of that name.
    members
        Names of members of contexts that hold spaces, so that they are read whole after a dot.

    Raises
    ------
    DefinitionErrors
        All unknown names up to the first syntax fault, each with its line and column in `text`.

    Examples
    --------
    >>> parse("spend / 2", ["spend"])
    Binary(op='/', left=Name(name='spend'), right=Number(value=Decimal('2')))
    """
    parser = _Parser(text, names, members)
    return parser.whole(parser.expression)


def parse_tests(text: str, names: Names, *, members: Collection[str] = ()) -> ir.Tests:
    """Read the unary tests of a decision-table cell, in which `?` is the input.

    Examples
    --------
    >>> parse_tests('"a", "b"', []).tests
    (Text(value='a'), Text(value='b'))
    """
    parser = _Parser(text, names, members)
    parser.scopes.append({"?": None})
    return parser.whole(parser.unary_tests)


class _Parser(Cursor):
    def whole(self, rule: Callable[[], T]) -> T:
        """Apply `rule` to the whole text and raise every fault found."""
        node = rule()
        if self.at < len(self.text):
            self.fail("an operator or the end")
        self.faults.raise_any()
        # A long chain such as 1 + 1 + ... is read in a loop, but whoever walks it goes as deep as it is long.
        level: list[ir.Expr] = [node]
        for _ in range(DEPTH_MAX):
            level = [child for parent in level for child in ir.children(parent)]
        if level:
            raise self.too_deep()
        return node

    def expression(self) -> ir.Expr:
        with self.nested():
            special = {"if": self._if, "for": self._for, "some": self._quantified, "every": self._quantified}
            rule = special.get(self.word())
            if rule is None or self.longest(self.known()) is not None:
                return self._climb(_OR)
            return rule()

    def unary_tests(self) -> ir.Tests:
        if self.text[self.at :].strip() in ("-", ""):
            self.at = len(self.text)
            return ir.Tests(())
        negated = self.word() == "not" and re.compile(r"not\s*\(").match(self.text, self.at)
        if negated:
            self.move(negated.end())
            tests = self._list(self._test)
            self.expect(")")
            return ir.Tests(tests, True)
        return ir.Tests(self._list(self._test))

    def _list(self, rule: Callable[[], ir.Expr]) -> tuple[ir.Expr, ...]:
        items = [rule()]
        while self.accept(","):
            items.append(rule())
        return tuple(items)

    def _test(self) -> ir.Expr:
        op = self.accept(*_COMPARISONS)
        return ir.Test(op, self._sum()) if op else self.expression()

    def _if(self) -> ir.Expr:
        self.expect("if")
        condition = self.expression()
        self.expect("then")
        yes = self.expression()
        self.expect("else")
        return ir.If(condition, yes, self.expression())

    def _bindings(self) -> tuple[tuple[str, ...], tuple[ir.Expr, ...]]:
        names: list[str] = []
        sources: list[ir.Expr] = []
        frame = self.scopes[-1]
        while True:
            match = _BOUND.match(self.text, self.at)
            if match is None:
                self.fail("a name and in")
            self.move(match.end())
            source = self.expression()
            if self.accept(".."):
                source = ir.Span(source, self.expression())
            sources.append(source)
            names.append(normal(match[1]))
            frame[names[-1]] = FieldType("local")
            if not self.accept(","):
                return tuple(names), tuple(sources)

    def _for(self) -> ir.Expr:
        self.expect("for")
        with self.scope(()) as frame:
            names, sources = self._bindings()
            frame["partial"] = FieldType("local")
            self.expect("return")
            return ir.For(names, sources, self.expression())

    def _quantified(self) -> ir.Expr:
        kind = self.accept("some", "every")
        with self.scope(()):
            names, sources = self._bindings()
            self.expect("satisfies")
            return ir.Quantified(kind, names, sources, self.expression())

    def _infix(self) -> tuple[str, int]:
        """The infix operator here and its level, or level 0."""
        for found in (self.operator(), self.word()):
            if found in _LEVELS:
                return found, _LEVELS[found]
        return "", 0

    def _climb(self, least: int) -> ir.Expr:
        """Operators of level `least` and above; all lean to the left, also `**`."""
        left = self._unary()
        while True:
            op, level = self._infix()
            if level < least:
                return left
            self.accept(op)
            if level <= _AND:
                operands = [left, self._climb(level + 1)]
                while self.accept(op):
                    operands.append(self._climb(level + 1))
                left = ir.Logic(op, tuple(operands))
            elif op == "between":
                low = self._sum()
                self.expect("and")
                left = ir.Between(left, low, self._sum())
            elif op == "in":
                left = ir.In(left, self._in_tests())
            else:
                right = self._climb(level + 1)
                left = ir.Compare(op, left, right) if level == _COMPARISON else ir.Binary(op, left, right)

    def _in_tests(self) -> tuple[ir.Expr, ...]:
        if self.operator() != "(":
            op = self.accept(*_COMPARISONS)
            return (ir.Test(op, self._sum()) if op else self._sum(),)
        self.expect("(")
        first = self._test()
        if self.accept(".."):
            return (self._range_end(first, False),)
        tests = [first]
        while self.accept(","):
            tests.append(self._test())
        self.expect(")")
        return tuple(tests)

    def _sum(self) -> ir.Expr:
        return self._climb(_SUM)

    def _unary(self) -> ir.Expr:
        if self.accept("-"):
            with self.nested():
                return ir.Negate(self._unary())
        return self._postfix(self._primary())

    def _postfix(self, node: ir.Expr) -> ir.Expr:
        while True:
            op = self.operator()
            if op == ".":
                self.move(self.at + 1)
                node = ir.Path(node, self._member())
            elif op == "[" and not _CLOSING.match(self.text, self.at):
                self.move(self.at + 1)
                node = self._filter(node)
            elif op == "(":
                self.move(self.at + 1)
                arguments, names = self._arguments()
                node = ir.Invoke(node, arguments, names)
            elif self.word() == "instance":
                self.accept("instance")
                self.expect("of")
                match = self.matched(_TYPE)
                if match is None:
                    self.fail("number, string, boolean, date, time, date and time, a duration, list, context, function")
                node = ir.InstanceOf(node, " ".join(match[0].split()))
            else:
                return node

    def _member(self) -> str:
        found = self.longest(self.members)
        word = self.word()
        if found is None and not word:
            self.fail("the name of a member")
        name, end = found or (word, self.at + len(word))
        self.move(end)
        return name

    def _filter(self, base: ir.Expr) -> ir.Expr:
        self.filters += 1
        with self.scope(("item",)):
            condition = self.expression()
        self.filters -= 1
        self.expect("]")
        return ir.Filter(base, condition)

    def _arguments(self) -> tuple[tuple[ir.Expr, ...], tuple[str, ...]]:
        arguments: list[ir.Expr] = []
        names: list[str] = []
        if self.accept(")"):
            return (), ()
        while True:
            match = self.matched(_ARGUMENT) if names or not arguments else None
            if match is not None:
                names.append(" ".join(match[1].split()))
            elif names:
                self.fail("a named argument")
            arguments.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(arguments), tuple(names)

    def _primary(self) -> ir.Expr:
        if match := self.matched(NUMBER):
            try:
                return ir.Number(NUMBERS.create_decimal(match[0]))
            except Overflow:
                self.at = match.start()
                self.fail("a number below 10^6145")
        if match := self.matched(STRING):
            return ir.Text(unescape(match[1]))
        op = self.operator()
        if op in ("(", "[", "]"):
            return self._bracket(op)
        if op == "{":
            return self._context()
        if op == "@":
            return self._at_literal()
        if op == "?" and "?" in self.scopes[-1] | self.scopes[1 if len(self.scopes) > 1 else 0]:
            self.move(self.at + 1)
            return ir.Name("?")
        word = self.word()
        if word in _LITERALS and self.longest(self.known()) is None:
            self.move(self.at + len(word))
            return _LITERALS[word]
        if word == "function":
            return self._lambda()
        return self._call_or_name()

    def _call_or_name(self) -> ir.Expr:
        known = self.known()
        found = self.longest({*known, *BUILTINS})
        if found is not None and found[0] in BUILTINS:
            name, end = found
            kind = known.get(name)
            called = re.compile(r"\s*\(").match(self.text, end)
            if called and (kind is None or kind.kind not in ("function", "local")):
                self.move(called.end())
                arguments, names = self._arguments()
                return self._folded(name, arguments) or ir.Call(name, arguments, names)
        return self.name()

    @staticmethod
    def _folded(name: str, arguments: tuple[ir.Expr, ...]) -> ir.Expr | None:
        if name in _TEMPORAL and len(arguments) == 1 and isinstance(arguments[0], ir.Text):
            value = BUILTINS[name].call(arguments[0].value)
            return None if value is None else ir.Temporal(value)
        return None

    def _at_literal(self) -> ir.Expr:
        self.expect("@")
        match = self.matched(STRING)
        if match is None:
            self.fail("a string")
        value = literal(unescape(match[1]))
        return ir.Null() if value is None else ir.Temporal(value)

    def _bracket(self, opening: str) -> ir.Expr:
        self.move(self.at + 1)
        if opening == "[" and self.accept("]"):
            return ir.Items(())
        if opening == "(" and (op := self.accept(*_COMPARISONS)):
            return self._half_range(op)
        first = self.expression()
        if self.accept(".."):
            return self._range_end(first, opening == "[")
        if opening == "(":
            self.expect(")")
            return first
        if opening == "]":
            self.fail("..")
        items = [first]
        while self.accept(","):
            items.append(self.expression())
        self.expect("]")
        return ir.Items(tuple(items))

    def _range_end(self, low: ir.Expr, low_closed: bool) -> ir.Expr:
        high = self.expression()
        closing = self.accept("]", ")", "[")
        if not closing:
            self.fail("] or ) at the end of the range")
        return ir.Range(low, high, low_closed, closing == "]")

    def _half_range(self, op: str) -> ir.Expr:
        end = self.expression()
        self.expect(")")
        if op == "=":
            return ir.Range(end, end, True, True)
        if op == "!=":
            self.fail("<, <=, > or >=")
        closed = op.endswith("=")
        return ir.Range(None, end, False, closed) if op[0] == "<" else ir.Range(end, None, closed, False)

    def _context(self) -> ir.Expr:
        self.expect("{")
        names: list[str] = []
        values: list[ir.Expr] = []
        with self.scope(()) as frame:
            while not self.accept("}"):
                if names:
                    self.expect(",")
                match = STRING.match(self.text, self.at) or _KEY.match(self.text, self.at)
                if match is None:
                    self.fail("a key and :")
                quoted = match.re is STRING
                self.move(match.end())
                if quoted:
                    self.expect(":")
                name = unescape(match[1]) if quoted else normal(match[1])
                values.append(self.expression())
                names.append(name)
                frame[normal(name)] = FieldType("local")
                self.members.add(normal(name))
        return ir.Entries(tuple(names), tuple(values))

    def _lambda(self) -> ir.Expr:
        self.expect("function")
        self.expect("(")
        names: list[str] = []
        while not self.accept(")"):
            if names:
                self.expect(",")
            match = self.matched(_PARAMETER)
            if match is None:
                self.fail("a parameter")
            names.append(normal(match[1]))
        with self.scope(names):
            return ir.Lambda(tuple(names), self.expression())
