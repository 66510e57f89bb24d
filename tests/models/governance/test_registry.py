"""The life of a version: stored, validated, approved, champion, challenger, retired; and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.models.governance.conftest import DAY, carded

from tallystick.core import InputError, StateError, TallystickError, TamperError
from tallystick.models import Governance, Model, Registry, save
from tallystick.models.governance import person, standing
from tallystick.models.governance.registry import stricter

TWO: dict[str, Any] = {"owner": "Olga", "developers": ["Dev"], "approvals": 2, "expires": "100d"}


def test_gates_alone_promote_where_no_approval_is_asked(registry: Registry, card_model: Model) -> None:
    """The next version that passes takes over; one that fails is a candidate; training one again changes nothing."""
    first, second, failing = (carded(card_model, seed, seed < 3) for seed in (1, 2, 3))
    assert registry.admit(first, at=1).status == "champion"
    assert registry.admit(second, at=2).status == "champion"
    assert registry.admit(failing, at=3).status == "candidate"
    assert registry.champion("risk") == second.version
    assert registry.entry("risk", first.version).standing.status == "candidate"
    steps = len(registry.history.events())
    assert registry.admit(second, at=4).status == "champion"
    assert len(registry.history.events()) == steps
    assert registry.load("risk").version == second.version
    assert sorted(registry.versions("risk")) == sorted([first.version, second.version, failing.version])
    with pytest.raises(StateError, match="failed its gates: auc_min"):
        registry.promote("risk", failing.version, by="Ann", at=5)


def test_two_people_must_approve(registry: Registry, card_model: Model) -> None:
    """Each on a report, neither owner nor developer, nobody twice under another spelling; only then it is promoted."""
    model = carded(card_model, 1, **TWO)
    name, version = "risk", model.version
    stands = registry.admit(model, at=1)
    assert (stands.status, stands.missing) == ("candidate", 2)
    with pytest.raises(StateError, match=f"no champion yet.*stored: {version[:12]}"):
        registry.resolve(name)
    with pytest.raises(StateError, match="approvals missing: 2; approved by: -"):
        registry.promote(name, version, by="Ann", at=2)
    with pytest.raises(StateError, match="stands on a validation report"):
        registry.approve(name, version, by="Ann", at=2)
    registry.validated(name, version, at=3, report="ab" * 32, passed=True)
    for who in ("Olga", " OLGA ", "dev"):
        with pytest.raises(InputError, match="owns or developed"):
            registry.approve(name, version, by=who, at=4)
    with pytest.raises(InputError, match="needs the name"):
        registry.approve(name, version, by="  ", at=4)
    stands = registry.approve(name, version, by="Ann", at=4, comment="read it")
    assert (stands.status, stands.missing) == ("candidate", 1)
    assert (stands.approvals[0].report, stands.approvals[0].comment) == ("ab" * 32, "read it")
    for who in ("Ann", "ann ", "Ａnn", "A\u200bnn", "Ann.", "Ánn", "A\u0301nn"):
        with pytest.raises(InputError, match="another person must"):
            registry.approve(name, version, by=who, at=5)
    with pytest.raises(StateError, match="approvals missing: 1; approved by: Ann"):
        registry.promote(name, version, by="Ann", at=5)
    assert registry.approve(name, version, by="Bo", at=6).status == "approved"
    assert registry.promote(name, version, by="Cy", at=7, comment="go").status == "champion"
    assert registry.champion(name) == version


def test_an_approval_in_spite_of_a_failed_validation_says_why(registry: Registry, card_model: Model) -> None:
    """Without a comment it is refused, on another report too; a later validation that passes lifts that."""
    model = carded(card_model, 1, **TWO)
    name, version = "risk", model.version
    registry.admit(model, at=1)
    registry.validated(name, version, at=2, report="ab" * 32, passed=False)
    for report in ("", "cd" * 32):
        with pytest.raises(StateError, match="found a fault"):
            registry.approve(name, version, by="Ann", at=3, comment=" ", report=report)
    assert registry.approve(name, version, by="Ann", at=3, comment="drift of one label, watched").missing == 1
    registry.validated(name, version, at=4, report="ef" * 32, passed=True)
    assert registry.approve(name, version, by="Bo", at=5).status == "approved"


def test_a_damaged_file_does_not_hide_the_others(registry: Registry, card_model: Model) -> None:
    """It is listed by its history, and opening it says what differs."""
    first, second = carded(card_model, 1), carded(card_model, 2)
    registry.admit(first, at=1)
    registry.admit(second, at=2)
    path = registry.path("risk", second.version)
    path.write_bytes(path.read_bytes().replace(b"risk", b"rusk"))
    found = {entry.version: entry for entry in registry.entries()}
    assert {version: entry.damaged for version, entry in found.items()} == {first.version: False, second.version: True}
    assert found[second.version].standing.status == "champion"
    with pytest.raises(TamperError):
        registry.load("risk")


def test_only_those_called_to_it_approve(registry: Registry, card_model: Model) -> None:
    """A list of approvers is the whole list."""
    model = carded(card_model, 1, approvals=1, approvers=["Ann"])
    registry.admit(model, at=1)
    with pytest.raises(InputError, match="allowed: Ann"):
        registry.approve("risk", model.version, by="Bo", at=2, report="ab" * 32)
    assert registry.approve("risk", model.version, by="ANN", at=2, report="ab" * 32).status == "approved"


def test_what_expired_is_not_promoted_and_may_be_renewed(registry: Registry, card_model: Model) -> None:
    """The older of two approvals counts; a second round by the same people renews."""
    model = carded(card_model, 1, **TWO)
    name, version = "risk", model.version
    registry.admit(model, at=0)
    registry.approve(name, version, by="Ann", at=1 * DAY, report="ab" * 32)
    stands = registry.approve(name, version, by="Bo", at=50 * DAY, report="ab" * 32)
    assert stands.expires_at == 101 * DAY
    assert not stands.expired(101 * DAY - 1)
    assert stands.expired(101 * DAY)
    with pytest.raises(StateError, match="has expired"):
        registry.promote(name, version, by="Cy", at=101 * DAY)
    for who in ("Ann", "Dora"):
        with pytest.raises(StateError, match="on this report have expired"):
            registry.approve(name, version, by=who, at=102 * DAY, report="ab" * 32)
    assert registry.approve(name, version, by="Ann", at=102 * DAY, report="cd" * 32).expires_at == 150 * DAY
    assert registry.promote(name, version, by="Cy", at=103 * DAY).status == "champion"


@pytest.mark.parametrize("when_expired", ["serve", "refuse"])
def test_an_expired_champion_serves_where_its_rules_let_it(
    registry: Registry, card_model: Model, when_expired: str
) -> None:
    """It is opened for replay in any case."""
    model = carded(card_model, 1, expires="10d", when_expired=when_expired)
    registry.admit(model, at=0)
    assert registry.serving("risk", 9 * DAY).version == model.version
    if when_expired == "refuse":
        with pytest.raises(StateError, match="refuses to serve"):
            registry.serving("risk", 10 * DAY)
    else:
        assert registry.serving("risk", 10 * DAY).version == model.version
    assert registry.load("risk").version == model.version


def test_the_retired_never_come_back(registry: Registry, card_model: Model) -> None:
    """Not by promotion, approval or training; the place is empty, and replay still opens the file."""
    model = carded(card_model, 1)
    name, version = "risk", model.version
    registry.admit(model, at=1)
    for by, comment in (("", "drift"), ("Ann", " ")):
        with pytest.raises(InputError, match="needs the name of who decides it and a comment"):
            registry.retire(name, version, by=by, at=2, comment=comment)
    assert registry.retire(name, version, by="Ann", at=2, comment="drift").status == "retired"
    assert registry.champion(name) is None
    with pytest.raises(StateError, match="no champion"):
        registry.load(name)
    steps: list[Any] = [
        lambda: registry.promote(name, version, by="Ann", at=3),
        lambda: registry.challenge(name, version, by="Ann", at=3),
        lambda: registry.approve(name, version, by="Ann", at=3, report="ab" * 32),
        lambda: registry.retire(name, version, by="Ann", at=3, comment="again"),
    ]
    for step in steps:
        with pytest.raises(StateError, match="is retired"):
            step()
    assert registry.admit(model, at=4).status == "retired"
    assert registry.load(name, version).version == version


def test_training_does_not_undo_what_a_person_chose(registry: Registry, card_model: Model) -> None:
    """A person went back to the first version: training the second again leaves it so; a third is promoted."""
    first, second, third = (carded(card_model, seed) for seed in (1, 2, 3))
    for at, model in enumerate((first, second)):
        registry.admit(model, at=at)
    registry.promote("risk", first.version, by="Ann", at=5, comment="second drifts")
    registry.admit(second, at=6)
    assert registry.champion("risk") == first.version
    registry.admit(third, at=7)
    assert registry.champion("risk") == third.version


def test_challengers_stand_beside_the_champion(registry: Registry, card_model: Model) -> None:
    """They need no approval, and become champion like any other."""
    first, second = carded(card_model, 1), carded(card_model, 2, approvals=1)
    registry.admit(first, at=1)
    registry.admit(second, at=2)
    assert registry.challenge("risk", second.version, by="Ann", at=3).status == "challenger"
    assert registry.challengers("risk") == (second.version,)
    assert registry.champion("risk") == first.version
    with pytest.raises(StateError, match="its own challenger"):
        registry.challenge("risk", first.version, by="Ann", at=4)
    registry.approve("risk", second.version, by="Bo", at=5, report="ab" * 32)
    registry.promote("risk", second.version, by="Ann", at=6)
    assert registry.challengers("risk") == ()


def test_a_version_is_named_by_how_it_begins(registry: Registry, card_model: Model) -> None:
    """One version for a beginning; none and several are refused with what is there."""
    models = [carded(card_model, seed) for seed in range(20)]
    for model in models:
        registry.admit(model, at=model.card["seed"])
    assert registry.resolve("risk", models[3].version[:20]) == models[3].version
    assert registry.resolve("risk") == models[-1].version
    with pytest.raises(StateError, match="has no version zz"):
        registry.resolve("risk", "zz")
    for version in ("", "zz"):
        with pytest.raises(StateError, match=r"no version of model rsk is stored.*: risk$"):
            registry.resolve("rsk", version)
    first = next(d for d in "0123456789abcdef" if sum(model.version[0] == d for model in models) > 1)
    with pytest.raises(InputError, match="give more digits"):
        registry.resolve("risk", first)


def test_no_step_names_a_file_that_is_not_whole(registry: Registry, card_model: Model, tmp_path: Path) -> None:
    """A touched file is neither approved nor promoted; another model's file does not pass for this one."""
    model = carded(card_model, 1)
    registry.admit(model, at=1)
    path = registry.path("risk", model.version)
    whole = path.read_bytes()
    other = registry.folder / "other" / path.name
    other.parent.mkdir()
    other.write_bytes(whole)
    with pytest.raises(TamperError, match="holds model risk, not other"):
        registry.load("other", model.version)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    path.write_bytes(damaged)
    for step in (registry.promote, registry.challenge):
        with pytest.raises(TamperError):
            step("risk", model.version, by="Ann", at=2)
    with pytest.raises(StateError):
        registry.promote("risk", "f" * 64, by="Ann", at=2)
    assert len(registry.history.events()) == 2


