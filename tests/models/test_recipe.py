"""models.toml: what is read, and how its faults are told."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tallystick.core import DefinitionError, DefinitionErrors, Field, FieldType, parse_instant
from tallystick.models import Gates, MasterScale, RejectOptions, read_models
from tallystick.models.layers import BOOSTS, PartOptions
from tallystick.models.recipe.sections import SECTIONS

GOOD = """\
[default_risk]
target = "statements.default_next"
points = "statements"
labels = ["utilisation_1m", "late_3m"]
protected = ["sex", "age_band"]
calibration = "isotonic"
folds = 4
windows = "time"
specials = { late_3m = [-1, -2] }
sample_negatives = 0.1

[default_risk.split]
kind = "time"
cut = "2025-07-01"

[default_risk.scale]
base_score = 500
[default_risk.monotone]
utilisation_1m = "ascending"
[default_risk.bins]
monotone = "valley"
[default_risk.card]
ridge = 5
[default_risk.parts.bureau]
kind = "trees"
labels = ["late_3m"]
[default_risk.parts.own]
kind = "scorecard"
[default_risk.segments]
by = "region"
[default_risk.rating]
grades = ["A", "B"]
bounds = [0.1]
[default_risk.terms]
base = "income"
multiples = [2, 1]
caps = [900000, 100000]
prices_bps = [600, 1500]
[default_risk.governance]
owner = "risk"
expires = "365d"
[default_risk.trees]
rounds = 100
[default_risk.gates]
auc_min = 0.75
calibration_slope = [0.8, 1.25]
"""

BAD = """\
[risk]
target = "default"
points = "statements"
labels = ["a", "a"]
layers = ["scorecard", "forest"]
fold = 5
[risk.split]
kind = "time"
cut = "soon"
maturity = "a while"
[risk.monotone]
b = "ascending"
a = "up"
[risk.trees]
rounds = 0
[risk.parts.bureau]
kind = "forest"
[risk.parts.own]
kind = "trees"
labels = ["c"]
[risk.rating]
grades = ["A", "A"]
bounds = [0.1]
[risk.segments]
min_rows = 10
[risk.governance]
expires = "soon"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_is_read_whole(tmp_path: Path) -> None:
    """Keys, sections and the cut in the project's zone; what is not said has its default."""
    recipe = read_models(write(tmp_path, GOOD), "Europe/Berlin")["default_risk"]
    assert recipe.labels == ("utilisation_1m", "late_3m")
    assert recipe.split.cut_at == parse_instant("2025-07-01", "Europe/Berlin")
    assert (recipe.scale.base_score, recipe.scale.pdo, recipe.trees.rounds, recipe.seed) == (500.0, 20.0, 100, 7)
    assert recipe.trees == msgspec.structs.replace(BOOSTS["trees"], rounds=100)
    assert recipe.gates == Gates(0.75, None, (0.8, 1.25))
    options = recipe.options()
    assert (options.monotone, options.shape) == ({"utilisation_1m": "ascending"}, "valley")
    assert (options.folds, options.calibration) == (4, "isotonic")
    assert recipe.reads == ("utilisation_1m", "late_3m", "region", "income")
    assert options.parts == {"bureau": PartOptions("trees", ("late_3m",)), "own": PartOptions("scorecard")}
    assert options.rating == MasterScale(("A", "B"), (0.1,))
    assert options.specials == {"late_3m": (-1, -2)}
    assert (options.windows, options.card.ridge, recipe.governance.owner) == ("time", 5.0, "risk")


