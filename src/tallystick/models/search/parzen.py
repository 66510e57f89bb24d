"""The tuner's other sampler: optuna's tree-structured Parzen estimator, an extra."""

from __future__ import annotations

from typing import Any

from tallystick.core import StateError
from tallystick.models.layers import fold_of
from tallystick.models.search.space import Settings, Space
from tallystick.models.search.tune import Budget, Counter, Data, Trial, score_of
from tallystick.models.search.words import WORDS


def parzen(estimator: Any, data: Data, space: Space, budget: Budget, seed: int, counter: Counter) -> list[Trial]:
    """As many trials on all rows as the budget allows, best first."""
    try:
        import optuna
    except ImportError:
        raise StateError(WORDS("search.optuna")) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fold = fold_of(data.y, budget.folds, seed, data.groups)
    trials: list[Trial] = []
    known: dict[tuple[int, ...], float] = {}

    def objective(trial: Any) -> float:
        # Places stand for the values, which optuna could not store.
        places = {name: trial.suggest_int(name, 0, len(values) - 1) for name, values in space.items()}
        key = tuple(places.values())
        if key not in known:
            settings: Settings = {name: space[name][place] for name, place in places.items()}
            known[key] = score_of(estimator, settings, data, fold, budget.folds, counter)
            trials.append(Trial(settings, 1.0, known[key]))
        return known[key]

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=max(1, budget.fits // (budget.folds - 1)))
    return sorted(trials, key=lambda trial: -trial.auc)
