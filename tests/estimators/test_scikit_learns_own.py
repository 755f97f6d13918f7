"""scikit-learn's own tests of its perceptrons, from the installed package, with both classes replaced by ours.

The file is run as it is: only the names ``MLPClassifier`` and ``MLPRegressor`` stand for other classes while it is
read, so that its parametrisations speak of ours, too.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from types import ModuleType

import pytest
import sklearn.neural_network

from glassnet.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore")  # their suite has its own opinion of warnings

ITS_NAME = "sklearn.neural_network.tests.test_mlp"
PRIVATE = re.compile(r"\.(_[a-z]\w+)")

LEFT_OUT = {
    "test_gradient": "calls _loss_grad_lbfgs; gradients are checked in tests/test_gradients.py",
    "test_learning_rate_warmstart": "reads _optimizer; see test_invscaling_goes_on_with_a_warm_start",
    "test_adaptive_learning_rate": "reads _optimizer; see test_an_adaptive_rate_falls_to_its_end",
    "test_n_iter_no_change": "reads _no_improvement_count; see test_waits_for_as_many_epochs_as_it_is_told",
    "test_n_iter_no_change_inf": "reads _no_improvement_count; see test_waits_for_as_many_epochs_as_it_is_told",
}
"""Tests that look at private attributes, each with the reason and what stands in its place."""

OTHER_WORDS = {"test_early_stopping_stratified": "The least populated class in y has only 1 member"}
"""Tests that hold errors to words that newer versions have changed: ours are the newer ones."""


def _with_ours() -> ModuleType:
    spec = importlib.util.find_spec(ITS_NAME)
    if spec is None or spec.loader is None:
        pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)
    module = importlib.util.module_from_spec(spec)
    package, theirs = sklearn.neural_network, {}
    for ours in (MLPClassifier, MLPRegressor):
        theirs[ours.__name__] = getattr(package, ours.__name__)
        setattr(package, ours.__name__, ours)
    try:
        spec.loader.exec_module(module)
    finally:
        for name, own in theirs.items():
            setattr(package, name, own)
    return module


THEIRS = _with_ours()
TESTS = {name: test for name, test in vars(THEIRS).items() if name.startswith("test_") and callable(test)}
OLDER = {name for name, words in OTHER_WORDS.items() if name in TESTS and words in inspect.getsource(TESTS[name])}
globals().update({name: test for name, test in TESTS.items() if name not in {*LEFT_OUT, *OLDER}})


@pytest.fixture
def global_random_seed() -> int:
    """The seed that their suite takes where none is asked for."""
    return 42


def test_the_file_speaks_of_our_classes() -> None:
    assert THEIRS.MLPClassifier is MLPClassifier
    assert THEIRS.MLPRegressor is MLPRegressor
    assert sklearn.neural_network.MLPClassifier is not MLPClassifier
    assert len(TESTS) - len(LEFT_OUT) > 30


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_looks_at_what_is_private(name: str) -> None:
    if name not in TESTS:
        pytest.skip(f"this version of scikit-learn has no {name}")
    assert any(found in LEFT_OUT[name] for found in PRIVATE.findall(inspect.getsource(TESTS[name])))
