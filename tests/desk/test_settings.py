"""Mistakes in TOML files: every one at once, with line, key and what is allowed, whole in either language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.core import DefinitionErrors, StateError
from tallystick.desk.flows import read_flows
from tallystick.desk.retention import read_retention
from tallystick.desk.settings import read_settings

_GOOD = '[project]\nname = "bank"\n\n[ledger]\norigin = "bank.example/decisions"\n'
_ASCII_WORDS = re.compile(r"[A-Za-z]{4,}(?: [A-Za-z]{2,})+")


def faults(path: Path, text: str) -> list[tuple[int | None, str, str, str]]:
    """(line, cell, English, Chinese) of every fault of a tallystick.toml."""
    (path / "tallystick.toml").write_text(text, "utf-8")
    with pytest.raises(DefinitionErrors) as caught:
        read_settings(path)
    found = []
    for fault in caught.value.faults:
        assert fault.place is not None
        assert fault.place.file == str(path / "tallystick.toml")
        found.append((fault.place.line, fault.place.cell, fault.message.text("en"), fault.message.text("zh")))
    return found


@pytest.mark.parametrize(
    ("more", "line", "cell", "words"),
    [
        ('profle = "domestic"', 6, "ledger.profle", "profile"),
        ('profile = "chinese"', 6, "ledger.profile", '"international", "domestic"'),
        ("checkpoint = 10", 6, "ledger.checkpoint", "text in double quotes"),
        ('checkpoint = "soon"', 6, "ledger.checkpoint", "30d"),
        ('[state]\nfoldr = "x"', 7, "state.foldr", "folder"),
        ('[state]\nfolder = "x"\nsettled = "a while"', 8, "state.settled", "30d"),
        ("[state]\nfolder = true", 7, "state.folder", "text in double quotes"),
        ('[stat]\nfolder = "x"', 6, "stat", "state"),
        ("state = 3", 6, "ledger.state", "nearest: -"),
        ('[project.more]\nx = "1"', 6, "project.more", "currency"),
        ("policy", 6, "", "'policy'"),
        ('policy = "a', 6, "", "policy"),
        ('policy = "a"\npolicy = "b"', 7, "", "once"),
    ],
)
def test_a_mistake_is_shown_with_its_line(tmp_path: Path, more: str, line: int, cell: str, words: str) -> None:
    ((at, where, english, chinese),) = faults(tmp_path, _GOOD + more + "\n")
    assert (at, where) == (line, cell)
    assert words in english
    assert re.search("[\u4e00-\u9fff]", chinese)
    assert not _ASCII_WORDS.search(re.sub(r"""'[^']*'|"[^"]*\"""", "", chinese)), chinese


def test_all_mistakes_are_shown_at_once(tmp_path: Path) -> None:
    """Of every kind, in the order of their lines."""
    text = '[project]\ncurrency = "EURO"\nlanguage = "fr"\n[ledger]\norigin = "a b"\nx = 1\n[state]\nturn = "soon"\n'
    assert [(line, cell) for line, cell, _, _ in faults(tmp_path, text)] == [
        (1, "project.name"),
        (2, "project.currency"),
        (3, "project.language"),
        (5, "ledger.origin"),
        (6, "ledger.x"),
        (8, "state.turn"),
    ]
    (tmp_path / "tallystick.toml").write_text(_GOOD.replace("bank.example/decisions", ""), "utf-8")
    assert read_settings(tmp_path).ledger.origin == ""


def test_bytes_that_are_no_text_have_a_line(tmp_path: Path) -> None:
    (tmp_path / "tallystick.toml").write_bytes(b'[project]\nname = "\xff"\n')
    with pytest.raises(DefinitionErrors, match=r"tallystick\.toml:2: is not UTF-8"):
        read_settings(tmp_path)


def test_a_duty_that_is_none_is_shown_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "retention.toml"
    for text, spot in (
        ('keep = "five"', (2, "payments.keep")),
        ('keep = "5y"\n\n[paymnts]\nkeep = "5y"', (4, "paymnts")),
    ):
        path.write_text(f"[payments]\n{text}\n", "utf-8")
        with pytest.raises(DefinitionErrors) as caught:
            read_retention(path, ["payments"])
        assert [(fault.place.line, fault.place.cell) for fault in caught.value.faults if fault.place] == [spot]
    path.write_text('[payments]\nkeeps = "5y"\n', "utf-8")
    with pytest.raises(DefinitionErrors) as caught:
        read_retention(path, ["payments"])
    assert {fault.code for fault in caught.value.faults} == {"toml.key", "toml.missing"}


def test_a_flow_is_read_by_its_own_keys_only(tmp_path: Path) -> None:
    """`name` and `path` are the reader's, not the file's."""
    path = tmp_path / "flows.toml"
    path.write_text('[pay]\nstream = "s"\nmodel = "m"\ndecision = "d"\nname = "x"\n[pay.live]\nfrom = 1\n', "utf-8")
    with pytest.raises(DefinitionErrors) as caught:
        read_flows(path)
    assert [(fault.code, fault.place.line) for fault in caught.value.faults if fault.place] == [
        ("toml.key", 5),
        ("toml.value", 7),
    ]
    with pytest.raises(StateError, match="cannot be read"):
        read_flows(tmp_path / "none.toml")
