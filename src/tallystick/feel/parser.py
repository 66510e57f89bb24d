"""The grammar of FEEL (DMN 1.5, section 10.3), by recursive descent: control, operators and unary tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from tallystick.core import DefinitionError
from tallystick.feel import expr as ir
from tallystick.feel.cursor import DEPTH_MAX, Names, known
from tallystick.feel.literals import literal_in, single_test
from tallystick.feel.primaries import COMPARISONS, Primaries
from tallystick.feel.tokens import NUMBER, words_until
from tallystick.feel.words import WORDS

T = TypeVar("T", bound=ir.Expr)
_CLOSING = re.compile(
    r"\[\s*+(?:$|[)\],}=!<>*/+:]|\.(?!\d)|(?:and|or|then|else|return|satisfies|in|between|instance)\b)"
)
_NOT = re.compile(r"not\s*+\(")
_SPECIAL = frozenset(("if", "for", "some", "every"))
CHAIN_MAX = 5_000
"""The operators of one chain such as a + b - c."""
NESTED_MAX = 90
_OR, _AND, _COMPARISON, _SUM = 1, 2, 3, 4
_LEVELS = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys((*COMPARISONS, "between", "in"), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/"), _SUM + 1),
    "**": _SUM + 2,
}


def parse(
    text: str,
    names: Names,
    *,
    members: Collection[str] = (),
    types: Mapping[str, Any] | None = None,
    lenient: bool = False,
) -> ir.Expr:
    """Read one FEEL expression in the scope of `names`.

    Parameters
    ----------
    text
        The expression; names may hold spaces and `. / - ' + *`, the longest known name wins.
    names
        The outer names, or what `known` made of them; only a name of `FieldType("function")` or `FieldType("local")`
        hides the built-in function of that name.
    members, types, lenient
        As `known` takes them; not read where `names` are prepared.

    Raises
    ------
    DefinitionErrors
        All unknown names up to the first syntax fault, each with its line and column in `text`.

    Examples
    --------
    >>> parse("spend / 2", ["spend"])
    Binary(op='/', left=Name(name='spend'), right=Number(value=Decimal('2')))
    """
    literal = literal_in(text)
    if literal is not None:
        return literal
    parser = _Parser(text, known(names, members=members, types=types, lenient=lenient))
    return parser.whole(parser.expression)


def parse_tests(
    text: str,
    names: Names,
    *,
    members: Collection[str] = (),
    types: Mapping[str, Any] | None = None,
    lenient: bool = False,
) -> ir.Tests:
    """Read the unary tests of a decision-table cell, in which `?` is the input.

    Examples
    --------
    >>> parse_tests('"a", "b"', []).tests
    (Text(value='a'), Text(value='b'))
    """
    test = single_test(text)
    if test is not None:
        return ir.Tests((test,))
    parser = _Parser(text, known(names, members=members, types=types, lenient=lenient))
    parser.bind("?")
    return parser.whole(parser.unary_tests)


class _Parser(Primaries):
    def whole(self, rule: Callable[[], T]) -> T:
        """Apply `rule` to the whole text and raise every fault found."""
        node = rule()
        if self.at < len(self.text):
            self.fail("an operator or the end")
        self.faults.raise_any()
        if len(self.text) <= DEPTH_MAX:
            return node
        # A long chain such as 1 + 1 + ... is read in a loop, but whoever walks it goes as deep as it is long.
        level: list[ir.Expr] = [node]
        for _ in range(DEPTH_MAX):
            level = [child for parent in level for child in ir.children(parent)]
        if level:
            raise self.too_deep()
        return node

    def expression(self) -> ir.Expr:
        self.deeper()
        word = self.word()
        if word in _SPECIAL and self.longest() is None:
            node = self._if() if word == "if" else self._for() if word == "for" else self._quantified(word)
        else:
            node = self._climb(_OR)
        self.depth -= 1
        return node

    def unary_tests(self) -> ir.Tests:
        if self.text[self.at :].strip() in ("-", ""):
            self.at = len(self.text)
            return ir.Tests(())
        start = self.at
        negated = _NOT.match(self.text, start) if self.longest() is None else None
        if negated:
            self.move(negated.end())
            tests = self._list(self._test)
            if self.accept(")") and self.at == len(self.text):
                return ir.Tests(tests, True)
            # The word was only the beginning of an expression, such as not(a) and b.
            self.at = start
        return ir.Tests(self._list(self._test))

    def _list(self, rule: Callable[[], ir.Expr]) -> tuple[ir.Expr, ...]:
        items = [rule()]
        while self.accept(","):
            items.append(rule())
        return tuple(items)

    def _test(self) -> ir.Expr:
        op = self.accept(*COMPARISONS)
        return ir.Test(op, self._climb(_SUM)) if op else self.expression()

    def _if(self) -> ir.Expr:
        self.expect("if")
        condition = self.inside()
        self.expect("then")
        yes = self.inside()
        self.expect("else")
        return ir.If(condition, yes, self.expression())

    def _bindings(self) -> tuple[tuple[str, ...], tuple[ir.Expr, ...]]:
        names: list[str] = []
        sources: list[ir.Expr] = []
        while True:
            found = words_until(self.text, self.at, ("in",))
            if found is None:
                self.fail("a name and in")
            self.move(found[1] + len("in"))
            source = self.inside()
            if self.accept(".."):
                source = ir.Span(source, self.inside())
            sources.append(source)
            names.append(found[0])
            self.bind(found[0])
            if not self.accept(","):
                return tuple(names), tuple(sources)

    def _for(self) -> ir.Expr:
        self.expect("for")
        with self.scope():
            names, sources = self._bindings()
            self.bind("partial")
            self.expect("return")
            return ir.For(names, sources, self.expression())

    def _quantified(self, kind: str) -> ir.Expr:
        self.expect(kind)
        with self.scope():
            names, sources = self._bindings()
            self.expect("satisfies")
            return ir.Quantified(kind, names, sources, self.expression())

    def _climb(self, least: int) -> ir.Expr:
        """Operators of level `least` and above; all lean to the left, also `**`."""
        left = self._unary()
        for _ in range(DEPTH_MAX + 1):
            left = self._chain(left, max(least, _SUM))
            op = self.operator() or self.word()
            level = _LEVELS.get(op, 0)
            if level < least or not level:
                return left
            self.move(self.at + len(op))
            left = left if op in ("=", "!=") else self.operand(left)
            if level <= _AND:
                operands = [left, self.operand(self._climb(level + 1))]
                while self.accept(op):
                    operands.append(self.operand(self._climb(level + 1)))
                left = ir.Logic(op, tuple(operands))
            elif op == "between":
                low = self._climb(_SUM)
                self.expect("and")
                left = ir.Between(left, low, self._climb(_SUM))
            elif op == "in":
                with self.scope(("?",)):
                    left = ir.In(left, self._in_tests())
            else:
                right = self._climb(level + 1)
                left = ir.Compare(op, left, right if op in ("=", "!=") else self.operand(right))
        raise self.too_deep()

    def _chain(self, first: ir.Expr, least: int) -> ir.Expr:
        """Arithmetic of level `least` and above, from the left: nested where it is short, flat where it is long."""
        ops: list[str] = []
        operands = [first]
        while (op := self.operator()) and _LEVELS.get(op, 0) >= least:
            if len(ops) == CHAIN_MAX:
                raise DefinitionError(WORDS("feel.chain", allowed=CHAIN_MAX), self.place(self.at))
            if not ops:
                operands[0] = self.operand(first)
            self.move(self.at + len(op))
            ops.append(op)
            operands.append(self.operand(self._climb(_LEVELS[op] + 1)))
            # What binds less ends what binds more: a * b + c goes on with sums only, as a fold does.
            least = min(least, _LEVELS[op])
        if len(ops) > NESTED_MAX:
            return ir.Chain(tuple(ops), tuple(operands))
        node = operands[0]
        for op, operand in zip(ops, operands[1:], strict=True):
            node = ir.Binary(op, node, operand)
        return node

    def _in_tests(self) -> tuple[ir.Expr, ...]:
        if self.operator() != "(":
            op = self.accept(*COMPARISONS)
            return (ir.Test(op, self._climb(_SUM)) if op else self._climb(_SUM),)
        start = self.at
        self.move(self.at + 1)
        before, self.ending = self.ending, False
        tests = self._bracketed_tests()
        self.ending = before
        if len(tests) == 1 and self.operator() in ("[", ".", "("):
            # The brackets were only the beginning of the test: x in (a).b
            self.at = start
            return (self._climb(_SUM),)
        return tests

    def _bracketed_tests(self) -> tuple[ir.Expr, ...]:
        if self.accept(".."):
            return (self.range_end(None, False),)
        first = self._test()
        if self.accept(".."):
            return (self.range_end(first, False),)
        tests = [first]
        while self.accept(","):
            tests.append(self._test())
        self.expect(")")
        return tuple(tests)

    def _unary(self) -> ir.Expr:
        if self.accept("-"):
            if NUMBER.match(self.text, self.at):
                # The sign is a part of the literal, so -1 instance of number is true.
                return self._postfix(ir.Negate(self.primary()))
            self.deeper()
            node = ir.Negate(self.operand(self._unary()))
            self.depth -= 1
            return node
        return self._postfix(self.primary())

    def _postfix(self, node: ir.Expr) -> ir.Expr:
        for _ in range(DEPTH_MAX + 1):
            op = self.operator()
            if op == ".":
                self.move(self.at + 1)
                found = self.member()
                if found is None:
                    self.fail("the name of a member")
                self.move(found[1])
                node = ir.Path(self.operand(node), found[0])
            elif op == "[" and not (self.ending and _CLOSING.match(self.text, self.at)):
                self.move(self.at + 1)
                node = self._filter(node)
            elif op == "(":
                self.move(self.at + 1)
                arguments, names = self.arguments()
                node = ir.Invoke(node, arguments, names)
            elif self.word() == "instance":
                self.expect("instance")
                self.expect("of")
                node = ir.InstanceOf(node, self.type())
            else:
                return node
        raise self.too_deep()

    def _filter(self, base: ir.Expr) -> ir.Expr:
        self.filters += 1
        with self.scope():
            self.bind("item", filters=self.filters - 1)
            condition = self.inside()
        self.filters -= 1
        self.expect("]")
        return ir.Filter(base, condition)
