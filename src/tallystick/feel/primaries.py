"""The grammar of FEEL below its operators: literals, names, calls, brackets, contexts, functions, types."""

from __future__ import annotations

import re
from decimal import Overflow
from typing import TypeVar

from tallystick.feel import expr as ir
from tallystick.feel.cursor import Cursor, Known, asking
from tallystick.feel.expr import ContextOf, Declared, FunctionOf, Kind, ListOf, Plain, RangeOf
from tallystick.feel.functions import BUILTINS
from tallystick.feel.operations import NUMBERS
from tallystick.feel.temporal import literal
from tallystick.feel.tokens import (
    NUMBER,
    STRING,
    head,
    longest_by_head,
    longest_name,
    normal,
    unescape,
    words,
    words_until,
)
from tallystick.feel.types import PLAIN_NAMES

T = TypeVar("T")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_KEY = re.compile(r"([^\s\d:{}\[\]\",][^\s:{}\[\]\",]*+(?:\s++[^\s:{}\[\]\",]++)*+)\s*+:")
_CALLED = re.compile(r"\s*+\(")
_LITERALS: dict[str, ir.Expr] = {"true": ir.Flag(True), "false": ir.Flag(False), "null": ir.Null()}
_TEMPORAL = ("date", "time", "date and time", "duration")
_HEADS = longest_by_head(BUILTINS)