def test_an_edited_history_is_refused(registry: Registry, card_model: Model) -> None:
    """Each byte of it, one at a time: nobody is champion by hand, and nothing is added on top."""
    model = carded(card_model, 1, **TWO)
    registry.admit(model, at=1)
    registry.approve("risk", model.version, by="Ann", at=2, report="ab" * 32)
    (log,) = registry.history.folder.glob("*.log")
    whole = log.read_bytes()
    before = registry.history.events()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        log.write_bytes(damaged)
        try:
            left = registry.history.events()
        except TallystickError:
            continue
        # A last batch that is not whole was never acknowledged: it is as if it had not been written.
        assert left == before[: len(left)]
        assert len(left) < len(before)
    log.write_bytes(whole)
    assert registry.history.events() == before


def test_a_history_is_edited_by_one_at_a_time(registry: Registry, card_model: Model) -> None:
    """A second writer is refused at once; a step that fails writes nothing."""
    model = carded(card_model, 1)
    registry.admit(model, at=1)
    with registry.history.editing(), pytest.raises(StateError):
        registry.promote("risk", model.version, by="Ann", at=2)
    before = registry.history.events()
    with pytest.raises(ZeroDivisionError), registry.history.editing() as (_, add):
        add(msgspec.structs.replace(before[0], at=1 // 0))
    assert registry.history.events() == before


def test_the_stricter_of_recipe_then_and_recipe_today_holds(tmp_path: Path, card_model: Model) -> None:
    """Neither an old card nor a new models.toml lowers what the other asks."""
    model = carded(card_model, 1, approvals=1, owner="Olga", expires="90d")
    today = Registry(tmp_path, {"risk": Governance(owner="Ann", approvals=2, expires="30d", when_expired="refuse")})
    assert today.admit(model, at=1).missing == 2
    rules = today.entry("risk", model.version).governance
    assert (rules.owner, rules.developers, rules.expires) == ("Ann", ("Olga",), "30d")
    assert rules.when_expired == "refuse"
    lax = stricter(Governance(approvals=2, expires="30d"), Governance(expires="90d"))
    assert (lax.approvals, lax.expires) == (2, "30d")


def test_saving_twice_changes_nothing(tmp_path: Path, card_model: Model) -> None:
    """One file by name and version."""
    version = save(card_model, tmp_path)
    before = (tmp_path / "risk" / f"{version}.tally").stat().st_mtime_ns
    assert save(card_model, tmp_path) == version
    assert os.listdir(tmp_path / "risk") == [f"{version}.tally"]
    assert (tmp_path / "risk" / f"{version}.tally").stat().st_mtime_ns >= before


def test_of_nothing_nothing_stands(tmp_path: Path) -> None:
    """No folder, no champion, no entry."""
    registry = Registry(tmp_path / "none")
    assert (registry.entries(), registry.names(), registry.champion("risk")) == ([], (), None)
    assert standing((), "risk", "a" * 64, Governance()).status == "candidate"
    assert person("Straße") == person("STRASSE")
    assert person("Lee, Ann") == person("ann_lee") == person("ANN\u00a0LEE")
    assert len({person(name) for name in ("王芳", "王方", "अनिल", "अनिला", "Ann", "Anna", "Ann 2")}) == 7
