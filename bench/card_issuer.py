"""The stacked model beside scikit-learn's HistGradientBoosting: `python bench/card_issuer.py PROJECT`.

Same columns (the model's labels, protected ones out), same rows, same stratified folds. The project must have been
trained (`tally run` or `tally train`); its own figures are those of the stored report. Exits 1 when the mean AUC lies
more than .002 below the peer's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

from tallystick import models
from tallystick.desk import last_run, load_project, training_frame

TOLERANCE = 0.002


def main() -> None:
    """Compare every model of a project."""
    project = load_project(Path(sys.argv[1]))
    trained = last_run(project).train
    assert trained is not None
    failed = False
    print(f"{'model':<16}{'rows':>8}{'ours':>10}{'HistGB':>10}{'difference':>12}")
    for model in trained.models:
        recipe, report = project.recipes[model.name], model.report
        frame = training_frame(project, recipe)
        if recipe.split.kind == "time" or recipe.sample_negatives < 1.0:
            print(f"{model.name:<16} is cross-validated on a sample of its own; no peer is run")
            continue
        y = frame[recipe.target].cast(pl.Float64).to_numpy()
        x = frame.select(pl.col(label).cast(pl.Float64) for label in recipe.labels).to_numpy()
        fold = models.fold_of(y, recipe.folds, recipe.seed + 1)
        peer = []
        for k in range(recipe.folds):
            fitted = HistGradientBoostingClassifier(random_state=0).fit(x[fold != k], y[fold != k])
            peer.append(models.auc(fitted.predict_proba(x[fold == k])[:, 1], y[fold == k]))
        difference = report.auc - float(np.mean(peer))
        failed |= difference < -TOLERANCE
        print(f"{model.name:<16}{len(y):>8,}{report.auc:>10.4f}{np.mean(peer):>10.4f}{difference:>+12.4f}")
        for k, (ours, theirs) in enumerate(zip(report.auc_folds, peer, strict=True), 1):
            print(f"  fold {k:<17}{ours:>10.4f}{theirs:>10.4f}{ours - theirs:>+12.4f}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
