"""Which variables may enter a scorecard: by information value, correlation, variance inflation, and step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.models.binning import Variable
from tallystick.models.frames import Floats
from tallystick.models.logistic import Sums, likelihood
from tallystick.models.scorecard.regression import Flags, Solution, chi_square_tail, fit_penalised
from tallystick.models.scorecard.table import LeftOut

if TYPE_CHECKING:
    from tallystick.models.scorecard.fit import CardOptions


def screen(
    woe: Floats, weights: Floats, variables: Sequence[Variable], card: CardOptions
) -> tuple[list[int], list[LeftOut]]:
    """The places of the variables that may enter, and those that may not with the reason.

    A variable without any evidence goes first, then one below `min_iv`, then one that is too correlated with a variable
    of higher information value (of equal ones the earlier stays), then the one of the greatest variance inflation,
    until none is above `max_vif`.
    """
    out: list[LeftOut] = []
    kept = []
    for place, variable in enumerate(variables):
        if not any(variable.woe):
            out.append(LeftOut(variable.feature.name, "signal"))
        elif variable.iv < card.min_iv:
            out.append(LeftOut(variable.feature.name, "iv", variable.iv, card.min_iv))
        else:
            kept.append(place)
    if len(kept) < 2 or (card.max_correlation >= 1.0 and not card.max_vif):
        return kept, out
    matrix = correlations(np.ascontiguousarray(woe[:, kept]), weights)
    at = {place: i for i, place in enumerate(kept)}
    chosen: list[int] = []
    for place in sorted(kept, key=lambda place: (-variables[place].iv, place)):
        rivals = [(abs(float(matrix[at[place], at[other]])), other) for other in chosen]
        near = max(rivals, key=lambda rival: rival[0], default=(0.0, -1))
        if near[0] > card.max_correlation:
            other = variables[near[1]].feature.name
            out.append(LeftOut(variables[place].feature.name, "correlation", near[0], card.max_correlation, other))
        else:
            chosen.append(place)
    chosen.sort()
    while card.max_vif and len(chosen) > 1:
        places = [at[place] for place in chosen]
        inflation = np.diag(np.linalg.pinv(matrix[np.ix_(places, places)]))
        singular = np.linalg.matrix_rank(matrix[np.ix_(places, places)], tol=1e-10) < len(places)
        worst = _weakest(variables, chosen, matrix, at) if singular else int(inflation.argmax())
        value = math.inf if singular else float(inflation[worst])
        if value <= card.max_vif:
            break
        out.append(LeftOut(variables[chosen.pop(worst)].feature.name, "vif", value, card.max_vif))
    return chosen, out


def _weakest(variables: Sequence[Variable], chosen: list[int], matrix: Floats, at: dict[int, int]) -> int:
    """Of the variables that the others determine wholly, the one with the least information value."""
    found = []
    for i, place in enumerate(chosen):
        others = [at[other] for other in chosen if other != place]
        inner, side = matrix[np.ix_(others, others)], matrix[others, at[place]]
        if 1.0 - float(side @ np.linalg.lstsq(inner, side, rcond=None)[0]) < 1e-9:
            found.append((variables[place].iv, -place, i))
    return min(found)[2] if found else len(chosen) - 1


def correlations(columns: Floats, weights: Floats) -> Floats:
    """The weighted correlations of columns in C order; a constant column has none with any other."""
    covariance = _covariances(columns, weights / weights.sum())
    spread = np.sqrt(np.diag(covariance))
    spread[spread == 0.0] = np.inf
    found = covariance / np.outer(spread, spread)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, dtype=np.float64)


@kernel
def _covariances(columns: Floats, shares: Floats) -> Floats:
    """Added in row order, so that the bits are the same on every machine."""
    rows, size = columns.shape
    means = np.zeros(size)
    for i in range(rows):
        for j in range(size):
            means[j] += shares[i] * columns[i, j]
    out = np.zeros((size, size))
    centred = np.empty(size)
    for i in range(rows):
        for j in range(size):
            centred[j] = columns[i, j] - means[j]
        for j in range(size):
            part = shares[i] * centred[j]
            for k in range(j + 1):
                out[j, k] += part * centred[k]
    for j in range(size):
        for k in range(j):
            out[k, j] = out[j, k]
    return out


def stepwise(
    woe: Floats,
    good: Floats,
    weights: Floats,
    places: list[int],
    names: Sequence[str],
    card: CardOptions,
    positive: Flags,
) -> tuple[list[int], list[LeftOut]]:
    """Choose among `places` step by step; what is not chosen comes back with the criterion that kept it out.

    `positive` says of each column whether its slope stays at or above 0.

    The next variable to let in is the one of the greatest score statistic (Rao), the next to put out the one of the
    least Wald statistic; a step is taken when it lowers AIC or BIC, or by its p-value. Each step costs one fit and one
    pass over the rows.

    Notes
    -----
    Efroymson's method with score tests: Lawless, Singhal, Biometrics 34 (1978).
    """
    if card.stepwise == "none" or not places:
        return places, []
    z = np.ascontiguousarray(woe[:, places])
    search = _Search(z, good, weights, card, positive[places])
    chosen = search.run()
    left = [
        LeftOut(names[places[i]], "criterion", search.asked.get(i, 0.0), card.max_pvalue if search.by_p else 0.0)
        for i in range(len(places))
        if i not in chosen
    ]
    return [places[i] for i in chosen], left


class _Search:
    """One stepwise search: the columns chosen so far and their fit; `asked` is the p-value of each column left out."""

    def __init__(self, z: Floats, good: Floats, weights: Floats, card: CardOptions, positive: Flags) -> None:
        self.z, self.good, self.weights, self.card, self.positive = z, good, weights, card, positive
        self.by_p = card.stepwise == "pvalue"
        self.toll = math.log(max(float(weights.sum()), 3.0)) if card.stepwise == "bic" else 2.0
        self.asked: dict[int, float] = {}

    def run(self) -> list[int]:
        columns = self.z.shape[1]
        chosen = [] if self.card.direction == "forward" else list(range(columns))
        solution = self._fit(chosen)
        seen = {tuple(chosen)}
        while True:
            step = self._put_out(chosen, solution) if self.card.direction != "forward" else None
            if step is None and self.card.direction != "backward":
                step = self._let_in(chosen, solution)
            # Limits of p-value may lead in a circle; a choice seen before ends the search.
            if step is None or tuple(step[0]) in seen:
                break
            chosen, solution = step
            seen.add(tuple(chosen))
        sums = self._sums(chosen, solution)
        for j in range(columns):
            if j not in chosen:
                self.asked[j] = chi_square_tail(self._score(j, chosen, sums))
        return chosen

    def _fit(self, chosen: list[int]) -> Solution:
        return fit_penalised(
            np.ascontiguousarray(self.z[:, chosen]),
            self.good,
            self.weights,
            ridge=self.card.ridge,
            lasso=self.card.lasso,
            positive=self.positive[chosen],
        )

    def _sums(self, chosen: list[int], solution: Solution) -> Sums:
        beta = np.zeros(self.z.shape[1] + 1)
        beta[[0, *(j + 1 for j in chosen)]] = solution.beta
        return likelihood(self.z, self.good, self.weights, beta)

    def _score(self, j: int, chosen: list[int], sums: Sums) -> float:
        """Rao's score statistic of column j; 0 where it would enter with the wrong sign."""
        if self.positive[j] and sums.gradient[j + 1] >= 0.0:
            return 0.0
        held = [0, *(k + 1 for k in chosen)]
        inner, side = sums.hessian[np.ix_(held, held)], sums.hessian[held, j + 1]
        free = float(sums.hessian[j + 1, j + 1]) - float(side @ np.linalg.pinv(inner) @ side)
        # What the others say already has no information left of its own.
        if free <= 1e-9 * float(sums.hessian[j + 1, j + 1]):
            return 0.0
        return float(sums.gradient[j + 1]) ** 2 / free

    def _better(self, fitted: Solution, before: Solution, more: int) -> bool:
        return 2.0 * fitted.sums.loss + self.toll * more < 2.0 * before.sums.loss

    def _let_in(self, chosen: list[int], solution: Solution) -> tuple[list[int], Solution] | None:
        sums = self._sums(chosen, solution)
        rest = [(self._score(j, chosen, sums), -j) for j in range(self.z.shape[1]) if j not in chosen]
        if not rest:
            return None
        score, place = max(rest)
        if score <= 0.0 or (self.by_p and chi_square_tail(score) >= self.card.max_pvalue):
            return None
        wider = sorted([*chosen, -place])
        fitted = self._fit(wider)
        return (wider, fitted) if self.by_p or self._better(fitted, solution, 1) else None

    def _put_out(self, chosen: list[int], solution: Solution) -> tuple[list[int], Solution] | None:
        if not chosen:
            return None
        ridge = np.diag([0.0, *[self.card.ridge] * len(chosen)])
        variance = np.diag(np.linalg.pinv(solution.sums.hessian + ridge))[1:]
        slopes = solution.beta[1:]
        wald = [
            (float(b * b / v) if v > 0.0 else 0.0, -i) for i, (b, v) in enumerate(zip(slopes, variance, strict=True))
        ]
        least, place = min(wald)
        if self.by_p and chi_square_tail(least) <= self.card.max_pvalue:
            return None
        narrower = [j for i, j in enumerate(chosen) if i != -place]
        fitted = self._fit(narrower)
        return (narrower, fitted) if self.by_p or not self._better(solution, fitted, 1) else None
