"""A log keeps its name and key; another log is told apart by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick import ledger
from tallystick.core import StateError
from tallystick.desk import check_log_settings, load_project, log_key, set_aside


def _say(bank: Path, table: str) -> None:
    path = bank / "tallystick.toml"
    text = re.split(r"\n\[(?:ledger|state)\]", path.read_text("utf-8"))[0]
    path.write_text(f"{text}\n[{table}\n", "utf-8")


@pytest.mark.parametrize(
    ("line", "code"), [('origin = "other.example/log"', "ledger.origin"), ('profile = "domestic"', "ledger.profile")]
)
def test_another_name_or_profile_is_seen_before_a_desk_opens(definitions: Path, line: str, code: str) -> None:
    """Nothing is compared where there is no log yet."""
    check_log_settings(load_project(definitions))
    log_key(load_project(definitions))
    check_log_settings(load_project(definitions))
    _say(definitions, f"ledger]\n{line}")
    with pytest.raises(StateError) as caught:
        check_log_settings(load_project(definitions))
    assert caught.value.code == code
    assert caught.value.place is not None
    assert caught.value.place.cell == code


def test_a_log_after_one_that_was_put_aside_has_another_name(definitions: Path) -> None:
    """One origin, one log, one key: what strangers hold of the first never looks like a fork of the second."""
    keys = []
    for _ in range(3):
        project = load_project(definitions)
        keys.append(ledger.Verifier(log_key(project)))
        assert ledger.Verifier(log_key(project)).vkey == keys[-1].vkey
        aside = set_aside(project)
        assert aside is not None
        assert (aside / "ledger/skey").is_file()
    names = [key.name for key in keys]
    assert names[0] == "tallystick.example/card-payments"
    assert all(name.startswith(names[0] + "/2") for name in names[1:])
    assert len(set(names)) == 3
    assert set_aside(load_project(definitions)) is None


def test_a_named_log_is_not_begun_again(definitions: Path) -> None:
    """The project says what its log is called: it must say another name first."""
    _say(definitions, 'ledger]\norigin = "bank.example/one"')
    project = load_project(definitions)
    key = log_key(project)
    with pytest.raises(StateError) as caught:
        set_aside(project)
    assert caught.value.code == "ledger.again"
    assert log_key(project) == key
    project.state.rename(project.state.with_name(".tallystick-20260101T000000Z"))
    with pytest.raises(StateError) as caught:
        log_key(project)
    assert caught.value.code == "ledger.again"
    _say(definitions, 'ledger]\norigin = "bank.example/two"')
    assert log_key(load_project(definitions)).startswith("bank.example/two+")
    assert set_aside(project) is not None


def test_a_journal_on_a_server_is_not_put_aside(definitions: Path) -> None:
    _say(definitions, 'state]\njournal = "postgresql://bank.example/journal"')
    project = load_project(definitions)
    project.state.mkdir()
    with pytest.raises(StateError) as caught:
        set_aside(project)
    assert caught.value.code == "fresh.server"
    assert project.state.is_dir()
