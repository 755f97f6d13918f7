"""Estimators of several members: each is an estimator of its own, and they answer together."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from glassnet.core.errors import ConfigurationError
from glassnet.many import Ensemble
from glassnet.many.workers import side_by_side

LARGEST_SEED = 2**31 - 1
OWN = "ensemble", "random_state", "verbose"
"""Settings in which members differ from the estimator that they belong to."""
FROM_FIRST = (
    *("n_features_in_", "feature_names_in_", "classes_", "n_outputs_", "out_activation_", "n_layers_", "t_"),
    "_targets",
)
"""What is known of the data, and of the networks' form, by all members alike."""


def fit_members(estimator: Any, X: Any, y: Any, sample_weight: Any, eval_set: Any, **how: Any) -> Any:
    """Fits ``estimator.ensemble`` members, each as it would be fitted alone with a ``random_state`` of its own.

    Args:
        estimator: gets ``estimators_``, ``model_`` and what is known of the data.
        X: as ``fit`` takes it.
        y: likewise.
        sample_weight: likewise.
        eval_set: likewise.
        how: ``incremental`` and ``classes`` of ``partial_fit``.

    Raises:
        ConfigurationError: weights to begin with, of which there is one set for several members.
        KeyboardInterrupt: Ctrl-C came before all of them had begun.
    """
    if estimator.__dict__.get("_given_weights"):
        raise ConfigurationError(
            where=type(estimator).__name__,
            received=f"coefs_ or intercepts_ before the first fit, with ensemble={estimator.ensemble}",
            expected="weights for each member, of which there are several",
            fix="leave ensemble out, or let the members draw their weights by random_state",
        )
    members = list(getattr(estimator, "estimators_", ()))
    goes_on = (estimator.warm_start or how["incremental"]) and len(members) == estimator.ensemble
    shared = {name: value for name, value in clone(estimator).get_params(deep=False).items() if name not in OWN}
    if goes_on:
        for member in members:
            member.set_params(**shared)
    else:
        random = check_random_state(estimator.random_state)
        seeds: dict[int, None] = {}
        while len(seeds) < estimator.ensemble:
            seeds[int(random.randint(LARGEST_SEED))] = None
        alone = {"ensemble": None, "verbose": False}
        members = [clone(estimator).set_params(**alone, random_state=seed) for seed in seeds]

    def fit(number: int) -> Any:
        return members[number]._fit(X, y, sample_weight, eval_set, **how)

    results = side_by_side(
        fit, len(members), workers=None, where=type(estimator).__name__, verbose=bool(estimator.verbose)
    )
    for number, result in enumerate(results):
        if isinstance(result, Exception):
            result.add_note(f"in member {number} of {len(members)}")
            raise result
        if result is None:
            raise KeyboardInterrupt
    for name in FROM_FIRST:
        if hasattr(members[0], name):
            setattr(estimator, name, getattr(members[0], name))
        elif name in estimator.__dict__:
            delattr(estimator, name)
    estimator.n_iter_ = max(member.n_iter_ for member in members)
    estimator.loss_ = float(np.mean([member.loss_ for member in members]))
    estimator.estimators_ = members
    estimator.model_ = Ensemble.of([member.model_ for member in members])
    return estimator
