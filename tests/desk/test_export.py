"""A model of scorecards scores the same as a row, in columns, in SQL, DMN and a workbook, and when it is read back."""

from __future__ import annotations

import os
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import polars as pl
import pytest
from openpyxl import load_workbook
from tests.desk.formulas import Formulas

from tallystick import decisions
from tallystick.core import DefinitionError, InputError, UsageError
from tallystick.core.numeric import sigmoid
from tallystick.desk import card_model, export_model, import_scorecard
from tallystick.desk.export_dmn import PD, POINTS, RATING, feel_number
from tallystick.desk.export_plain import TOTALS_MAX, plain_card
from tallystick.desk.export_sql import number
from tallystick.models import Calibration, Model, Scale, Scorecard, load
from tallystick.models.portfolio import MasterScale
from tallystick.models.serving import Branch, Stack

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
ROWS = 1_000_000 if SOAK else 10_000
LARGEST = float(np.finfo(np.float64).max)
WEIRD = ["astronaut", "", "O'Neil", '"quoted"', "back\\slash", "Ünïcode 保理", "-", "null"]


def lender(rows: int, seed: int) -> pl.DataFrame:
    """Applicants with a special code, texts that need quoting, flags, and values that are missing."""
    rng = np.random.default_rng(seed)
    usage = rng.uniform(0, 1.2, rows)
    late = np.where(rng.uniform(size=rows) < 0.2, -1, rng.poisson(1.0, rows))
    salary = rng.lognormal(10, 0.5, rows)
    job = rng.choice(["clerk", "O'Neil", '"quoted"', "a, b", "back\\slash"], rows, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    region = rng.choice(["north", "south", "east"], rows)
    z = -2.2 + 2.0 * usage + 0.4 * late - 0.6 * (np.log(salary) - 10) + np.where(job == "O'Neil", 0.9, 0.0)
    return pl.DataFrame(
        {
            "usage": pl.Series(np.where(rng.uniform(size=rows) < 0.1, np.nan, usage)).fill_nan(None),
            "late payments": pl.Series(late, dtype=pl.Int64),
            "salary": salary,
            "job": pl.Series(job).replace({"a, b": None}),
            "owner": pl.Series((rng.uniform(size=rows) < 0.5).astype(np.int64)),
            "region": region,
            "bad": rng.uniform(size=rows) < 1 / (1 + np.exp(-z)),
        }
    )


def fitted() -> Scorecard:
    frame = lender(4_000, 5)
    card = Scorecard(specials={"late payments": (-1,)}, approved_at=540)
    return card.fit(frame.drop("bad"), frame["bad"])


def calibrated() -> Model:
    """Branches by region, a calibration of each, and grades."""
    model = card_model("small loans", fitted().table_)
    whole = model.definition.branches[""]
    part = whole.parts[0]
    assert part.card is not None
    moved = msgspec.structs.replace(part.card, base=part.card.base + 13)
    other = msgspec.structs.replace(
        whole, parts=(msgspec.structs.replace(part, card=moved),), calibration=Calibration("beta", 0.2, 1.1, 0.9)
    )
    steps = Calibration("isotonic", cuts=(-3.0, -1.0), pds=(0.01, 0.1, 0.5))
    branches: dict[str, Branch] = {
        "": msgspec.structs.replace(whole, calibration=Calibration("platt", 0.1, 0.9)),
        "north": other,
        "south": msgspec.structs.replace(whole, calibration=steps),
    }
    grades = MasterScale(("A", "B", "C"), (0.05, 0.2))
    definition = msgspec.structs.replace(model.definition, branches=branches, route="region", rating=grades)
    return Model(definition, card={"made": "for a test"})


def hard_rows(model: Model, rows: int, seed: int) -> pl.DataFrame:
    """Random applicants, a third of whose numbers lie on an edge or one ulp beside it, or are special or not finite."""
    rng = np.random.default_rng(seed)
    frame = lender(rows, seed).drop("bad")
    card = model.definition.branches[""].parts[0].card
    assert card is not None
    for variable in card.variables:
        name = variable.feature.name
        edges = np.array([*variable.edges, *variable.specials])
        if variable.feature.categories is not None:
            pick = pl.Series(rng.choice(np.array([*WEIRD, None], dtype=object), rows).tolist(), dtype=pl.String)
        else:
            near = [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
            odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, LARGEST, -LARGEST, 2.0**53, -1.0]
            pick = pl.Series(rng.choice(np.concatenate([*near, odd]), rows))
        taken = pl.Series(rng.uniform(size=rows) < 0.3)
        held = frame[name].cast(pick.dtype)
        frame = frame.with_columns(pl.select(pl.when(taken).then(pick).otherwise(held)).to_series().alias(name))
    gone = pl.Series(rng.uniform(size=rows) < 0.05)
    return frame.with_columns(pl.when(gone).then(None).otherwise(pl.col("usage", "region")).name.keep())


def by_duckdb(model: Model, frame: pl.DataFrame, folder: Path) -> pl.DataFrame:
    export_model(model, "sql", folder / "score.sql", table="applications")
    with duckdb.connect() as base:
        base.register("applications", frame.with_row_index("row").to_arrow())
        found: pl.DataFrame = base.sql((folder / "score.sql").read_text("utf-8")).pl()
    assert found.columns[: frame.width + 1] == ["row", *frame.columns]
    return found.sort("row")


def by_dmn(model: Model, frame: pl.DataFrame, folder: Path) -> dict[str, list[Any]]:
    export_model(model, "dmn", folder / "score.dmn")
    dmn = decisions.load(folder / "score.dmn")
    finite = frame.with_columns(pl.selectors.float().clip(-LARGEST, LARGEST))
    names = [POINTS, PD, *([RATING] if model.definition.rating else [])]
    assert {plan for name in names for plan in dmn.columns_plan(name).values()} == {"in columns"}
    return {name: dmn.decide_columns(name, finite)[name].to_list() for name in names}


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["plain", "calibrated"])
def test_row_columns_sql_and_dmn_score_alike(kind: str, tmp_path: Path) -> None:
    """On a million random rows points and probability are equal everywhere, the probability in every bit."""
    model = card_model("card", fitted().table_) if kind == "plain" else calibrated()
    frame = hard_rows(model, ROWS // 2, 11)
    columns = model.score_columns(frame)
    points, pd = columns["points"].to_list(), columns["pd"].to_list()
    assert len(set(points)) > 100
    sql = by_duckdb(model, frame, tmp_path)
    assert sql["points"].to_list() == points
    assert sql["pd"].to_list() == pd
    dmn = by_dmn(model, frame, tmp_path)
    assert dmn[POINTS] == points
    assert [float(value) for value in dmn[PD]] == pd
    if model.definition.rating is not None:
        assert sql["rating"].to_list() == dmn[RATING] == columns["rating"].to_list()
        assert set(dmn[RATING]) == {"A", "B", "C"}
    for place, row in enumerate(frame.iter_rows(named=True)):
        score = model.score(row)
        assert (score.points, score.pd) == (points[place], pd[place])


@pytest.mark.parametrize("flag", [False, True])
def test_a_flag_or_a_whole_number_picks_its_way(flag: bool, tmp_path: Path) -> None:
    """The branch of owners is named 1 or true; SQL takes the column as it is, DMN takes 0 and 1."""
    two = calibrated().definition
    branches = {"": two.branches[""], "true" if flag else "1": two.branches["north"]}
    model = Model(msgspec.structs.replace(two, branches=branches, route="owner"))
    frame = lender(500, 8).drop("bad")
    typed = frame.with_columns(pl.col("owner").cast(pl.Boolean)) if flag else frame
    columns = model.score_columns(typed)
    assert by_duckdb(model, typed, tmp_path)["points"].to_list() == columns["points"].to_list()
    assert by_dmn(model, frame, tmp_path)[POINTS] == columns["points"].to_list()
    assert columns["points"].to_list() != model.score_columns(typed.with_columns(owner=None))["points"].to_list()


def test_one_row_through_dmn_says_which_bins(tmp_path: Path) -> None:
    """`decide` gives what `score` gives, and names the rule of each label."""
    model = card_model("card", fitted().table_)
    export_model(model, "dmn", tmp_path / "score.dmn")
    dmn = decisions.load(tmp_path / "score.dmn")
    row = {"usage": 0.7, "late payments": -1, "salary": 20000.0, "job": "O'Neil", "owner": 1, "region": None}
    found = dmn.decide(POINTS, {name: row[name] for name in plain_card(model).labels()})
    assert found.value == model.score(row).points
    assert "Points of late payments" in {matched.decision for matched in found.matched}


def test_whole_numbers_beyond_doubles_keep_their_bin(tmp_path: Path) -> None:
    """A label counted in quintillions: an edge of DMN lies where rounding to a double turns, not at the double."""
    rng = np.random.default_rng(2)
    big = rng.integers(-(2**62), 2**62, 3_000)
    y = rng.uniform(size=3_000) < np.where(big > 2**61, 0.6, 0.2)
    model = card_model("big", Scorecard().fit({"id": big}, y).table_)
    card = model.definition.branches[""].parts[0].card
    assert card is not None
    edges = [int(edge) for edge in card.variables[0].edges]
    frame = pl.DataFrame({"id": [edge + step for edge in edges for step in range(-600, 601)]}, schema={"id": pl.Int64})
    points = model.score_columns(frame)["points"].to_list()
    assert len(set(points)) == len(edges) + 1 > 1
    assert by_dmn(model, frame, tmp_path)[POINTS] == points
    assert by_duckdb(model, frame, tmp_path)["points"].to_list() == points


@pytest.mark.parametrize("kind", ["plain", "calibrated"])
def test_the_select_is_plain_sql(kind: str, tmp_path: Path) -> None:
    """SQLite, which knows neither NaN nor DuckDB's dialect, gives the same points and grades."""
    model = card_model("card", fitted().table_) if kind == "plain" else calibrated()
    frame = hard_rows(model, 2_000, 4).fill_nan(None)
    export_model(model, "sql", tmp_path / "score.sql", table="main.applications")
    base = sqlite3.connect(":memory:")
    names = ", ".join(f'"{name}"' for name in frame.columns)
    base.execute(f"CREATE TABLE applications (row, {names})")
    marks = ", ".join("?" * (frame.width + 1))
    base.executemany(f"INSERT INTO applications VALUES ({marks})", frame.with_row_index("row").iter_rows())
    base.row_factory = sqlite3.Row
    found = base.execute((tmp_path / "score.sql").read_text("utf-8")).fetchall()
    ordered = sorted(found, key=lambda row: row["row"])
    columns = model.score_columns(frame)
    assert [row["points"] for row in ordered] == columns["points"].to_list()
    assert [row["pd"] for row in ordered] == pytest.approx(columns["pd"].to_list(), rel=1e-15)
    if model.definition.rating is not None:
        assert [row["rating"] for row in ordered] == columns["rating"].to_list()


def test_the_workbook_scores_by_its_formulas(tmp_path: Path) -> None:
    """The few functions that the sheet uses, worked out here by their definition, give points and probability."""
    model = card_model("card", fitted().table_)
    export_model(model, "excel", tmp_path / "score.xlsx")
    book = load_workbook(tmp_path / "score.xlsx")
    sheet = book["Score"]
    frame = hard_rows(model, 100, 9).fill_nan(None)
    frame = frame.with_columns(pl.selectors.float().clip(-LARGEST, LARGEST))
    rows = {sheet.cell(row, 1).value: row for row in range(2, sheet.max_row + 1)}
    for given in frame.iter_rows(named=True):
        for name, row in rows.items():
            if name in given:
                # A text cell that is empty is an empty cell.
                sheet.cell(row, 2).value = given[name] if given[name] != "" else None
                if isinstance(given[name], str):
                    sheet.cell(row, 2).data_type = "s"
        score = model.score({name: None if value == "" else value for name, value in given.items()})
        assert Formulas(book).value("Score", 3, rows["points"]) == score.points
        assert Formulas(book).value("Score", 3, rows["probability of bad"]) == score.pd


@pytest.mark.parametrize("suffix", ["pmml", "xlsx"])
def test_what_was_written_reads_back_to_the_same_scores(suffix: str, tmp_path: Path) -> None:
    """PMML and the workbook hold the scale and every edge: points and probability come back in every bit."""
    model = card_model("card", fitted().table_)
    path = tmp_path / f"card.{suffix}"
    export_model(model, "excel" if suffix == "xlsx" else "pmml", path)
    again, notes = import_scorecard(path)
    assert (again.name, notes) == ("card", ())
    frame = hard_rows(model, 3_000, 6)
    assert again.score_columns(frame).equals(model.score_columns(frame))


def test_an_imported_card_is_a_model_that_can_be_stored(tmp_path: Path) -> None:
    """It is saved as one file, loads again, and gives reasons whose points add up from its best bins."""
    card = tmp_path / "old.csv"
    card.write_text(
        "label,bin,points\nbase,,400\nage,< 30,0\nage,>= 30,25\nage,missing,5\njob,clerk,10\njob,other,-10\n"
    )
    model, notes = import_scorecard(card, "old_card", uncovered="lowest", scale=Scale(600, 20, 40))
    assert [note.text() for note in notes] == [
        "job: a missing value gets -10, the lowest points of this label, because nothing says otherwise"
    ]
    assert model.save(tmp_path / "old.tally") == model.version
    again = load(tmp_path / "old.tally")
    score = again.score({"age": 20, "job": "driver"})
    assert score.points == 390
    assert again.baseline_points == 435
    assert {reason.label: reason.points_lost for reason in score.reasons} == {"age": 25, "job": 20}
    assert model.card["imported"]["file"] == "old.csv"
    assert score.pd == sigmoid((Scale(600, 20, 40).offset - 390) / Scale(600, 20, 40).factor)


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/passwd", "etc_passwd"), ("2024 card", "m2024_card"), ("评分卡", "评分卡"), ("//", "scorecard")],
)
def test_a_name_from_a_file_is_no_path(given: str, name: str, tmp_path: Path) -> None:
    """The name that a stranger's file gives becomes letters, digits and _; one that is given must be so."""
    export_model(card_model("card", fitted().table_), "pmml", tmp_path / "card.pmml")
    text = (tmp_path / "card.pmml").read_text("utf-8").replace('modelName="card"', f'modelName="{given}"')
    (tmp_path / "card.pmml").write_text(text, "utf-8")
    assert import_scorecard(tmp_path / "card.pmml")[0].name == name
    if given != name:
        with pytest.raises(UsageError, match="letters, digits"):
            import_scorecard(tmp_path / "card.pmml", given)


