"""Settings: what is refused, and how they come back from JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet.playground import Setting


def test_a_setting_survives_json() -> None:
    setting = Setting(dataset="moons", hidden=(3, 16), axes=(1, 0), l1=0.01)
    assert Setting.from_dict(json.loads(json.dumps(setting.to_dict()))) == setting


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "an object"),
        ({"colour": 1}, "colour"),
        ({"batchsize": 1}, "did you mean 'batch_size'"),
        ({"dataset": "/etc/passwd"}, "dataset"),
        ({"dataset": ["xor"]}, "dataset"),
        ({"hidden": [17]}, "at most 16"),
        ({"hidden": [0]}, "at least 1"),
        ({"hidden": [2.0]}, "whole number"),
        ({"hidden": [4] * 7}, "at most 6 layers"),
        ({"hidden": "8"}, "at most 6 layers"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": 10.1}, "learning_rate"),
        ({"learning_rate": True}, "learning_rate"),
        ({"learning_rate": None}, "learning_rate"),
        ({"noise": 0.51}, "noise"),
        ({"held_out": 0.95}, "held_out"),
        ({"rows": 2001}, "rows"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"l2": float("nan")}, "l2"),
        ({"target": "x" * 201}, "target"),
        ({"target": 3}, "target"),
        ({"axes": [0]}, "axes"),
        ({"axes": [0, -1]}, "axes"),
        ({"optimizer": "lbfgs"}, "optimizer"),
        ({"activation": {}}, "activation"),
        ({"inputs": []}, "inputs"),
        ({"inputs": ["x2", "x1"]}, "in that order"),
        ({"inputs": ["x1", "x1"]}, "in that order"),
        ({"inputs": ["x3"]}, "inputs"),
        ({"inputs": "x1"}, "inputs"),
        ({"inputs": [["x1"]]}, "inputs"),
        ({"dropout": 0.95}, "dropout"),
        ({"batch_norm": 1}, "batch_norm"),
        ({"pooling": 2}, "pooling"),
        ({"filters": 9}, "at most 8"),
        ({"filters": True}, "filters"),
        ({"kernel_size": 1}, "kernel_size"),
        ({"kernel_size": 6}, "at most 5"),
    ],
)
def test_a_wrong_setting_is_refused(values: Any, message: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=message):
        Setting.from_dict(values)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)  # other work goes on beside
@given(st.dictionaries(st.sampled_from(list(Setting().to_dict())) | st.text(max_size=8), json_values, max_size=4))
def test_whatever_comes_a_setting_is_made_or_refused(values: dict[str, Any]) -> None:
    with suppress(gn.ConfigurationError):  # and nothing else
        setting = Setting.from_dict(values)
        assert Setting.from_dict(setting.to_dict()) == setting