class Primaries(Cursor):
    """Reads what operators join; `expression` comes from the operators' side."""

    ending = False
    """Whether the end of a range is read, which an opening bracket may close."""

    def __init__(self, text: str, scope: Known) -> None:
        super().__init__(text, scope)
        self.functions: list[tuple[str, int]] = []

    def expression(self) -> ir.Expr:
        """Any expression."""
        raise NotImplementedError

    def operand(self, node: ir.Expr) -> ir.Expr:
        """The node, unless it is a built-in function where one always gives null: there its name is not known."""
        if isinstance(node, ir.BuiltinName):
            start = max(at for name, at in self.functions if name == node.name)
            if self.outer.lenient:
                return ir.Unknown(node.name)
            self.unknown(node.name, start)
        return node

    def inside(self) -> ir.Expr:
        """An expression within brackets of its own."""
        before, self.ending = self.ending, False
        node = self.expression()
        self.ending = before
        return node

    def primary(self) -> ir.Expr:
        """A literal, name, call, list, range, context, function or an expression in brackets."""
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
        if op == "?" and "?" in self:
            self.move(self.at + 1)
            return ir.Name("?")
        word = self.word()
        if word in _LITERALS and self.longest() is None:
            self.move(self.at + len(word))
            return _LITERALS[word]
        if word == "function" and self.longest() is None:
            return self._lambda("")
        return self._call_or_name()

    def _call_or_name(self) -> ir.Expr:
        count = _HEADS.get(head(self.text, self.at), 0)
        builtin = longest_name(self.text, self.at, BUILTINS, count) if count else None
        if builtin is None:
            return self.name()
        found = self.longest()
        name, end = builtin
        if found is not None and (found[1] > end or (found[1] == end and self._hides(name))):
            return self.name()
        called = _CALLED.match(self.text, end)
        if called:
            self.move(called.end())
            arguments, names = self.arguments()
            return self._folded(name, arguments) or ir.Call(name, arguments, names)
        member = self.member() if self.filters else None
        if found is None and (member is None or member[1] <= end):
            self.functions.append((name, self.at))
            self.move(end)
            return asking(name, ir.BuiltinName(name), self.filters)
        return self.name()

    def _hides(self, name: str) -> bool:
        return getattr(self.kind(name), "kind", "") in ("function", "local")

    @staticmethod
    def _folded(name: str, arguments: tuple[ir.Expr, ...]) -> ir.Expr | None:
        if name in _TEMPORAL and len(arguments) == 1 and isinstance(arguments[0], ir.Text):
            value = BUILTINS[name].call(arguments[0].value)
            return None if value is None else ir.Temporal(value)
        return None

    def arguments(self) -> tuple[tuple[ir.Expr, ...], tuple[str, ...]]:
        """The arguments of a call after its opening bracket, and their names where they are named."""
        arguments: list[ir.Expr] = []
        names: list[str] = []
        if self.accept(")"):
            return (), ()
        while True:
            named = words_until(self.text, self.at, ":") if names or not arguments else None
            if named is not None:
                names.append(named[0])
                self.move(named[1] + 1)
            elif names:
                self.fail("a named argument")
            arguments.append(self.inside())
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(arguments), tuple(names)

    def _at_literal(self) -> ir.Expr:
        self.expect("@")
        match = self.matched(STRING)
        if match is None:
            self.fail("a string")
        text = unescape(match[1])
        value = literal(text)
        return ir.Unreadable(text) if value is None else ir.Temporal(value)

    def _bracket(self, opening: str) -> ir.Expr:
        self.move(self.at + 1)
        if opening == "[" and self.accept("]"):
            return ir.Items(())
        if opening == "(" and (op := self.accept(*COMPARISONS)):
            return self._half_range(op)
        if opening != "[" and self.accept(".."):
            return self.range_end(None, False)
        first = self.inside()
        if self.accept(".."):
            return self.range_end(first, opening == "[")
        if opening == "(":
            self.expect(")")
            return first
        if opening == "]":
            self.fail("..")
        items = [first]
        while self.accept(","):
            items.append(self.inside())
        self.expect("]")
        return ir.Items(tuple(items))

    def range_end(self, low: ir.Expr | None, low_closed: bool) -> ir.Expr:
        """A range whose `..` was just read."""
        if low is not None and (self.accept(")") or self.accept("[")):
            return ir.Range(low, None, low_closed, False)
        before, self.ending = self.ending, True
        high = self.expression()
        self.ending = before
        closing = self.accept("]", ")", "[")
        if not closing:
            self.fail("] or ) at the end of the range")
        return ir.Range(low, high, low_closed, closing == "]")

    def _half_range(self, op: str) -> ir.Expr:
        end = self.inside()
        self.expect(")")
        if op in ("=", "!="):
            return ir.Range(end, end, op == "=", op == "=")
        closed = op.endswith("=")
        return ir.Range(None, end, False, closed) if op[0] == "<" else ir.Range(end, None, closed, False)

    def _context(self) -> ir.Expr:
        self.expect("{")
        names: list[str] = []
        values: list[ir.Expr] = []
        with self.scope():
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
                values.append(self._entry(normal(name)))
                names.append(name)
                self.bind(normal(name))
                self.learn(normal(name))
        return ir.Entries(tuple(names), tuple(values))

    def _entry(self, name: str) -> ir.Expr:
        """The value of a context's entry; a function sees itself under its key, unless that means something else."""
        if self.word() == "function" and self.longest() is None and name not in self and name not in BUILTINS:
            self.deeper()
            node = self._lambda(name)
            self.depth -= 1
            return node
        return self.inside()

    def _lambda(self, own: str) -> ir.Expr:
        self.expect("function")
        self.expect("(")
        names: list[str] = []
        kinds: list[Kind | None] = []
        while not self.accept(")"):
            if names:
                self.expect(",")
            found = words_until(self.text, self.at, (":", ",", ")"))
            if found is None:
                self.fail("a parameter")
            self.move(found[1])
            names.append(found[0])
            kinds.append(self.type() if self.accept(":") else None)
        types = tuple(kinds) if any(kinds) else ()
        if self.word() == "external" and "external" not in self:
            self.move(self.at + len("external"))
            if self.operator() != "{":
                self.fail("a context with java or pmml")
            return ir.External(tuple(names), self._context(), types)
        with self.scope((own, *names) if own else names):
            body = self.inside()
        recursive = own if own and own not in names and own in ir.names_in(body) else ""
        return ir.Lambda(tuple(names), body, types, recursive)

    def type(self) -> Kind:
        """A type; an unknown one becomes a fault, or a type that nothing is of where unknown names are allowed."""
        self.deeper()
        kind = self._type()
        self.depth -= 1
        return kind

    def _type(self) -> Kind:
        first, declared = head(self.text, self.at), self.outer.types
        count = self.outer.type_heads.get(first, 0)
        found = longest_name(self.text, self.at, {*PLAIN_NAMES, *declared}, count) if count else None
        if found is None:
            return self._undeclared()
        self.move(found[1])
        name = found[0]
        if name in declared:
            return Declared(name, declared[name])
        if name not in ("list", "range", "context", "function") or self.text[self.at : self.at + 1] != "<":
            return Plain(name)
        self.move(self.at + 1)
        if name in ("list", "range"):
            inner = self.type()
            self._close_type()
            return ListOf(inner) if name == "list" else RangeOf(inner)
        return self._context_type() if name == "context" else self._function_type()

    def _undeclared(self) -> Kind:
        start, run = self.at, words(self.text, self.at)
        if run is None:
            self.fail("a type: " + ", ".join((*PLAIN_NAMES, *sorted(self.outer.types)[:20])))
        parts = [run[0]]
        self.move(run[1])
        while self.operator() == "." and (part := words(self.text, self.at + 1)):
            parts.append(part[0])
            self.move(part[1])
        if not self.outer.lenient:
            self.at = start
            self.fail("a type: " + ", ".join((*PLAIN_NAMES, *sorted(self.outer.types)[:20])))
        return Declared(".".join(parts))

    def _context_type(self) -> Kind:
        names: list[str] = []
        kinds: list[Kind] = []
        while self.text[self.at : self.at + 1] != ">":
            if names:
                self.expect(",")
            found = words_until(self.text, self.at, ":")
            if found is None:
                self.fail("the name of a member and :")
            names.append(found[0])
            self.move(found[1] + 1)
            kinds.append(self.type())
            self.learn(found[0])
        self._close_type()
        return ContextOf(tuple(names), tuple(kinds))

    def _function_type(self) -> Kind:
        parameters: list[Kind] = []
        if self.text[self.at : self.at + 1] != ">":
            parameters.append(self.type())
            while self.accept(","):
                parameters.append(self.type())
        self._close_type()
        self.expect("->")
        return FunctionOf(tuple(parameters), self.type())

    def _close_type(self) -> None:
        if self.text[self.at : self.at + 1] != ">":
            self.fail(">")
        self.move(self.at + 1)
