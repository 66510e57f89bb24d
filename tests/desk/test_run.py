"""`tally run`: each step once, resumable at any moment, nothing lost."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from tallystick.core import StateError
from tallystick.desk import (
    STEPS,
    check_log,
    forget_subject,
    last_run,
    load_project,
    replay_decisions,
    run_steps,
    set_aside,
    summary_document,
    summary_schema,
)
from tallystick.desk.evidence import read_journal

COUNTED = STEPS[:-1]


@pytest.fixture
def whole(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained bank with its source files."""
    shutil.copytree(trained, tmp_path / "bank")
    return tmp_path / "bank"


def notes(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((folder / ".tallystick/run").iterdir())}


def requests(folder: Path) -> list[str]:
    with read_journal(load_project(folder)) as journal:
        return [entry.request_id for entry in journal.read(kinds=("decision",))]


def test_a_second_run_does_nothing_again(whole: Path) -> None:
    """Only loading asks the files again, and verifying the bytes on disk; every other note is the same to the byte."""
    before, asked = notes(whole), requests(whole)
    first = last_run(load_project(whole))
    again = run_steps(load_project(whole), COUNTED)
    after = notes(whole)
    assert {step: after[step] for step in COUNTED[1:-1]} == {step: before[step] for step in COUNTED[1:-1]}
    assert requests(whole) == asked
    assert again.load == first.load
    assert msgspec.structs.replace(again, seconds={}) == msgspec.structs.replace(first, seconds={})
    assert not again.failed


@pytest.mark.parametrize("step", ["labels", "backtest", "decide"])
def test_a_lost_note_redoes_its_step_alone(whole: Path, step: str) -> None:
    """The step gives the same result; the other notes stay; no decision is taken twice."""
    before, asked = notes(whole), requests(whole)
    first = last_run(load_project(whole))
    (whole / f".tallystick/run/{step}.json").unlink()
    again = run_steps(load_project(whole), COUNTED)
    after = notes(whole)
    changed = {name for name in after if after[name] != before[name]} - {"load", "verify"}
    assert changed == {step}
    assert requests(whole) == asked
    assert again.verify is not None
    assert again.verify.holds
    if step != "decide":
        assert getattr(again, step) == getattr(first, step)
    else:
        assert again.decide is not None
        assert first.decide is not None
        assert again.decide.outcomes == first.decide.outcomes


DYING = """
import os, signal, sys
from pathlib import Path
from tallystick.desk import STEPS, house, load_project, run_steps
commit, done = house.Desk.commit, []
def dying(desk):
    entries = commit(desk)
    done.append(len(entries))
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return entries
house.Desk.commit = dying
from tallystick.desk import live_run
live_run.GROUP = 70
run_steps(load_project(Path(sys.argv[1])), STEPS[:-1])
"""


def test_a_run_killed_while_deciding_goes_on(whole: Path) -> None:
    """SIGKILL after 140 of 300 decisions: the next run takes the other 160, none twice, and every bit agrees."""
    asked = requests(whole)
    state = whole / ".tallystick"
    for name in ("journal", "ledger"):
        shutil.rmtree(state / name)
    for name in ("state.db", "keys.db", "run/decide.json", "run/verify.json"):
        (state / name).unlink()
    done = subprocess.run([sys.executable, "-c", DYING, str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert requests(whole) == asked[:140]
    run = run_steps(load_project(whole), COUNTED)
    assert requests(whole) == asked
    assert run.decide is not None
    assert sum(run.decide.outcomes.values()) == 300
    assert run.verify is not None
    assert (run.verify.history.decisions, run.verify.history.differing, run.verify.vector.differing) == (300, 0, 0)
    assert (run.verify.proofs, run.verify.proofs_failed) == (305, 0)


def test_a_run_goes_on_after_somebody_was_forgotten(whole: Path) -> None:
    """Her decisions are passed over; the others are answered again from the journal, and all proofs hold."""
    run_steps(load_project(whole), COUNTED)
    project = load_project(whole)
    with read_journal(project) as journal:
        first = next(journal.read(kinds=("decision",)))
    forget_subject(project, first.subject, "asked")
    run = run_steps(load_project(whole), COUNTED)
    assert run.decide is not None
    assert run.verify is not None
    answered, erased = sum(run.decide.outcomes.values()), run.verify.history.erased
    assert erased > 0
    assert answered + erased == 300
    assert (run.verify.history.differing, run.verify.vector.differing, run.verify.proofs_failed) == (0, 0, 0)


def test_fresh_puts_the_old_state_aside_and_loses_nothing(bank: Path) -> None:
    """Every file of the old state lies in the folder beside it; a second time makes a second folder."""
    project = load_project(bank)
    before = {p.relative_to(project.state): p.read_bytes() for p in project.state.rglob("*") if p.is_file()}
    aside = set_aside(project)
    assert aside is not None
    assert not project.state.exists()
    assert {p.relative_to(aside): p.read_bytes() for p in aside.rglob("*") if p.is_file()} == before
    assert set_aside(project) is None
    project.state.mkdir()
    other = set_aside(project)
    assert other not in (None, aside)
    with pytest.raises(StateError, match="tally run"):
        last_run(project)


def test_the_summary_follows_its_schema(bank: Path) -> None:
    """The summary of the run as JSON, its figures, and a schema that refuses another document."""
    project = load_project(bank)
    document = json.loads(json.dumps(summary_document(project, last_run(project))))
    schema = summary_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert sum(document["decisions"].values()) == 300
    assert (document["mismatches"], document["replay_differences"], document["proofs_failed"]) == (0, 0, 0)
    assert document["log_size"] == document["proofs_checked"] == 305
    assert document["rows_loaded"] > 40_000
    assert set(document["wall_seconds"]) == set(COUNTED)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "decisions": {"approve": "all"}}, schema)


def test_a_run_over_changed_decisions_is_done_again_from_there(whole: Path) -> None:
    """A new decision table changes backtest, not labels or training."""
    before = notes(whole)
    table = whole / "decisions/authorisation.dmn"
    table.write_text(table.read_text("utf-8").replace("&gt;= 5", "&gt;= 6", 1), "utf-8")
    run_steps(load_project(whole), STEPS[:4])
    after = notes(whole)
    assert {name for name in after if after[name] != before[name]} - {"load"} == {"backtest"}


def test_the_state_may_be_moved(bank: Path, tmp_path: Path) -> None:
    """Nothing in the state names its own place: a bank copied elsewhere runs on."""
    moved = tmp_path / "moved"
    bank.rename(moved)
    project = load_project(moved)
    with read_journal(project) as journal:
        assert check_log(project, journal).failed == 0
    assert replay_decisions(project, "history").differing == 0