def test_doubles_are_written_in_all_their_digits() -> None:
    """SQL gets an exponent, so that no database reads a decimal; FEEL gets none."""
    assert (number(0.1), number(1e-7), number(-3.0)) == ("0.1e0", "1e-07", "-3.0e0")
    assert (feel_number(0.1), feel_number(1e-7), feel_number(-3.0)) == ("0.1", "0.0000001", "-3")
    rng = np.random.default_rng(0)
    for value in rng.integers(0, 2**63, 2_000).view(np.float64).tolist():
        if np.isfinite(value):
            assert float(number(value)) == float(Decimal(feel_number(value))) == value


def test_what_no_form_can_hold_is_refused(tmp_path: Path) -> None:
    """Several parts, calibrated points in PMML, branches in a workbook, too many totals, unknown forms and endings."""
    frame = lender(1_000, 3)
    labels = frame.drop("bad")
    alone = card_model("card", fitted().table_).definition
    part, stack = alone.branches[""].parts[0], Stack(0.0, {"scorecard": 0.5, "second": 0.5})
    parts = (part, msgspec.structs.replace(part, name="second"))
    two = msgspec.structs.replace(alone.branches[""], parts=parts, stack=stack)
    with pytest.raises(InputError, match="one scorecard for each branch"):
        export_model(Model(msgspec.structs.replace(alone, branches={"": two})), "sql", tmp_path / "x.sql")
    several = calibrated()
    for form, code in (("excel", "export.branches"), ("pmml", "export.branches")):
        with pytest.raises(InputError) as caught:
            export_model(several, form, tmp_path / "x")
        assert caught.value.code == code
    whole = several.definition.branches[""]
    definition = msgspec.structs.replace(several.definition, branches={"": whole}, route="")
    with pytest.raises(InputError, match="calibrated"):
        export_model(Model(definition), "pmml", tmp_path / "x.pmml")
    wide = Scorecard(pdo=100_000.0).fit(labels, frame["bad"])
    with pytest.raises(InputError, match=str(TOTALS_MAX)):
        export_model(card_model("wide", wide.table_), "sql", tmp_path / "x.sql")
    with pytest.raises(UsageError, match="dmn, sql, excel, pmml"):
        export_model(several, "xml", tmp_path / "x")
    with pytest.raises(UsageError, match="pmml"):
        import_scorecard(tmp_path / "x.doc")
    with pytest.raises(InputError, match="cannot be written"):
        export_model(several, "sql", tmp_path / "none" / "x.sql")
    strange = Scorecard().fit({"a\x00b": [1.0] * 50 + [2.0] * 50}, ([0, 0, 1] * 17 + [0, 1, 1] * 17)[:100])
    with pytest.raises(InputError, match="cannot be written"):
        export_model(card_model("strange", strange.table_), "dmn", tmp_path / "x.dmn")


