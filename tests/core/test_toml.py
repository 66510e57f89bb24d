"""TOML as records: what is sound is read, and every fault has its line, its key and what is allowed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from tallystick.core import DefinitionErrors, Message, Span
from tallystick.core.toml import TomlFile, keyed, parsed, read_toml


class Step(msgspec.Struct, frozen=True):
    to: int
    note: str = ""


class Limit(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    from_: int
    kind: Literal["card", "wire"] = "card"
    after: Annotated[str, parsed(Span.parse)] = "1d"
    names: str | tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    last: Step | None = None
    made: str = ""


Limits = dict[str, Limit]


def faults(text: str) -> list[tuple[str, int | None, str]]:
    """(code, line, cell) of every fault."""
    with pytest.raises(DefinitionErrors) as caught:
        read_toml(text.encode(), "limits.toml", Limits, filled=("made",))
    return [(fault.code, fault.place.line, fault.place.cell) for fault in caught.value.faults if fault.place]


def test_tables_become_records() -> None:
    """Also behind a mark of UTF-8 and with the line ends of Windows; tables in tables, and lists of them."""
    text = '[a]\r\nfrom = 1\r\nnames = "x"\r\n[a.last]\r\nto = 9\r\n[[b.steps]]\r\nto = 2\r\n[[b.steps]]\r\nto = 3\r\n'
    read = read_toml(b"\xef\xbb\xbf" + text.replace("[[b", "[b]\r\nfrom = 2\r\n[[b", 1).encode(), "", Limits)
    assert read == {"a": Limit(1, names="x", last=Step(9)), "b": Limit(2, steps=(Step(2), Step(3)))}
    assert read_toml(b"", "", Limits) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nfrom = 1\nkindd = 'card'", [("toml.key", 3, "a.kindd")]),
        ("[a]\nfrom = 1\nmade = 'x'", [("toml.key", 3, "a.made")]),
        ("\n[a]\nkind = 'card'", [("toml.missing", 2, "a.from")]),
        ("[a]\nfrom = 1.5", [("toml.value", 2, "a.from")]),
        ("[a]\nfrom = true", [("toml.value", 2, "a.from")]),
        ("[a]\nfrom = 1\nkind = 'cash'\nnames = 3", [("toml.value", 3, "a.kind"), ("toml.value", 4, "a.names")]),
        ("[a]\nfrom = 1\nafter = 'soon'", [("span.text", 3, "a.after")]),
        ("[a]\nfrom = 1\nlast = 3", [("toml.value", 3, "a.last")]),
        (
            "[a]\nfrom = 1\nsteps = [\n  { to = 1 },\n  { too = 1 }]",
            [("toml.key", 3, "a.steps[1].too"), ("toml.missing", 3, "a.steps[1].to")],
        ),
        ("a = 3", [("toml.value", 1, "a")]),
        ("[a]\nfrom = ", [("toml.syntax", 2, "")]),
    ],
)
def test_every_fault_has_its_line_and_key(text: str, expected: list[tuple[str, int, str]]) -> None:
    assert faults(text) == expected


def test_what_is_sound_is_read_beside_what_is_not() -> None:
    """A key at fault is left out; a table without a key that it needs is left out as a whole."""
    toml = TomlFile(b"[a]\nfrom = 1\nkind = 3\n[b]\nfrom = 'x'\n[c]\nfrom = 2\nsteps = [{}, {to = 5}]\n", "limits.toml")
    assert toml.read(Limits) == {"a": Limit(1), "c": Limit(2, steps=(Step(5),))}
    assert [toml.faulty("a"), toml.faulty("a", "kind"), toml.faulty("a", "from")] == [True, True, False]
    toml.fault(("a", "from"), Message("odd", "{n} is odd", "{n} 为奇数", {"n": 1}))
    with pytest.raises(DefinitionErrors) as caught:
        toml.raise_any()
    assert caught.value.text("zh").splitlines()[0] == "limits.toml:2, a.from: 1 为奇数"
    assert [fault.place.line for fault in caught.value.faults if fault.place] == [2, 3, 5, 8]


def test_marks_and_judges_add_what_types_do_not_say() -> None:
    class State(msgspec.Struct, frozen=True):
        state: Annotated[dict[str, str], keyed({"folder": None, "turn": Span.parse})] = {}

    good = read_toml(b"[state]\nfolder = 'x'\nturn = '3s'\n", "", State)
    assert good.state == {"folder": "x", "turn": "3s"}
    with pytest.raises(DefinitionErrors) as caught:
        read_toml(b"[state]\nturn = 'x'\nfoldr = 'x'\nfolder = 3\n", "s.toml", State)
    assert [fault.code for fault in caught.value.faults] == ["span.text", "toml.key", "toml.value"]

    def judge(name: str) -> Message | None:
        return None if name == "a" else Message("name", "{given} is none", "没有 {given}", {"given": name})

    with pytest.raises(DefinitionErrors, match=r"s.toml:3, b: b is none"):
        read_toml(b"[a]\nfrom = 1\n[b]\nfrom = 2\n", "s.toml", Limits, judge=judge)


def test_bytes_that_are_no_text_have_a_line() -> None:
    with pytest.raises(DefinitionErrors, match=r"s.toml:2: is not UTF-8 text"):
        TomlFile(b"[a]\nb = '\xff'\n", "s.toml")
