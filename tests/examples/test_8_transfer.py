"""Example 8: what it promises, and that the reader stays as it was."""

import numpy as np
import pytest

import glassnet as gn

EXAMPLE = "8_transfer"


def test_a_reader_counts_holes_better_than_a_network_that_starts_from_nothing(run_example):
    found, printed = run_example(EXAMPLE, seeds=5, epochs=100)
    assert f"{found.new_layer:.3f}" in printed
    assert found.reader > 0.93
    assert found.new_layer > found.from_nothing + 0.02
    assert found.all_layers > found.from_nothing + 0.02


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_the_copied_layers_are_the_readers_until_they_are_trained(engine):
    digits = gn.data.digits()
    x, y = digits.x[:200] / 16, digits.y[:200]
    reader = gn.Model(gn.Sequential(gn.Dense(16), gn.ReLU(), gn.Dense(10)), "cross_entropy", "adam", engine=engine)
    reader.fit(x, y, epochs=2, verbose=False)
    before, answers = reader.network.weights(), reader.predict(x)
    network = gn.Sequential(*reader.network[:-1].copy(), gn.Dense(3))
    network[:-1].freeze()
    holes = gn.Model(network, "cross_entropy", "adam", engine=engine)
    holes.fit(x, y % 3, epochs=2, verbose=False)
    np.testing.assert_array_equal(network[0].weight, before["0.weight"])
    network.unfreeze()
    holes.fit(x, y % 3, epochs=2, verbose=False)
    assert (network[0].weight.value != before["0.weight"]).any()
    np.testing.assert_array_equal(reader.predict(x), answers)
