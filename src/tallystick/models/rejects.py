"""Reject inference: what may be said of applicants who were refused, and between which bounds it stays unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError, Message
from tallystick.core.numeric import log, logit_array, sigmoid_array
from tallystick.models.frames import DataError, Floats, Ints, as_target, as_weights
from tallystick.models.validation.metrics import auc
from tallystick.models.words import WORDS

Method: TypeAlias = Literal["none", "fuzzy", "parcelling", "cutoff", "reweighting"]
METHODS: tuple[Method, ...] = ("none", "fuzzy", "parcelling", "cutoff", "reweighting")

Learn: TypeAlias = Callable[[pl.DataFrame, Floats, Floats], Callable[[pl.DataFrame], Floats]]
"""Fits on a frame, outcomes and weights, and gives what tells the probability of bad of a frame."""


class RejectOptions(msgspec.Struct, frozen=True):
    """How the refused are inferred.

    Attributes
    ----------
    method
        `none`: only those who were accepted. `fuzzy`: each refused applicant enters twice, as bad with the weight of
        its probability and as good with the rest. `parcelling`: in bands of the score, refused applicants are drawn
        bad at the band's observed rate. `cutoff`: bad from the probability `cutoff` on, else good. `reweighting`:
        nobody refused enters, the accepted weigh more where many were refused.
    factor
        The odds of bad of the refused, beside those of accepted applicants with the same labels; above 0.
        `fuzzy`, `parcelling` and `cutoff` know it; 1 believes that nothing but the labels told them apart.
    bands
        Of equal rows, for `parcelling` and `reweighting`, 2 to 100.
    cutoff
        In (0, 1).
    seed
        Of the draws of `parcelling`.
    """

    method: Method = "fuzzy"
    factor: float = 1.0
    bands: int = 10
    cutoff: float = 0.5
    seed: int = 7

    def __post_init__(self) -> None:
        for name, given, allowed, fine in (
            ("method", self.method, ", ".join(METHODS), self.method in METHODS),
            ("factor", self.factor, "0 < … ≤ 1000", 0.0 < self.factor <= 1000.0),
            ("bands", self.bands, "2–100", 2 <= self.bands <= 100),
            ("cutoff", self.cutoff, "0 < … < 1", 0.0 < self.cutoff < 1.0),
        ):
            if not fine:
                raise InputError(WORDS("rejects.option", name=name, given=given, allowed=allowed))


class Augmented(msgspec.Struct, frozen=True):
    """Rows to learn from: those accepted, then what was inferred.

    Attributes
    ----------
    frame, y, weights
        What a model is fitted on.
    inferred
        Whether a row's outcome is inferred, not observed.
    """

    frame: pl.DataFrame
    y: Floats
    weights: Floats
    inferred: np.ndarray[Any, np.dtype[np.bool_]]


def infer_rejects(
    learn: Learn,
    accepted: pl.DataFrame,
    y: Any,
    rejected: pl.DataFrame,
    *,
    weights: Any = None,
    options: RejectOptions | None = None,
) -> Augmented:
    """Rows of the accepted and of the refused, to fit a model for everyone who applies.

    Parameters
    ----------
    learn
        Fits the model that is used for the inference, on the accepted alone.
    accepted, y, weights
        Labels, outcomes (1 bad) and weights of those who were accepted.
    rejected
        Labels of those who were refused, the same columns.

    Returns
    -------
    Augmented

    Notes
    -----
    No method finds what nobody observed: each adds an assumption, and `reject_sensitivity` shows what hangs on it.
    Sources: Crook and Banasik, Journal of Banking & Finance 28 (2004); Siddiqi, Credit Risk Scorecards (2006).

    Examples
    --------
    >>> x = pl.DataFrame({"x": np.arange(100.0)})
    >>> rates = lambda frame: np.clip(frame["x"].to_numpy() / 200, 0.01, 0.99)
    >>> found = infer_rejects(lambda *_: rates, x, (np.arange(100) % 4 == 0).astype(float), x)
    >>> found.frame.height, round(float(found.weights.sum()), 6)
    (300, 200.0)
    """
    settings = options or RejectOptions()
    target = as_target(y, accepted.height)
    weight = as_weights(weights, accepted.height)
    if rejected.columns != accepted.columns:
        given = ", ".join(rejected.columns)
        raise DataError(WORDS("rejects.columns", given=given, needed=", ".join(accepted.columns)))
    observed = np.zeros(accepted.height, dtype=np.bool_)
    if settings.method == "none" or not rejected.height:
        return Augmented(accepted, target, weight, observed)
    if settings.method == "reweighting":
        return Augmented(accepted, target, weight * _reweighed(learn, accepted, weight, rejected, settings), observed)
    predict = learn(accepted, target, weight)
    plain = predict(rejected)
    if settings.method == "parcelling":
        extra = _drawn(plain, predict(accepted), target, weight, settings)
        places, sizes = np.arange(plain.size), np.ones(plain.size)
    else:
        extra, places, sizes = _inferred(_shifted(plain, settings.factor), settings)
    return Augmented(
        pl.concat([accepted, rejected[places]], how="vertical_relaxed"),
        np.concatenate([target, extra]),
        np.concatenate([weight, sizes]),
        np.concatenate([observed, np.ones(extra.size, dtype=np.bool_)]),
    )


def _shifted(pd: Floats, factor: float) -> Floats:
    """Probabilities whose odds are `factor` times those of `pd`."""
    return sigmoid_array(logit_array(np.clip(np.asarray(pd, dtype=np.float64), 1e-9, 1.0 - 1e-9)) + log(factor))


def _inferred(pd: Floats, settings: RejectOptions) -> tuple[Floats, Ints, Floats]:
    """Outcomes, places among the refused, and weights, by `cutoff` or `fuzzy`."""
    each = np.arange(pd.size)
    if settings.method == "cutoff":
        return (pd >= settings.cutoff).astype(np.float64), each, np.ones(pd.size)
    bad = np.concatenate([np.ones(pd.size), np.zeros(pd.size)])
    return bad, np.concatenate([each, each]), np.concatenate([pd, 1.0 - pd])


def _drawn(plain: Floats, known: Floats, y: Floats, weights: Floats, settings: RejectOptions) -> Floats:
    """Outcomes of the refused, who score `plain`, drawn at their band's rate of the accepted, who score `known`."""
    rng = np.random.default_rng(settings.seed)
    edges = np.unique(np.quantile(np.concatenate([known, plain]), np.linspace(0, 1, settings.bands + 1)[1:-1]))
    band, place = np.searchsorted(edges, known), np.searchsorted(edges, plain)
    rows = np.bincount(band, weights=weights, minlength=edges.size + 1)
    bads = np.bincount(band, weights=weights * y, minlength=edges.size + 1)
    # A band without accepted rows has the mean prediction of the refused in it.
    said = np.bincount(place, weights=plain, minlength=edges.size + 1)
    count = np.bincount(place, minlength=edges.size + 1)
    rate = np.where(rows > 0, bads / np.maximum(rows, 1e-12), said / np.maximum(count, 1))
    drawn = rng.uniform(size=plain.size) < _shifted(rate, settings.factor)[place]
    return np.asarray(drawn, dtype=np.float64)


