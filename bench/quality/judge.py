"""The rules of the comparison: paired differences over the same folds, and what counts as no worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from bench.quality.peers import PEERS
from bench.quality.run import Floats, folds

from tallystick.models import auc, brier, calibration_line

AUC_TOLERANCE = 0.002
BRIER_TOLERANCE = 0.0005
SLOPES = (0.9, 1.1)
CARDS = ("optbinning + LR",)
"""The peers that are scorecards."""


class Figures(NamedTuple):
    """Of one model on one data set: AUC of every repeat and fold, Brier score and slope of every repeat."""

    auc: Floats
    brier: Floats
    slope: Floats


def figures(y: Floats, repeats: Mapping[int, Floats]) -> Figures:
    """The figures of out-of-fold probabilities, by repeat."""
    areas = [auc(pd[held], y[held]) for repeat, pd in repeats.items() for _, held in folds(y, repeat)]
    briers = [brier(pd, y) for pd in repeats.values()]
    slopes = [calibration_line(np.clip(pd, 1e-9, 1 - 1e-9), y)[0] for pd in repeats.values()]
    return Figures(np.asarray(areas), np.asarray(briers), np.asarray(slopes))


class Verdict(NamedTuple):
    """Paired differences from the peer with the highest mean AUC, and every rule that was broken."""

    best: str
    difference: float
    card_difference: float
    broken: tuple[str, ...]


def judge(found: Mapping[str, Figures]) -> Verdict:
    """Hold the layered model and the scorecard of one data set against the peers."""
    best = max(PEERS, key=lambda name: float(found[name].auc.mean()))
    ours, card = found["layered"], found["scorecard"]
    difference = float((ours.auc - found[best].auc).mean())
    peer = max(CARDS, key=lambda name: float(found[name].auc.mean()))
    card_difference = float((card.auc - found[peer].auc).mean())
    broken = []
    if difference < -AUC_TOLERANCE:
        broken.append(f"AUC {difference:+.4f} from {best}")
    if card_difference < -AUC_TOLERANCE:
        broken.append(f"scorecard AUC {card_difference:+.4f} from {peer}")
    least = min(float(found[name].brier.mean()) for name in PEERS)
    if float(ours.brier.mean()) > least + BRIER_TOLERANCE:
        broken.append(f"Brier {ours.brier.mean():.4f}, the least of the peers {least:.4f}")
    slope, theirs = float(ours.slope.mean()), float(found[best].slope.mean())
    if not SLOPES[0] <= slope <= SLOPES[1] and abs(slope - 1.0) > abs(theirs - 1.0):
        broken.append(f"calibration slope {slope:.3f}, {best} {theirs:.3f}")
    return Verdict(best, difference, card_difference, tuple(broken))