def test_all_faults_are_told_together_with_their_lines(tmp_path: Path) -> None:
    """Every fault names the file's line, what was given, and the nearest that is allowed."""
    with pytest.raises(DefinitionErrors) as caught:
        read_models(write(tmp_path, BAD))
    found = {(fault.code, fault.place.line if fault.place else None) for fault in caught.value.faults}
    assert found == {
        ("recipe.target", 2),
        ("recipe.twice", 4),
        ("recipe.layer", 5),
        ("recipe.both", 5),
        ("recipe.key", 6),
        ("recipe.value", 9),
        ("recipe.value", 10),
        ("recipe.choice", 11),
        ("recipe.value", 15),
        ("recipe.choice", 17),
        ("recipe.part", 20),
        ("recipe.value", 21),
        ("recipe.needed", 24),
        ("recipe.value", 27),
    }
    text = caught.value.text()
    assert "did you mean folds?" in text
    assert "Expected `int` >= 1" in text
    assert "'a': 'up'} is refused; allowed: none, ascending, descending, peak, valley, auto" in text
    assert caught.value.text("zh").count("\n") == len(caught.value.faults) - 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "recipe.none"),
        ("[risk", "recipe.file"),
        ("risk = 3", "recipe.table"),
        ("[risk]\n", "recipe.needed"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=[]", "recipe.needed"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\nsplit='time'", "recipe.section"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.split]\ncut='2025-01-01'", "recipe.cut"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.monotone]\nb='auto'", "recipe.monotone"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.specials]\nb=[1]", "recipe.special"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\nwindows='time'", "recipe.windows"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.bins]\nstable=true", "recipe.windows"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.segments]\nmin_rows=9", "recipe.needed"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.rating]\ngrades=['A']\nbounds=[2.0]", "recipe.value"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.rating]\nbounds=[0.1]", "recipe.value"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.terms]\ncaps=[1]\nprices_bps=[1]", "recipe.terms"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.parts.x]\nlabels=['a']", "recipe.needed"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\n[risk.parts.x]\nkind='trees'\nlabels=['b']", "recipe.part"),
        ("[risk]\ntarget='s.y'\npoints='s'\nlabels=['a']\nparts=3", "recipe.section"),
    ],
)
def test_files_that_are_no_recipes(text: str, code: str, tmp_path: Path) -> None:
    """Empty, broken, incomplete or contradictory files each give their own error."""
    with pytest.raises(DefinitionError) as caught:
        read_models(write(tmp_path, text))
    assert caught.value.code == code
    assert "models.toml" in caught.value.text()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path is in the error."""
    with pytest.raises(DefinitionError, match=r"absent\.toml"):
        read_models(tmp_path / "absent.toml")


def test_labels_are_checked_against_the_library(tmp_path: Path) -> None:
    """A label that is not there is answered with the nearest; a date is nothing that a model reads."""
    recipe = read_models(write(tmp_path, GOOD))["default_risk"]
    outside = {"region": "text", "income": "money(EUR)"}
    recipe.check({"utilisation_1m": "real", "late_3m": "money(EUR)", **outside})
    with pytest.raises(DefinitionErrors) as caught:
        recipe.check({"utilisation_2m": "real", "late_3m": "date", **outside})
    assert [fault.code for fault in caught.value.faults] == ["recipe.label", "recipe.type"]
    assert "did you mean utilisation_2m?" in caught.value.text()


def test_protected_columns_never_enter(tmp_path: Path) -> None:
    """Neither by their own name, nor through what a label reads."""
    recipe = read_models(write(tmp_path, GOOD.replace("late_3m", "sex")))["default_risk"]
    types = {"utilisation_1m": "real", "sex": "text", "region": "text", "income": "integer"}
    with pytest.raises(DefinitionErrors) as caught:
        recipe.check(types, {"utilisation_1m": {"statements.age_band", "statements.balance"}})
    assert [fault.code for fault in caught.value.faults] == ["recipe.lineage", "recipe.protected"]
    assert "statements.age_band" in caught.value.text()


REJECTS = """\
[risk.rejects]
field = "statements.declined"
method = "parcelling"
factor = 2
approval_rate = 0.6
factors = [1, 3]
"""


def test_who_was_refused_is_read(tmp_path: Path) -> None:
    """Options of the inference, and what the sensitivity supposes; without the section nobody is inferred."""
    recipe = read_models(write(tmp_path, GOOD + REJECTS.replace("[risk.", "[default_risk.")))["default_risk"]
    rejects = recipe.rejects
    assert isinstance(rejects, RejectOptions)
    assert (rejects.field, rejects.method, rejects.factor) == ("statements.declined", "parcelling", 2.0)
    assert (rejects.bands, rejects.cutoff, rejects.seed) == (10, 0.5, 7)
    assert (rejects.approval_rate, rejects.factors) == (0.6, (1.0, 3.0))
    assert read_models(write(tmp_path, GOOD))["default_risk"].rejects is None


def test_faults_of_the_refused_are_told_together(tmp_path: Path) -> None:
    """Every option outside its range and the field that is needed, each with its line and what is allowed."""
    head = '[risk]\ntarget = "statements.default_next"\npoints = "statements"\nlabels = ["a"]\n'
    wrong = """\