def _reweighed(
    learn: Learn, accepted: pl.DataFrame, weights: Floats, rejected: pl.DataFrame, settings: RejectOptions
) -> Floats:
    """All who applied over those accepted, in bands of the chance to be accepted."""
    both = pl.concat([accepted, rejected], how="vertical_relaxed")
    was = np.concatenate([np.ones(accepted.height), np.zeros(rejected.height)])
    sizes = np.concatenate([weights, np.ones(rejected.height)])
    chance = learn(both, was, sizes)(both)
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, settings.bands + 1)[1:-1]))
    band = np.searchsorted(edges, chance)
    everyone = np.bincount(band, weights=sizes, minlength=edges.size + 1)
    taken = np.bincount(band, weights=sizes * was, minlength=edges.size + 1)
    return np.asarray((everyone / np.maximum(taken, 1e-12))[band[: accepted.height]], dtype=np.float64)


class Supposition(msgspec.Struct, frozen=True):
    """What follows when the refused have `factor` times the odds of accepted applicants with the same labels.

    Attributes
    ----------
    factor
        Supposed.
    rejected_rate
        Share of bads among the refused that it means.
    auc
        Of the model refitted under the supposition, on all who applied, outcomes of the refused by supposition.
    approved_bad_rate
        Share of bads among the safest `approval_rate` of all who applied.
    swapped_in
        Share of the approved who were refused before.
    correlation
        Rank correlation of the refitted scores with those of the first factor's model.
    """

    factor: float
    rejected_rate: float
    auc: float
    approved_bad_rate: float
    swapped_in: float
    correlation: float


class Sensitivity(msgspec.Struct, frozen=True):
    """How far results hang on what is supposed of the refused.

    Attributes
    ----------
    suppositions
        One for each factor, in the order given.
    bad_rate_bounds
        Of the approved, by the model that knows the accepted alone: every refused one good, and every one bad.
    auc_bounds
        Of that model on all who applied: the least and the greatest that any outcomes of the refused can give.
    auc_accepted
        Of that model on the accepted, whom it learnt.
    unknown
        What no method can tell, in words.
    """

    suppositions: tuple[Supposition, ...]
    bad_rate_bounds: tuple[float, float]
    auc_bounds: tuple[float, float]
    auc_accepted: float
    unknown: Message