def test_a_calibrated_workbook_is_not_read_as_a_bare_card(tmp_path: Path) -> None:
    """Its probabilities are not those of its points: reading the points alone would change them."""
    several = calibrated()
    definition = msgspec.structs.replace(
        several.definition, branches={"": several.definition.branches[""]}, route="", rating=None
    )
    export_model(Model(definition), "excel", tmp_path / "card.xlsx")
    with pytest.raises(DefinitionError, match="calibrated") as caught:
        import_scorecard(tmp_path / "card.xlsx")
    assert caught.value.place is not None
    assert "Outcomes" in str(caught.value.place)


@pytest.mark.parametrize(
    ("label", "to"),
    [
        ("null", "dmn"),
        ("1x", "dmn"),
        ("x%", "dmn"),
        ('q"uote', "dmn"),
        ("two\nlines", "dmn"),
        (POINTS, "dmn"),
        ("Points of job", "dmn"),
        ("points", "sql"),
        ("PD", "sql"),
    ],
)
def test_a_label_whose_name_means_something_else_there_is_refused(label: str, to: str, tmp_path: Path) -> None:
    """No score is ever read from the wrong column, and no result hides a label."""
    frame = lender(1_000, 5).select(pl.col("usage").alias(label), "job", "bad")
    model = card_model("card", Scorecard().fit(frame.drop("bad"), frame["bad"]).table_)
    with pytest.raises(InputError) as caught:
        export_model(model, to, tmp_path / f"score.{to}")
    assert caught.value.code == "export.label"


def test_a_table_that_was_scored_before_is_scored_again(tmp_path: Path) -> None:
    """Whatever other columns a table has, the score is that of its labels."""
    model = card_model("card", fitted().table_)
    frame = lender(500, 3).drop("bad").with_columns(card_total=pl.lit(0), card_way=pl.lit(0), total=pl.lit(0), way=1)
    assert by_duckdb(model, frame, tmp_path)["points"].to_list() == model.score_columns(frame)["points"].to_list()