[risk.rejects]
feld = "statements.declined"
method = "magic"
factor = 0
bands = 1
cutoff = 1.0
seed = -1
approval_rate = 1.5
factors = []
"""
    with pytest.raises(DefinitionErrors) as caught:
        read_models(write(tmp_path, head + wrong))
    found = [(fault.code, fault.place.line if fault.place else None) for fault in caught.value.faults]
    values = [("recipe.value", line) for line in range(8, 14)]
    assert found == [("recipe.key", 6), ("recipe.choice", 7), *values, ("recipe.needed", 5)]
    text = caught.value.text()
    assert "did you mean field?" in text
    assert "allowed: none, fuzzy, parcelling, cutoff, reweighting" in text
    for given, code in (
        ('method = "none"', "recipe.needed"),
        ('field = "loans.declined"', "recipe.refused_field"),
        ('field = "declined"', "recipe.refused_field"),
        ('field = "statements.default_next"', "recipe.refused_field"),
        ('field = "statements.declined"\nfactor = nan', "recipe.value"),
        ('field = "statements.declined"\nfactors = [1, nan]', "recipe.value"),
    ):
        with pytest.raises(DefinitionErrors) as one:
            read_models(write(tmp_path, f"{head}[risk.rejects]\n{given}\n"))
        assert [fault.code for fault in one.value.faults] == [code], given


def test_who_was_refused_is_held_against_the_source(tmp_path: Path) -> None:
    """An unknown field is answered with the nearest flag; a field of another type with its type."""
    fields = {
        name: Field(name, FieldType.parse(kind))
        for name, kind in (("declined", "flag"), ("default_next", "flag"), ("balance", "money(EUR)"))
    }
    recipes = GOOD + REJECTS.replace("[risk.", "[default_risk.")
    read_models(write(tmp_path, recipes))["default_risk"].check_fields({"statements": fields})
    read_models(write(tmp_path, GOOD))["default_risk"].check_fields({})
    for given, code, said in (
        ("declind", "recipe.refused", "did you mean statements.declined?"),
        ("balance", "recipe.refused_type", "money(EUR); allowed: flag"),
    ):
        recipe = read_models(write(tmp_path, recipes.replace("statements.declined", f"statements.{given}")))
        with pytest.raises(DefinitionError) as caught:
            recipe["default_risk"].check_fields({"statements": fields})
        assert (caught.value.code, said in caught.value.text()) == (code, True)


def test_the_recipe_of_the_manual_is_read(tmp_path: Path) -> None:
    """docs/models/recipes.md shows every key, each with its default or a sensible value."""
    manual = (Path(__file__).parents[2] / "docs" / "models" / "recipes.md").read_text(encoding="utf-8")
    shown = manual.split("```toml\n")[1].split("```")[0]
    recipe = read_models(write(tmp_path, shown))["default_risk"]
    other = manual.split("```toml\n")[2].split("```")[0]
    parts = read_models(write(tmp_path, other))["two_sources"]
    assert {part.kind for part in parts.parts.values()} == {"scorecard", "trees"}
    keys = set(re.findall(r"^(\w+) =", shown + other, re.MULTILINE)) | set(re.findall(r"\.(\w+)\]", shown + other))
    keys |= {"parts"}
    for section in (recipe, *(getattr(recipe, name) for name in SECTIONS)):
        for name in section.__struct_fields__:
            assert name in ("name", "place", "cut_at") or name in keys, name