def reject_sensitivity(
    learn: Learn,
    accepted: pl.DataFrame,
    y: Any,
    rejected: pl.DataFrame,
    *,
    approval_rate: float,
    factors: Sequence[float] = (1.0, 1.5, 2.0, 4.0),
    weights: Any = None,
) -> Sensitivity:
    """Refit under each factor, and bound what no data can tell.

    Parameters
    ----------
    learn, accepted, y, rejected, weights
        As in `infer_rejects`; a refused row weighs 1.
    approval_rate
        Share of all who applied that will be approved, by weight, in (0, 1].
    factors
        Odds of bad of the refused beside those of accepted applicants with the same labels, each above 0.

    Returns
    -------
    Sensitivity

    Notes
    -----
    Bounds without any supposition: Manski, American Economic Review 80 (1990). The AUC is greatest where the k refused
    with the highest scores are the bad ones, and least where the k with the lowest are, for the worst k. Every row
    that is scored was learnt: a `learn` that scores it all the same flatters, one that scores it out of fold does not.
    """
    target = as_target(y, accepted.height)
    weight = as_weights(weights, accepted.height)
    if not 0.0 < approval_rate <= 1.0:
        raise InputError(WORDS("rejects.option", name="approval_rate", given=approval_rate, allowed="0 < … ≤ 1"))
    if not factors:
        raise InputError(WORDS("rejects.option", name="factors", given="()", allowed="≥ 1"))
    if not rejected.height:
        raise DataError(WORDS("rejects.none"))
    settings = [RejectOptions("fuzzy", factor) for factor in factors]
    plain = learn(accepted, target, weight)
    everyone = pl.concat([accepted, rejected], how="vertical_relaxed")
    sizes = np.concatenate([weight, np.ones(rejected.height)])
    base = plain(everyone)
    known, unknown = base[: accepted.height], base[accepted.height :]
    found: list[Supposition] = []
    first: Floats | None = None
    for option in settings:
        rows = infer_rejects(lambda *_: plain, accepted, target, rejected, weights=weight, options=option)
        score = learn(rows.frame, rows.y, rows.weights)(everyone)
        first = score if first is None else first
        pd = np.concatenate([target, _shifted(unknown, option.factor)])
        taken = _safest(score, sizes, approval_rate)
        found.append(_suppose(option.factor, score, pd, sizes, accepted.height, taken, first))
    taken = _safest(base, sizes, approval_rate)
    own = taken[taken < accepted.height]
    bads, total = float((weight[own] * target[own]).sum()), float(sizes[taken].sum())
    return Sensitivity(
        tuple(found),
        (bads / total, (bads + float(taken.size - own.size)) / total),
        auc_bounds(known, target, unknown, weight),
        auc(known, target, weight),
        WORDS("rejects.unknown", rows=rejected.height, share=f"{100.0 * rejected.height / float(sizes.sum()):.3g}"),
    )


def _safest(score: Floats, weights: Floats, share: float) -> Ints:
    """The places of the least scores that hold `share` of the weight, one at least."""
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(weights[order])
    return order[: max(int(np.searchsorted(reached, share * reached[-1], side="right")), 1)]


def _suppose(
    factor: float, score: Floats, pd: Floats, weights: Floats, known: int, taken: Ints, first: Floats
) -> Supposition:
    """What follows when `pd` are the chances of bad of all, of whom the first `known` were accepted."""
    both = np.concatenate([score, score])
    outcome = np.concatenate([np.ones(pd.size), np.zeros(pd.size)])
    size, swapped = float(weights[taken].sum()), float(np.count_nonzero(taken >= known))
    return Supposition(
        factor,
        float(pd[known:].mean()),
        auc(both, outcome, np.concatenate([weights * pd, weights * (1.0 - pd)])),
        float((weights[taken] * pd[taken]).sum()) / size,
        swapped / size,
        _rank_correlation(first, score),
    )


def auc_bounds(known: Floats, y: Floats, unknown: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """The least and the greatest AUC that any outcomes of the rows scored `unknown` can give.

    `weights` are those of the rows scored `known`; a row whose outcome is unknown weighs 1.

    Examples
    --------
    >>> auc_bounds(np.array([0.1, 0.9]), np.array([0.0, 1.0]), np.array([0.5]))
    (1.0, 1.0)
    >>> auc_bounds(np.array([0.2, 0.8]), np.array([0.0, 1.0]), np.array([0.1]))
    (0.5, 1.0)
    """
    size = np.ones(known.size) if weights is None else weights
    sizes = np.concatenate([size, np.ones(unknown.size)])
    _, place = np.unique(np.concatenate([known, unknown]), return_inverse=True)
    tied = np.bincount(place, weights=sizes)
    # The weight below a row and half of that beside it, its own too: summed over the bads, they beat each other by
    # half of the square of their weight, and the goods by the rest.
    rank = (np.cumsum(tied) - 0.5 * tied)[place]
    own = float((size * rank[: known.size])[y == 1.0].sum())
    ordered = np.sort(rank[known.size :])
    bads = float(size[y == 1.0].sum()) + np.arange(unknown.size + 1)
    goods = float(sizes.sum()) - bads

    def area(ranks: Floats) -> Floats:
        total = own + np.concatenate([[0.0], np.cumsum(ranks)])
        return np.asarray((total - 0.5 * bads * bads) / (bads * goods), dtype=np.float64)

    return float(area(ordered).min()), float(area(ordered[::-1]).max())


def _rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's, 1 where either never varies."""
    ranks = [np.unique(x, return_inverse=True, return_counts=True) for x in (a, b)]
    means = [(np.cumsum(count) - 0.5 * (count - 1))[place] for _, place, count in ranks]
    if min(count.size for _, _, count in ranks) == 1:
        return 1.0
    return float(np.corrcoef(means[0], means[1])[0, 1])
