"""Networks: shapes, names, buffers, copies."""

from __future__ import annotations

import copy
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import glassnet as gn


def nested() -> gn.Sequential:
    return gn.Sequential(
        gn.Dense(6),
        gn.ReLU(),
        gn.Residual(gn.Dense(4), gn.Tanh(), gn.Dense(6, use_bias=False)),
        gn.Concat([gn.Dense(2), "sigmoid"], gn.Dense(3)),
        gn.Dense(1),
    )


def test_names_and_shapes_follow_the_build_order() -> None:
    net = nested()
    assert net.build((5,)) == (1,)
    assert [(name, view.shape) for name, view in net.named_parameters()] == [
        ("0.weight", (5, 6)),
        ("0.bias", (6,)),
        ("2.residual.0.weight", (6, 4)),
        ("2.residual.0.bias", (4,)),
        ("2.residual.2.weight", (4, 6)),
        ("3.0.0.weight", (6, 2)),
        ("3.0.0.bias", (2,)),
        ("3.1.weight", (6, 3)),
        ("3.1.bias", (3,)),
        ("4.weight", (5, 1)),
        ("4.bias", (1,)),
    ]


def test_parameters_are_one_contiguous_buffer_of_views() -> None:
    net = nested()
    net.build((5,))
    assert net.parameters.flags.c_contiguous
    assert net.parameters.size == sum(view.size for _, view in net.named_parameters())
    net.parameters[...] = np.arange(net.parameters.size)
    joined = np.concatenate([view.ravel() for _, view in net.named_parameters()])
    np.testing.assert_array_equal(joined, net.parameters)
    for layer in (net.layers[0], net.layers[4]):
        assert np.shares_memory(layer.weight.value, net.parameters)
        assert np.shares_memory(layer.weight.gradient, net.gradients)


def test_a_network_inside_sees_its_own_part_of_the_buffer() -> None:
    net = nested()
    net.build((5,))
    inside = net.layers[2]
    assert isinstance(inside, gn.Residual)
    assert inside.parameters.size == 6 * 4 + 4 + 4 * 6
    inside.parameters[...] = 7.0
    assert dict(net.named_parameters())["2.residual.2.weight"].min() == 7.0
    assert inside.named_parameters()[0][0] == "residual.0.weight"


def test_backward_overwrites_gradients() -> None:
    net = nested()
    net.build((5,), dtype="float64")
    x = np.random.default_rng(0).normal(size=(4, 5))
    run = gn.NumpyRunner()
    found = []
    for _ in range(2):
        y, cache = net.forward(run, x, training=True)
        net.backward(run, np.ones_like(y), cache)
        found.append(net.gradients.copy())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0]).max() > 0


def test_the_same_seed_draws_the_same_parameters_and_another_seed_others() -> None:
    nets = [nested(), nested(), nested()]
    for net, seed in zip(nets, (1, 1, 2), strict=True):
        net.build((5,), seed=seed)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    assert not np.array_equal(nets[0].parameters, nets[2].parameters)


def test_float32_and_float64_start_from_the_same_draw() -> None:
    single, double = nested(), nested()
    single.build((5,), seed=3)
    double.build((5,), seed=3, dtype="float64")
    assert single.parameters.dtype == np.float32
    np.testing.assert_array_equal(single.parameters, double.parameters.astype(np.float32))


@pytest.mark.parametrize("twin_of", [lambda n: n.copy(), copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_is_whole_and_independent(twin_of: object) -> None:
    net = nested()
    net.build((5,))
    twin = twin_of(net)  # type: ignore[operator]
    np.testing.assert_array_equal(twin.parameters, net.parameters)
    twin.parameters[...] = 0
    assert np.abs(net.parameters).max() > 0
    assert twin.layers[0].weight.value.max() == 0
    assert np.shares_memory(twin.layers[2].parameters, twin.parameters)


def test_a_copy_in_float64_keeps_the_values() -> None:
    net = nested()
    net.build((5,))
    twin = net.copy("float64")
    assert twin.dtype == np.float64
    np.testing.assert_array_equal(twin.parameters, net.parameters.astype(np.float64))


def test_residual_adds_and_concat_joins() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2))
    residual = gn.Sequential(gn.Residual(gn.Dense(2, weight_init=np.array([[1.0, 0.0], [0.0, 2.0]]))))
    residual.build((2,), dtype="float64")
    y, _ = residual.forward(gn.NumpyRunner(), x, training=False)
    np.testing.assert_allclose(y, x * [2.0, 3.0])
    joined = gn.Sequential(gn.Concat("identity", "tanh"))
    joined.build((2,), dtype="float64")
    y, _ = joined.forward(gn.NumpyRunner(), x, training=False)
    np.testing.assert_allclose(y, np.hstack([x, np.tanh(x)]))


