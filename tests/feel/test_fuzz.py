"""Fuzzed expressions, cells and models: a value or a TallystickError, in bounded time and memory, and nothing else."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.feel import written
from tests.feel.oracle_values import plain

from tallystick import decisions, feel
from tallystick.core import TallystickError

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
BATCHES = 100 if SOAK else 3
BATCH = 300
NAMES = [name for several in written.NAMES.values() for name in several]
SCOPE = feel.known(NAMES, members=("two words",))
CPU_SECONDS_MAX = 20
GROWTH_KIB_MAX = 1_500_000
TOKENS = (
    *("(", ")", "[", "]", "{", "}", ",", ":", ".", "..", "+", "-", "*", "**", "/", "=", "!=", "<", ">=", '"', "@", "?"),
    *("not(", "in", "for i in ", "return", "some", "every", "satisfies", "if", "then", "else", "instance of", "null"),
    *("function(", "external", "date(", "sort(", "1e6144", "99999999999", "0", "-1", "item", "partial", "//", "/*"),
    *("__class__", ".__class__", ".__dict__", '"{0.__class__}"', '"%s"', '"$0\\\\1"', "__import__", "lambda", "self"),
    *("\\u0000", "\\", "\ud800", "\u202e", "\x00", "😀", "１", "é", "\n", "\t", "\u00a0", "`", "$", "#", ";"),
)
MODELS = sorted((Path(__file__).parents[2] / "examples").rglob("*.dmn"))


def mutated(text: str, rng: Random) -> str:
    """A text with one to six changes: a token in, a part out, twice, elsewhere, nested, or a character changed."""
    for _ in range(rng.randint(1, 6)):
        start = rng.randint(0, len(text))
        end = min(len(text), start + rng.randint(0, 12))
        part = text[start:end]
        change = rng.randint(0, 6)
        if change == 0:
            text = text[:start] + rng.choice(TOKENS) + text[start:]
        elif change == 1:
            text = text[:start] + text[end:]
        elif change == 2:
            text = text[:end] + part * rng.randint(1, 40) + text[end:]
        elif change == 3:
            place = rng.randint(0, len(text))
            text = text[:place] + part + text[place:]
        elif change == 4:
            depth = rng.choice((1, 30, 400))
            opening, closing = rng.choice((("(", ")"), ("[", "]"), ("{a:", "}"), ("-", ""), ("not(", ")")))
            text = text[:start] + opening * depth + part + closing * depth + text[end:]
        elif change == 5:
            text = text[:start] + chr(rng.choice((rng.randint(0, 127), rng.randint(0, 0x10FFFF)))) + text[start + 1 :]
        else:
            text = text[:start] + f" {rng.choice(TOKENS)} " + text[end:]
    return text


def bounded(act: Callable[[], Any], text: object) -> Any:
    """The value, or None where it is refused; any other exception, and more time or memory than allowed, fails."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    try:
        found = act()
    except TallystickError:
        found = None
    assert time.thread_time() - started < CPU_SECONDS_MAX, text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB_MAX, text
    return found


def run(text: str, values: dict[str, Any]) -> Any:
    expr = feel.parse(text, SCOPE)
    feel.spell(expr)
    return feel.compile_expr(expr)({name: values[name] for name in feel.names_in(expr)})


def holds(text: str, values: dict[str, Any]) -> bool | None:
    tests = feel.parse_tests(text, SCOPE)
    return feel.compile_tests(tests)(values["a"], {name: values[name] for name in feel.names_in(tests) - {"?"}})


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_mutated_expression_gives_a_value_or_is_refused(batch: int) -> None:
    """300 expressions and cells a batch, 30,000 in the soak; what comes out is a FEEL value and no Python object."""
    for number in range(BATCH):
        rng = Random(batch * BATCH + number)
        values = written.values(rng)
        text = mutated(written.Writer(rng).expression(rng.randint(0, 3)), rng)
        found = bounded(lambda text=text, values=values: run(text, values), text)  # type: ignore[misc]
        plain(found)
        held = bounded(lambda text=text, values=values: holds(text, values), text)  # type: ignore[misc]
        assert held is None or isinstance(held, bool), text


@pytest.mark.parametrize(
    "text",
    [
        *('c.__class__', 's.__len__', 'abs.__globals__', '(function(v) v).call', '{}.keys', '[].append', 's.format'),
        *('d.strftime', 'm.tzinfo', 'u.total_seconds', 'r.low_closed', 'y.__struct_fields__', 'c.items', 'm.replace'),
        *('get value(c, "__class__")', 'cs.__class__', 'xs[__class__ != null]', 'cs[keys != null]', '[c].__doc__'),
        *('t.utcoffset', 'a.as_tuple', 'a.real', 'p.numerator', '(1).__class__', '"a".upper', '@"P1D".days.__class__'),
    ],
)  # fmt: skip
def test_no_expression_reaches_a_python_attribute(text: str) -> None:
    """An unknown property is null or is refused as an unknown name; a list gives a null for each item."""
    values = written.values(Random(1))
    found = bounded(lambda: run(text, values), text)
    assert found is None or (isinstance(found, list) and all(item is None for item in found)), text


@pytest.mark.parametrize("text", ['"{0.__class__}" + s', 'replace(s, "a", "{0.__class__}%s")', 'string("%(a)s")'])
def test_texts_are_not_formats(text: str) -> None:
    found = run(text, {**written.values(Random(1)), "s": "xay"})
    assert found in ("{0.__class__}xay", "x{0.__class__}%sy", "%(a)s")


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_mutated_model_is_read_whole_or_refused(batch: int, tmp_path: Path) -> None:
    """50 files a batch, 5,000 in the soak: bytes, tokens and tags of a model changed."""
    path = tmp_path / "model.dmn"
    for number in range(50):
        rng = Random(batch * 50 + number)
        content = rng.choice(MODELS).read_bytes()
        if rng.random() < 0.5:
            content = mutated(content.decode(), rng).encode("utf-8", "surrogatepass")
        else:
            for _ in range(rng.randint(1, 8)):
                at = rng.randrange(len(content))
                piece = rng.choice(
                    (b"", bytes([rng.randrange(256)]), b"<", b"&", b"]]>", b"<a>" * rng.choice((1, 500)))
                )
                content = content[:at] + piece + content[at + rng.randint(0, 20) :]
        path.write_bytes(content)
        model = bounded(lambda: decisions.load(path), content)
        assert model is None or isinstance(model, decisions.Model)
