"""A definition with a fault: exit code 1, one line that names file, fault and what is allowed, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Tally = Callable[..., tuple[int, str, str]]
FAULTS: dict[str, tuple[str, str, str, str]] = {
    "an unknown label": ("models.toml", '"spend_7d"', '"spend_7dd"', r"models.toml:\d+: .*'spend_7dd'.*spend_7d\?"),
    "a target without stream": ("models.toml", "payments.fraud", "fraud", r"models.toml:\d+: .*'fraud'.*stream\.field"),
    "a target that is no field": (
        "models.toml",
        "payments.fraud",
        "payments.froud",
        r"models.toml:\d+: .*payments.froud.*payments.fraud",
    ),
    "a target of another stream": (
        "models.toml",
        "payments.fraud",
        "cards.fraud",
        r"models.toml:\d+: .*cards.fraud.*payments.fraud",
    ),
    "an unknown model in a flow": (
        "flows.toml",
        '"card_fraud"',
        '"card_froud"',
        "flows.toml, authorise: .*card_froud.*card_fraud",
    ),
    "an unknown decision in a flow": (
        "flows.toml",
        "#Authorisation",
        "#Authorization",
        "flows.toml, authorise: .*Authorization.*#Authorisation",
    ),
    "an unknown decision file": (
        "flows.toml",
        "authorisation.dmn#A",
        "authorization.dmn#A",
        "flows.toml, authorise: .*authorization.dmn.*authorisation.dmn",
    ),
    "an unknown stream in a flow": (
        "flows.toml",
        'stream = "payments"',
        'stream = "paymnts"',
        "flows.toml, authorise: .*'paymnts'.*payments",
    ),
    "a live window from no day": ("flows.toml", "2025-08-01", "2025-08-41", "flows.toml, authorise.live: .*2025-08-41"),
    "an unknown key of a flow": ("flows.toml", "flagged", "flaged", r"flows.toml:\d+, authorise.flaged: .*flagged"),
    "an unknown key of the settings": (
        "tallystick.toml",
        "currency",
        "curency",
        r"tallystick.toml:4, project.curency: .*currency",
    ),
    "an unknown clock": (
        "tallystick.toml",
        '"events"',
        '"sundial"',
        r"tallystick.toml:\d+, project.clock: .*sundial.*events",
    ),
    "an unknown time zone": (
        "tallystick.toml",
        "Europe/Berlin",
        "Europe/Berlim",
        r"tallystick.toml:\d+, project.time_zone: .*Europe/Berlim",
    ),
    "settings that are no TOML": ("tallystick.toml", "[project]", "[project", r"tallystick.toml:2:9: .*TOML"),
    "an unknown kind of field": ("sources.toml", '"money(EUR)"', '"monney(EUR)"', r"sources.toml.*monney\(EUR\)"),
    "a folder that no path names": ("sources.toml", '"sources/', '"{vault}/', "sources.toml.*'vault'"),
    "an unknown variable in a table": (
        "decisions/authorisation.dmn",
        "<text>score</text>",
        "<text>scoore</text>",
        "authorisation.dmn:.*Fraud band.*'scoore'.*score",
    ),
    "a table that is no XML": ("decisions/authorisation.dmn", "</definitions>", "", "authorisation.dmn:.*XML"),
    "labels that do not parse": ("labels.py", "payments = Events(", "payments = = Events(", r"labels.py:\d+: .*syntax"),
    "a key of reasons that is none": ("reasons.toml", 'language = "en"', 'langage = "en"', "reasons.toml.*langage"),
}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_clear_line(definitions: Path, tally: Tally, fault: str) -> None:
    """`tally check` refuses, says where, what and what is allowed, and writes nothing."""
    file, old, new, match = FAULTS[fault]
    edit(definitions / file, old, new)
    before = sorted(definitions.rglob("*"))
    english = tally("-p", definitions, "check")
    chinese = tally("--language", "zh", "-p", definitions, "check")
    for code, out, error in (english, chinese):
        assert (code, out) == (1, "")
        assert len(error.splitlines()) == 1
        assert "Traceback" not in error
    assert re.search(match, english[2])
    assert re.search(r"[\u4e00-\u9fff]", chinese[2])
    assert {path for path in definitions.rglob("*") if "__pycache__" not in path.parts} == set(before)


@pytest.mark.parametrize("file", ["sources.toml", "labels.py", "models.toml", "flows.toml", "reasons.toml"])
def test_a_missing_file_is_one_clear_line(definitions: Path, tally: Tally, file: str) -> None:
    """Nothing that names what the file held is blamed besides."""
    (definitions / file).unlink()
    code, _, error = tally("-p", definitions, "check")
    assert code == 1
    assert len(error.splitlines()) == 1
    assert file in error


def test_labels_that_name_each_other_are_refused(definitions: Path, tally: Tally) -> None:
    """The whole circle is shown."""
    with (definitions / "labels.py").open("a", encoding="utf-8") as file:
        file.write('\nfrom tallystick.labels import formula\nping = formula("pong + 1")\npong = formula("ping + 1")\n')
    for language in ("en", "zh"):
        code, _, error = tally("--language", language, "-p", definitions, "check")
        assert code == 1
        assert re.search(r"labels.py:\d+: .*ping → pong → ping", error)
        assert len(error.splitlines()) == 1


def test_a_decision_input_that_is_nothing_is_refused(definitions: Path, tally: Tally) -> None:
    """An input of the DMN file must be a label, a field of the event, score or pd; the nearest names are given."""
    path = definitions / "decisions/authorisation.dmn"
    text = path.read_text("utf-8").replace('name="new_device"', 'name="new_devise"')
    path.write_text(text.replace("<text>new_device</text>", "<text>new_devise</text>"), "utf-8")
    code, _, error = tally("-p", definitions, "check")
    assert code == 1
    assert re.search("flows.toml, authorise: .*'new_devise'.*new_device", error)


def test_all_faults_are_shown_together(definitions: Path, tally: Tally) -> None:
    """Three files, three faults, three lines."""
    edit(definitions / "sources.toml", '"money(EUR)"', '"monney(EUR)"')
    edit(definitions / "decisions/authorisation.dmn", "<text>score</text>", "<text>scoore</text>")
    edit(definitions / "reasons.toml", 'language = "en"', 'langage = "en"')
    code, _, error = tally("-p", definitions, "check")
    assert code == 1
    assert len(error.splitlines()) == 3


def test_a_sound_project_is_counted(definitions: Path, tally: Tally) -> None:
    """One line of counts."""
    code, out, error = tally("-p", definitions, "check")
    assert (code, error) == (0, "")
    assert re.search("1 sources, .* labels, 1 models, 3 decisions, 1 flows: no fault", out)
    assert tally("-p", definitions, "labels", "list")[0] == 0


@pytest.mark.parametrize("command", ["check", "load", "train", "decide", "replay", "run", "report", "prove x"])
def test_a_folder_that_is_no_project_is_bad_usage(tmp_path: Path, tally: Tally, command: str) -> None:
    """Exit code 2, the way to make one, and nothing written."""
    (tmp_path / "event.json").write_text("{}", "utf-8")
    words = [*command.split(), str(tmp_path / "event.json")] if command == "decide" else command.split()
    for language in ("en", "zh"):
        code, out, error = tally("--language", language, "-p", tmp_path, *words)
        assert (code, out) == (2, "")
        assert "tally init" in error
        assert len(error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["event.json"]


def test_init_makes_a_project_once(tmp_path: Path, tally: Tally) -> None:
    """A new folder is sound at once; into one that holds a project nothing is written."""
    folder = tmp_path / "my-bank"
    assert tally("init", folder)[0] == 0
    assert tally("-p", folder, "check")[0] == 0
    (folder / "flows.toml").write_text("# mine\n", "utf-8")
    for language in ("en", "zh"):
        code, out, error = tally("--language", language, "init", folder)
        assert (code, out) == (2, "")
        assert "my-bank" in error
    assert (folder / "flows.toml").read_text("utf-8") == "# mine\n"


@pytest.mark.parametrize("words", ["nonsense", "replay --from nowhere", "--language fr check", "verify", "prove"])
def test_a_wrong_command_is_bad_usage(tally: Tally, words: str) -> None:
    """Exit code 2 and the usage."""
    code, _, error = tally(*words.split())
    assert code == 2
    assert error.startswith("Usage: ")
