"""The figures behind a model's plots, from its metrics on one sample."""

from __future__ import annotations

import numpy as np

from tallystick import models
from tallystick.desk.reportdata import CalibrationBin, KsPoint, ModelCurves, Phrase, ScoreHistogram, TradeOffPoint


def curves_of(name: str, sample: Phrase, seen: models.Evaluation) -> ModelCurves:
    """Score distribution, KS, calibration and trade-off of one sample.

    Parameters
    ----------
    name
        Of the model.
    sample
        On which cases the figures were counted.
    seen
        The metrics.
    """
    points = seen.points
    good, bad = np.asarray(points.goods), np.asarray(points.bads)
    below_good = np.r_[0.0, np.cumsum(good)] / max(float(good.sum()), 1.0)
    below_bad = np.r_[0.0, np.cumsum(bad)] / max(float(bad.sum()), 1.0)
    above_bad = bad.sum() - np.r_[0.0, np.cumsum(bad)]
    above = good.sum() - np.r_[0.0, np.cumsum(good)] + above_bad
    trade = [
        TradeOffPoint(float(edge), float(n / above[0]), float(b / n))
        for edge, n, b in zip(points.edges, above, above_bad, strict=True)
        if n > 0
    ]
    return ModelCurves(
        name=name,
        sample=sample,
        scores=ScoreHistogram(
            tuple(map(float, points.edges)), tuple(round(x) for x in good), tuple(round(x) for x in bad)
        ),
        ks=tuple(
            KsPoint(float(edge), float(g), float(b))
            for edge, g, b in zip(points.edges, below_good, below_bad, strict=True)
        ),
        calibration=tuple(CalibrationBin(c.mean_pd, c.observed, round(c.rows)) for c in seen.calibration),
        trade_off=tuple(trade),
    )
