"""Loss given default and exposure: two stages, shares in [0, 1], the row as the column, files that cannot be forged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta

from tallystick.core import InputError, TamperError
from tallystick.models.container import read_file, write_file
from tallystick.models.losses import Losses, LossOptions, fit_losses, open_losses

Array = NDArray[Any]


def defaults(rows: int, seed: int) -> tuple[pl.DataFrame, Array, Array]:
    """Defaulted cards: cover cures and lowers severity, idle limits are drawn before default."""
    rng = np.random.default_rng(seed)
    cover = rng.uniform(size=rows)
    kind = rng.choice(["card", "loan", "car"], rows)
    cured = rng.uniform(size=rows) < 1 / (1 + np.exp(1.5 - 2.5 * cover))
    mean = 1 / (1 + np.exp(2.0 * cover - 1.2 - 0.5 * (kind == "card")))
    share = np.where(cured, 0.0, np.clip(rng.beta(mean * 4, (1 - mean) * 4), 1e-6, 1.0))
    limit = rng.integers(50_000, 1_000_000, rows)
    drawn = (limit * rng.uniform(0, 1.1, rows)).astype(np.int64)
    part = np.clip(0.6 - 0.4 * cover + rng.normal(0, 0.1, rows), 0, 1)
    ead = drawn + (part * np.maximum(limit - drawn, 0)).astype(np.int64)
    frame = pl.DataFrame({"cover": cover, "kind": kind, "limit": limit, "drawn": drawn})
    return frame.with_columns(cover=pl.when(pl.col("cover") < 0.95).then("cover")), share, ead


@pytest.fixture(scope="module")
def fitted() -> Losses:
    frame, share, ead = defaults(3_000, 1)
    return fit_losses(frame, share, ead_minor=ead, options=LossOptions("cards", limit="limit", drawn="drawn"))


def test_what_was_planted_is_found_on_other_defaults(fitted: Losses) -> None:
    frame, share, ead = defaults(3_000, 2)
    scores = fitted.score_columns(frame)
    lgd = scores["lgd"].to_numpy()
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        part = frame["cover"].is_between(low, high).fill_null(False).to_numpy()
        assert lgd[part].mean() == pytest.approx(share[part].mean(), abs=0.05)
    assert scores["cure"].mean() == pytest.approx((share == 0).mean(), abs=0.03)
    error = np.abs(scores["ead_minor"].to_numpy() - ead).mean()
    assert error < 0.5 * np.abs(frame["drawn"].to_numpy() - ead).mean()
    assert ((lgd - share) ** 2).mean() < ((share.mean() - share) ** 2).mean()


def test_without_labels_stages_are_the_means() -> None:
    share = np.array([0.0, 0.0, 0.25, 0.5, 0.9, 1.2, -0.1, 0.35])
    model = fit_losses({"same": np.ones(8)}, share)
    score = model.score({"same": 1})
    lost = np.clip(share, 0, 1)[share > 0]
    assert score.cure == pytest.approx(3 / 8)
    assert score.severity == pytest.approx(lost.mean())
    assert score.lgd == pytest.approx(np.clip(share, 0, 1).mean())
    assert score.conversion is None
    assert score.ead_minor is None
    whole = fit_losses({"same": np.ones(8)}, share, options=LossOptions(kind="fractional")).score({"same": 1})
    assert whole.cure == 0.0
    assert whole.lgd == pytest.approx(np.clip(share, 0, 1).mean())


def test_bounds_hold_as_many_losses_as_they_say(fitted: Losses) -> None:
    frame, share, _ = defaults(4_000, 3)
    for confidence in (0.8, 0.95):
        bounds = fitted.bounds(frame, confidence)
        inside = (bounds["lgd_low"].to_numpy() <= share) & (share <= bounds["lgd_high"].to_numpy())
        assert inside.mean() > confidence - 0.02
        below = (share <= bounds["lgd_high"].to_numpy()).mean()
        assert below == pytest.approx(0.5 + 0.5 * confidence, abs=0.02)
    phi = fitted.definition.precision
    row = frame.head(1)
    score = fitted.score(row.row(0, named=True))
    level = (0.95 - score.cure) / (1 - score.cure)
    expected = beta.ppf(level, score.severity * phi, (1 - score.severity) * phi)
    assert fitted.bounds(row, 0.9)["lgd_high"][0] == pytest.approx(expected)


MONEY = st.none() | st.integers(-(2**53), 2**53)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.floats(), st.sampled_from(["card", "ship", "", None]), MONEY, MONEY),
        min_size=1,
        max_size=20,
    )
)
def test_a_row_is_scored_with_the_bits_of_the_column(fitted: Losses, rows: list[tuple[Any, ...]]) -> None:
    kinds = {"cover": pl.Float64, "kind": pl.String, "limit": pl.Int64, "drawn": pl.Int64}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    columns = fitted.score_columns(frame)
    for place, row in enumerate(frame.iter_rows(named=True)):
        score = fitted.score(row)
        assert {name: getattr(score, name) for name in columns.columns} == columns.row(place, named=True)
        assert 0.0 <= score.lgd <= 1.0
        if score.ead_minor is not None:
            assert max(row["drawn"], 0) <= score.ead_minor <= max(row["drawn"], row["limit"], 0)


@pytest.mark.parametrize(
    ("share", "options", "code"),
    [
        ([0.1, None, 0.3], LossOptions(), "loss.unknown"),
        ([0.1, np.inf, 0.3], LossOptions(), "loss.unknown"),
        ([0.1, 0.3], LossOptions(), "loss.lengths"),
        ([0.0, 0.0, -0.1], LossOptions(), "loss.none"),
        (["a", "b", "c"], LossOptions(), "loss.values"),
        ([0.1, 0.2, 0.3], LossOptions(limit="limit", drawn="drawn"), "loss.lengths"),
    ],
)
def test_bad_data_are_refused(share: Any, options: LossOptions, code: str) -> None:
    with pytest.raises(InputError) as caught:
        fit_losses({"x": [1.0, 2.0, 3.0], "limit": [5, 6, 7], "drawn": [1, 2, 3]}, share, options=options)
    assert caught.value.code == code


def test_money_is_whole_and_something_must_be_undrawn(fitted: Losses) -> None:
    options = LossOptions(limit="limit", drawn="drawn")
    frame = {"x": [1.0, 2.0, 3.0], "limit": [5, 6, 7], "drawn": [5, 6, 8]}
    with pytest.raises(InputError) as caught:
        fit_losses(frame, [0.1, 0.2, 0.3], ead_minor=[5, 6, 8], options=options)
    assert caught.value.code == "loss.undrawn"
    row: dict[str, Any] = {"cover": 0.5, "kind": "card", "limit": 10, "drawn": 5}
    for wrong in (1.5, "ten", 2**53 + 1, True):
        with pytest.raises(InputError):
            fitted.score(row | {"limit": wrong})
    with pytest.raises(InputError):
        fitted.score({"cover": 0.5, "kind": "card", "limit": 10})
    with pytest.raises(InputError):
        LossOptions(limit="limit")


def test_a_share_that_never_varies_is_told_as_it_is() -> None:
    model = fit_losses({"x": [1.0, 2.0, None], "t": ["a", "b", None]}, [1.0, 1.0, 1.0])
    assert model.score({"x": 5, "t": "c"}).lgd == pytest.approx(1.0, abs=1e-8)
    assert model.score({"x": None, "t": None}).lgd == pytest.approx(1.0, abs=1e-8)


def test_a_file_scores_as_what_was_written_and_a_forged_one_is_refused(fitted: Losses, tmp_path: Path) -> None:
    path = tmp_path / "cards.tally"
    assert fitted.save(path) == fitted.version
    frame = defaults(100, 9)[0]
    assert open_losses(read_file(path)).score_columns(frame).equals(fitted.score_columns(frame))
    replace = msgspec.structs.replace
    term = fitted.definition.severity.terms[0]
    unordered = replace(term, knots=term.knots[::-1])
    severity = replace(fitted.definition.severity, terms=(unordered, *fitted.definition.severity.terms[1:]))
    for forged in (
        replace(fitted.definition, severity=severity),
        replace(fitted.definition, features=()),
        replace(fitted.definition, features=tuple(replace(f, ranks=(1,)) for f in fitted.definition.features)),
        replace(fitted.definition, precision=0.0),
    ):
        write_file(tmp_path / "forged.tally", "losses", 1, forged, {}, {})
        with pytest.raises(TamperError):
            open_losses(read_file(tmp_path / "forged.tally"))


@pytest.mark.real
def test_taiwan_cards_draw_before_default(shared: Path) -> None:
    """Exposure a month before default, fitted on half of the defaulters and told of the others.

    The data tell no recovery: the unpaid share of the last statement stands for the loss.
    """
    frame = pl.read_csv(shared / "data" / "taiwan.csv", infer_schema_length=None)
    bad = frame.filter((pl.col("default.payment.next.month") == 1) & (pl.col("BILL_AMT2") > 0))
    unpaid = (1.0 - bad["PAY_AMT1"] / bad["BILL_AMT2"]).clip(0.0, 1.0)
    labels = bad.select(
        "LIMIT_BAL", "BILL_AMT2", "PAY_2", "PAY_3", "PAY_AMT2", share=pl.col("BILL_AMT2") / pl.col("LIMIT_BAL")
    )
    money = pl.col("LIMIT_BAL", "BILL_AMT2").cast(pl.Int64)
    labels, reached, half = labels.with_columns(money), bad["BILL_AMT1"], bad.height // 2
    options = LossOptions(limit="LIMIT_BAL", drawn="BILL_AMT2")
    model = fit_losses(labels[:half], unpaid[:half], ead_minor=reached[:half], options=options)
    scores = model.score_columns(labels[half:])
    pairs = ((scores["ead_minor"], reached[half:]), (scores["lgd"], unpaid[half:]))
    (ead, true), (lgd, lost) = ((a.to_numpy().astype(float), b.to_numpy().astype(float)) for a, b in pairs)
    drawn = labels["BILL_AMT2"][half:].to_numpy()
    print(f"exposure {ead.mean():.0f}, true {true.mean():.0f}, drawn {drawn.mean():.0f}")  # noqa: T201
    assert lgd.mean() == pytest.approx(lost.mean(), abs=0.03)
    assert ((lgd - lost) ** 2).mean() < ((lost.mean() - lost) ** 2).mean()
    assert (ead >= np.maximum(drawn, 0)).all()
