"""Out-of-fold probabilities of one model over one repeat, kept so that a stopped run goes on where it was."""

from __future__ import annotations

import hashlib
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from bench.quality.data import Data
from bench.quality.peers import PEERS, as_pandas, run
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

import tallystick
from tallystick.models import LayeredClassifier, Scorecard

FOLDS = 5
OURS = {"layered": LayeredClassifier, "scorecard": Scorecard}
MODELS = (*OURS, *PEERS)
_DISTRIBUTIONS = {
    "HistGB": ("scikit-learn",),
    "LightGBM": ("lightgbm",),
    "optbinning + LR": ("optbinning", "scikit-learn"),
    "EBM": ("interpret-core",),
}

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def folds(y: Floats, repeat: int) -> list[tuple[Rows, Rows]]:
    """The same folds for every model: stratified, shuffled by the number of the repeat."""
    return list(StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(np.zeros(y.size), y))


def key(model: str) -> str:
    """What an answer hangs on: the releases of a peer; of ours, the source of the models and what they stand on."""
    if model in PEERS:
        return "-".join(version(name) for name in _DISTRIBUTIONS[model])
    root = Path(tallystick.__file__).parent
    digest = hashlib.sha256(version("lightgbm").encode())
    rooms = ("binning", "layers", "scorecard", "trees")
    sources = [path for room in rooms for path in (root / "models" / room).glob("*.py")]
    sources += [root / "models" / f"{name}.py" for name in ("calibration", "estimator", "frames", "logistic")]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def out_of_fold(data: Data, repeat: int, model: str, cache: Path) -> Floats:
    """The probability of every row by a model that did not see its fold."""
    name = f"{data.name}-{model}-{repeat}-{key(model)}".replace(" ", "_").replace(",", "")
    path = cache / f"{name}.npy"
    if path.exists():
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    table: Any = data.frame if model in OURS else as_pandas(data.frame)
    pd = np.empty(data.y.size)
    for known, held in folds(data.y, repeat):
        pd[held] = (
            ours(model, data.frame, data.y, known, held)
            if model in OURS
            else run(PEERS[model], table, data.y, known, held)
        )
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, pd)
    part.rename(path)
    return pd


def ours(model: str, frame: pl.DataFrame, y: Floats, known: Rows, held: Rows) -> Floats:
    """A model of ours with its defaults, as the peers have theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = OURS[model]().fit(frame[known], y[known])
    return np.asarray(fitted.predict_proba(frame[held])[:, 1])
