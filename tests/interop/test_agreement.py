"""The comparison of a network with what another library makes of the same rows."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet.interop.agreement import require_agreement, rows_to_try


def net(*layers: gn.Layer | str, shape: tuple[int, ...] = (4,), dtype: str = "float64") -> gn.Network:
    found = gn.Sequential(*layers)
    found.build(shape, dtype=dtype)
    return found


def outputs(network: gn.Network, x: np.ndarray) -> np.ndarray:
    return network.forward(gn.NumpyRunner(), x, training=False)[0]


def test_the_rows_reach_what_layers_do() -> None:
    first, second = rows_to_try((2, 3))
    assert (first.shape, second.shape, first.dtype) == ((3, 2, 3), (2, 2, 3), np.float32)
    assert np.abs(first).max() > 20
    assert (first[2] <= 0).all()
    assert (first[0] > 0).any()
    assert (first[0] < 0).any()
    numbers = np.concatenate(rows_to_try((5,), 3))
    assert set(numbers.ravel().tolist()) == {0, 1, 2}


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_passes_and_more_does_not(dtype: str, size: float) -> None:
    network = net(gn.Dense(3, weight_init=size), dtype=dtype)
    exact = network.copy("float64")
    for x in rows_to_try((4,)):
        expected = outputs(exact, x.astype(np.float64))
        like = outputs(network, x.astype(dtype))
        require_agreement(network, x.astype(dtype), expected, where="here", other="it", like=like)
        more = {"expected": expected * 1.001, "like": like * 1.001}
        with pytest.raises(gn.ConfigurationError, match=r"here: received .* at row 0, column 0 .*of Dense\(3.*of it"):
            require_agreement(network, x.astype(dtype), where="here", other="it", **more)


def test_a_single_element_and_what_is_not_finite_count() -> None:
    network, x = net("relu"), rows_to_try((4,))[0].astype(np.float64)
    expected = outputs(network, x)
    for place, value in (((1, 2), 1e-3), ((2, 3), np.nan), ((0, 0), np.inf)):
        other = expected.copy()
        other[place] += value
        with pytest.raises(gn.ConfigurationError, match=f"at row {place[0]}, column {place[1]} of random rows"):
            require_agreement(network, x, other, where="here", other="it")
    x[0, 0] = np.inf
    require_agreement(network, x, outputs(network, x), where="here", other="it")


def test_shapes_count() -> None:
    network, x = net(gn.Flatten(), shape=(2, 2)), np.ones((3, 2, 2))
    with pytest.raises(gn.ConfigurationError, match=r"outputs of shape \(3, 4\) here and \(3, 2, 2\) there"):
        require_agreement(network, x, x, where="here", other="it")