def test_many_threads_may_predict_at_once() -> None:
    net = nested()
    net.build((5,))
    x = np.random.default_rng(0).normal(size=(40, 5))
    expected, _ = net.forward(gn.NumpyRunner(), x, training=False)
    wrong: list[int] = []

    def predict(number: int) -> None:
        for _ in range(30):
            y, _ = net.forward(gn.NumpyRunner(), x, training=False)
            if not np.array_equal(y, expected):
                wrong.append(number)

    threads = [threading.Thread(target=predict, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_summary_counts_parameters_and_flops() -> None:
    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
    net.build((64,))
    summary = net.summary()
    assert summary.parameters == 64 * 128 + 128 + 128 * 10 + 10
    assert summary.flops == 2 * 64 * 128 + 128 + 128 + 2 * 128 * 10 + 10
    text = str(summary)
    assert "Dense(128)" in text
    assert "(N, 10)" in text
    assert "9,610" in text


def test_names_of_activations_and_added_layers() -> None:
    net = gn.Sequential(gn.Dense(3), "relu").add(gn.Dense(2))
    assert repr(net) == "Sequential(Dense(3), ReLU(), Dense(2))"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: gn.Sequential(gn.ReLU), gn.ConfigurationError, "make an object of it: ReLU"),
        (lambda: gn.Sequential("rellu"), gn.ConfigurationError, "did you mean 'relu'"),
        (lambda: gn.Sequential([gn.ReLU()]), gn.ConfigurationError, r"a list of 1 layers.*Sequential\(\*layers\)"),
        (lambda: gn.Sequential(3), gn.ConfigurationError, r"3 \(a int\)"),
        (lambda: gn.Sequential(gn.Dense(2)).build((2, 3, 4)), gn.ShapeError, r"layer 0 \(Dense\(2\)\).*Flatten"),
        (lambda: gn.Sequential(gn.Dense(2)).build(()), gn.ShapeError, "without the batch axis"),
        (lambda: gn.Sequential(gn.Dense(2)).build((0,)), gn.ShapeError, "above 0"),
        (lambda: gn.Sequential(gn.Dense(2)).build((2,), dtype="float16"), gn.ConfigurationError, "float16.*float32"),
        (lambda: gn.Sequential(gn.Reshape((2, 2))).build((3,)), gn.ShapeError, "3 elements.*4 elements"),
        (lambda: gn.Sequential(gn.Residual(gn.Dense(3))).build((2,)), gn.ShapeError, r"\(N, 3\).*\(N, 2\).*shortcut"),
        (lambda: gn.Concat(), gn.ConfigurationError, "at least one branch"),
        (lambda: gn.Sequential(gn.Concat("relu", "tanh", axis=2)).build((4,)), gn.ShapeError, "axis 2"),
        (lambda: gn.Dense(0), gn.ConfigurationError, "units=0"),
        (lambda: gn.Dense(2.5), gn.ConfigurationError, "units=2.5"),
        (lambda: gn.Dropout(1.0), gn.ConfigurationError, "rate=1.0.*0 ≤ rate < 1"),
        (lambda: gn.Sequential(gn.Dense(2)).parameters, gn.NotBuiltError, "net.build"),
        (lambda: gn.Sequential(gn.Dense(2)).summary(), gn.NotBuiltError, r"net.build"),
        (
            lambda: gn.Sequential(gn.Dense(2, weight_init=np.ones((2, 3)))).build((3,)),
            gn.ShapeError,
            r"\(2, 3\).*\(3, 2\)",
        ),
    ],
)
def test_mistakes_are_explained(make: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        make()  # type: ignore[operator]


def test_a_layer_object_in_two_places_shares_its_weights() -> None:
    shared = gn.Dense(3)
    net = gn.Sequential(shared, shared)
    net.build((3,))
    assert net[0] is shared
    assert net[1] is not shared
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias"]
    shared.weight[...] = 5
    assert (net[1].weight.value == 5).all()


def test_a_failed_build_leaves_a_trained_network_as_it_was() -> None:
    net = gn.Sequential(gn.Dense(4), gn.Reshape((2, 2)), gn.Flatten(), gn.Residual(gn.Dense(4)))
    net.build((3,))
    x = np.ones((1, 3))
    before, _ = net.forward(gn.NumpyRunner(), x, training=False)
    net.layers[1].shape = (3, 3)  # type: ignore[attr-defined]
    with pytest.raises(gn.ShapeError, match="9 elements"):
        net.build((5,))
    net.layers[1].shape = (2, 2)  # type: ignore[attr-defined]
    after, _ = net.forward(gn.NumpyRunner(), x, training=False)
    np.testing.assert_array_equal(after, before)
    assert np.shares_memory(net.layers[0].weight.value, net.parameters)
    assert net.layers[0].input_shape == (3,)


def test_adding_to_a_built_network_is_refused() -> None:
    net = gn.Sequential(gn.Dense(3))
    net.build((2,))
    with pytest.raises(gn.ConfigurationError, match="make a new network"):
        net.add(gn.Dense(1))


def test_forward_names_the_layer_that_does_not_fit() -> None:
    net = gn.Sequential(gn.Dense(3))
    net.build((2,))
    with pytest.raises(gn.ShapeError, match=r"\(4, 5\).*\(N, 2\).*layer 0 \(Dense\(3\)\)"):
        net.forward(gn.NumpyRunner(), np.ones((4, 5)), training=True)


def test_dropout_draws_anew_in_a_loop_by_hand_and_repeats_with_a_fixed_step() -> None:
    net = gn.Sequential(gn.Dropout(0.5))
    net.build((200,))
    x = np.ones((1, 200))
    run = gn.NumpyRunner(seed=1)
    first, second = (net.forward(run, x, training=True)[0] for _ in range(2))
    assert not np.array_equal(first, second)
    again = gn.NumpyRunner(seed=1, step=0)
    for _ in range(2):
        np.testing.assert_array_equal(net.forward(again, x, training=True)[0], first)
    np.testing.assert_array_equal(net.forward(run, x, training=False)[0], x)


def test_two_dropout_layers_draw_different_masks() -> None:
    net = gn.Sequential(gn.Concat(gn.Dropout(0.5), gn.Dropout(0.5)))
    net.build((200,))
    y, _ = net.forward(gn.NumpyRunner(step=0), np.ones((1, 200)), training=True)
    assert not np.array_equal(y[:, :200], y[:, 200:])


def test_the_shapes_of_a_network_are_found_without_an_array_of_the_size_of_its_rows() -> None:
    network = gn.Sequential(gn.Dense(3))
    values = {"0.weight": np.zeros((5, 3), np.float32), "0.bias": np.zeros(3, np.float32)}
    tracemalloc.start()
    try:
        with pytest.raises(gn.GlassnetError, match="0.weight"):
            network.restore(values, (1 << 24,), np.dtype(np.float32))
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (gn.PositionalEncoding(), (1_000_000, 4)),
        (gn.PositionalEncoding(), (4, 1_000_000)),
        (gn.PositionalEncoding(most_steps=1_000_000), (4, 4)),
        (gn.SelfAttention(1, rotary=True), (1_000_000, 4)),
    ],
)
def test_tables_of_positions_are_not_made_before_rows_come(layer: gn.Layer, shape: tuple[int, int]) -> None:
    network = gn.Sequential(layer)
    tracemalloc.start()
    try:
        network.infer_shapes(shape, np.random.default_rng(0))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_rows_in_which_numbers_are_looked_up_are_bounded_before_an_array_of_their_size_is_made() -> None:
    net = gn.Sequential(gn.Embedding(10, 2), gn.Permute(2, 1), gn.GlobalAveragePool(), gn.Dense(2))
    tracemalloc.start()
    try:
        with pytest.raises(gn.ConfigurationError, match="rows of 1,000,000,000 numbers"):
            net.build((10**9,))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
    assert not net.is_built
    net.build((7,))
