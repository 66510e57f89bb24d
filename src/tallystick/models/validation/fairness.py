"""Fairness slices: outcomes and errors by protected attribute, which never enters the model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from tallystick.models.frames import Floats
from tallystick.models.validation.compare import Interval, auc_interval, holm, wilson
from tallystick.models.validation.probes import alone, as_column, read, sample_of

FOUR_FIFTHS = 0.8
_GROUPS_MAX = 8
_ROWS_MIN = 30
_PROXY_ROWS = 50


class Group(msgspec.Struct, frozen=True):
    """One group of a protected attribute at the cut-off.

    Attributes
    ----------
    group
        The attribute's value; "other" pools small ones, "missing" is null.
    impact
        Its approval rate over the reference group's (the adverse impact ratio), with bounds; None for the reference.
    impact_p
        Of the test that both rates are one, adjusted (Holm) for all groups and attributes of the report.
    approved_goods
        Share of its goods that are approved (equal opportunity); None where outcomes are not known.
    bad_rate_approved
        Share of bads among its approved (predictive parity).
    calibration
        Bads over expected bads: 1 is calibrated, above 1 the model is too kind to the group.
    auc
        None where the group has one outcome.
    """

    group: str
    rows: int
    bad_rate: Interval | None
    approval: Interval
    impact: Interval | None
    impact_p: float | None
    approved_goods: Interval | None
    bad_rate_approved: Interval | None
    calibration: Interval | None
    auc: Interval | None


class Proxy(msgspec.Struct, frozen=True):
    """How well one label, or all together (""), tells a group from the others: out-of-fold AUC, 0.5 is not at all."""

    label: str
    group: str
    auc: float


class Slice(msgspec.Struct, frozen=True):
    """One protected attribute: its reference group (the highest approval rate), groups, and proxies, strongest first.

    `worst` is the lowest adverse impact ratio.
    """

    attribute: str
    reference: str
    groups: tuple[Group, ...]
    worst: float | None
    proxies: tuple[Proxy, ...] = ()


def fair_slices(
    attributes: pl.DataFrame, pd: Floats, approved: NDArray[np.bool_], y: Floats, weights: Floats
) -> tuple[Slice, ...]:
    """Outcomes and errors of a decision by each protected attribute.

    Parameters
    ----------
    attributes
        A column for each protected attribute; numbers of more than eight values are cut at their quartiles.
    pd, approved
        The model's probability of bad, and whether the case is approved.
    y, weights
        1.0 for bad, NaN where the outcome is not known; weights count as rows.

    Returns
    -------
    tuple of Slice
        One for each attribute of at least two groups of 30 rows.
    """
    slices = []
    for column in attributes:
        groups = grouped(column)
        names = [name for name in sorted(set(groups.tolist())) if (groups == name).sum() >= _ROWS_MIN]
        if len(names) < 2:
            continue
        rates = {name: _share(approved, weights, groups == name) for name in names}
        reference = max(names, key=lambda name: (rates[name].value, name))
        found = [_group(name, reference, groups, pd, approved, y, weights, rates) for name in names]
        impacts = [group.impact.value for group in found if group.impact is not None]
        slices.append(Slice(column.name, reference, tuple(found), min(impacts, default=None)))
    return _adjusted(slices)


def grouped(column: pl.Series) -> NDArray[np.str_]:
    """The group of each row as text: values, quartiles of numbers, "other" beyond eight, "missing"."""
    if column.dtype.is_numeric() and column.drop_nulls().n_unique() > _GROUPS_MAX:
        numbers = as_column(column).values
        cuts = np.unique(np.nanquantile(numbers, [0.25, 0.5, 0.75]))
        place = np.searchsorted(cuts, numbers, side="left")
        names = [f"≤ {cuts[0]:g}"]
        names += [f"{low:g} – {high:g}" for low, high in pairwise(cuts.tolist())]
        names += [f"> {cuts[-1]:g}"]
        return np.where(np.isnan(numbers), "missing", np.array(names)[place])
    texts = column.cast(pl.String).fill_null("missing")
    top = texts.value_counts(sort=True).sort("count", texts.name, descending=[True, False]).get_column(texts.name)
    kept = top.head(_GROUPS_MAX).to_list()
    return np.array([text if text in kept else "other" for text in texts.to_list()])


def _share(hit: NDArray[np.bool_], weights: Floats, inside: NDArray[np.bool_]) -> Interval:
    """A weighted share with Wilson's bounds on the effective number of rows, (Σ w)² / Σ w²."""
    own = weights[inside]
    total = float(own.sum())
    if total <= 0:
        return wilson(0.0, 0.0)
    rows = total * total / float((own * own).sum())
    return wilson(float(own[hit[inside]].sum()) / total * rows, rows)


def _group(
    name: str,
    reference: str,
    groups: NDArray[np.str_],
    pd: Floats,
    approved: NDArray[np.bool_],
    y: Floats,
    weights: Floats,
    rates: dict[str, Interval],
) -> Group:
    inside = groups == name
    known = inside & ~np.isnan(y)
    bad = y == 1.0
    impact, p_value = (None, None) if name == reference else _impact(inside, groups == reference, approved, weights)
    events = float(weights[known & bad].sum())
    expected = float((weights[known] * pd[known]).sum())
    spread = float(np.sqrt((weights[known] ** 2 * pd[known] * (1.0 - pd[known])).sum()))
    ratio = events / expected if expected > 0 else None
    reach = 1.96 * spread / expected if expected > 0 else 0.0
    both = 1 < (known & bad).sum() < known.sum() - 1
    goods, taken = known & ~bad, known & approved
    return Group(
        name,
        int(inside.sum()),
        _share(bad, weights, known) if known.any() else None,
        rates[name],
        impact,
        p_value,
        _share(approved, weights, goods) if goods.any() else None,
        _share(bad, weights, taken) if taken.any() else None,
        Interval(ratio, max(0.0, ratio - reach), ratio + reach) if ratio is not None else None,
        auc_interval(pd[known], y[known], weights[known]) if both else None,
    )


def _impact(
    inside: NDArray[np.bool_], usual: NDArray[np.bool_], approved: NDArray[np.bool_], weights: Floats
) -> tuple[Interval | None, float | None]:
    """The ratio of two approval rates with bounds on its logarithm (Katz), and the p-value of equal rates."""
    shares, rows = [], []
    for part in (inside, usual):
        own = weights[part]
        shares.append(float(own[approved[part]].sum() / own.sum()))
        rows.append(float(own.sum() ** 2 / (own * own).sum()))
    (a, b), (n, m) = shares, rows
    if b <= 0.0:
        return None, None
    pooled = (a * n + b * m) / (n + m)
    spread = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    p_value = float(2.0 * ndtr(-abs(a - b) / spread)) if spread > 0 else 1.0
    if a <= 0.0:
        return Interval(0.0, 0.0, wilson(0.0, n).high / b), p_value
    reach = float(ndtri(0.975)) * float(np.sqrt((1.0 - a) / (a * n) + (1.0 - b) / (b * m)))
    ratio = a / b
    return Interval(ratio, ratio * float(np.exp(-reach)), ratio * float(np.exp(reach))), p_value


def _adjusted(slices: list[Slice]) -> tuple[Slice, ...]:
    flat = [group.impact_p for each in slices for group in each.groups if group.impact_p is not None]
    adjusted = iter(holm(flat))
    done = []
    for each in slices:
        groups = tuple(
            group if group.impact_p is None else msgspec.structs.replace(group, impact_p=next(adjusted))
            for group in each.groups
        )
        done.append(msgspec.structs.replace(each, groups=groups))
    return tuple(done)


def find_proxies(labels: pl.DataFrame, attribute: pl.Series, seed: int = 7, most: int = 10) -> tuple[Proxy, ...]:
    """Which labels tell a protected attribute, alone and all together (label ""), largest group against the rest.

    Parameters
    ----------
    labels
        The model's inputs.
    attribute
        The protected attribute, in the same order of rows.
    seed
        Of folds and sample.
    most
        At most so many labels, strongest first, after the combined figure.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, 500)
    >>> frame = pl.DataFrame({"height": 165 + 13 * sex + rng.normal(0, 6, 500), "noise": rng.normal(size=500)})
    >>> [proxy.label for proxy in find_proxies(frame, pl.Series("sex", sex))]
    ['', 'height', 'noise']
    """
    groups = grouped(attribute)
    names, counts = np.unique(groups, return_counts=True)
    largest = str(names[int(np.argmax(counts))])
    member = (groups == largest).astype(np.float64)
    if min(member.sum(), member.size - member.sum()) < _PROXY_ROWS:
        return ()
    sample = sample_of(labels, member, seed)
    single = [Proxy(column.name, largest, alone(sample, column)) for column in sample.columns]
    together = Proxy("", largest, read(sample, sample.columns, seed).auc)
    return (together, *sorted(single, key=lambda proxy: (-proxy.auc, proxy.label))[:most])


def strongest(proxies: Sequence[Proxy], most: int = 3, least: float = 0.55) -> list[str]:
    """The labels among proxies that tell the most, if they tell anything."""
    return [proxy.label for proxy in proxies if proxy.label and proxy.auc >= least][:most]
