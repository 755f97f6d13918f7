"""Layers in several places, frozen layers, rates of their own, weights read and written."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import description_of, edited

import glassnet as gn
from glassnet.core import memory
from glassnet.training.snapshots import Snapshots

Engine = pytest.mark.parametrize("engine", ["numpy", "compiled"])

# The loss before the third of three updates on all 12 rows, then the sum of squares of each parameter after it, by
# torch 2.13.0 (CPU, float64; torch.nn.Linear layers, groups of parameters with learning rates of their own,
# requires_grad, the same Linear in two places of a Sequential, clip_grad_norm_, BatchNorm1d in eval()), from the data
# and weights that ``start`` draws.
GOLDEN = {
    "frozen-sgd": [0.9083515572944666, 1.6993268094257443, 0.5584236722689693, 4.386386051977338, 0.1779411688802189,
                   0.8724277576383578, 0.01808798368956628],
    "frozen-adam": [0.83629779922276, 1.6993268094257443, 0.5584236722689693, 4.29060264874276, 0.17401307031592378,
                    0.8809321304965482, 0.028130396331203275],
    "frozen-nadam": [0.8420149736285473, 1.6993268094257443, 0.5584236722689693, 4.285266492729956, 0.1733496597111159,
                     0.9230260802076824, 0.04433520751711535],
    "scaled-sgd": [0.9200535705129761, 1.6960492971553829, 0.5586573433589108, 4.383162685473983, 0.16891601505297282,
                   0.9261895049303075, 0.04565931281628306],
    "scaled-adam": [0.8411564681372136, 1.7043686919124401, 0.5601084699839971, 4.278552299467646, 0.2897060123389408,
                    0.8995573073636837, 0.05318603803909329],
    "scaled-nadam": [0.8477437231529202, 1.7095089793925045, 0.5608037377416402, 4.268050825337457,
                     0.23942749206637545, 0.9399084055888799, 0.06381934598828819],
    "tied-sgd": [0.8378419540025686, 1.6724827778587739, 0.5553959131503878, 0.9534447859575922, 0.01707478574379317],
    "tied-adam": [0.8066255831503438, 1.8757656003533185, 0.4846581638410353, 0.9032950647765094, 0.031189352939106196],
    "tied-nadam": [0.8004122837214273, 1.835860872722634, 0.49078436406265, 0.9730872270874386, 0.04683795189467096],
    "clipped-sgd": [0.9540126646136562, 1.6993268094257443, 0.5584236722689693, 4.4051385535835745, 0.19770502188362526,
                    0.9505894179113727, 0.06153933054625719],
    "batchnorm-sgd": [0.9109676174267555, 1.6801079942021917, 0.5644313303530484, 0.958632933887455,
                      0.08514659096809532],
}  # fmt: skip

RULES: dict[str, Callable[[], gn.Chain | Any]] = {
    "sgd": lambda: gn.SGD(0.1, momentum=0.9),
    "adam": lambda: gn.Adam(0.05),
    "nadam": lambda: gn.NAdam(0.05),
    "adagrad": lambda: gn.AdaGrad(0.05),
    "rmsprop": lambda: gn.RMSProp(0.01),
    "adamw": lambda: gn.AdamW(0.05, weight_decay=0.1),
    "lion": lambda: gn.Lion(0.01),
    "chain": lambda: gn.Chain(gn.ClipByNorm(0.3), gn.L1(1e-3), gn.L2(1e-2), gn.Adam(0.05), gn.MaxNorm(0.9)),
    "decayed": lambda: gn.Chain(gn.ClipByValue(0.01), gn.SGD(0.1), gn.WeightDecay(0.1)),
}


class Own(gn.NumpyOptimizer):
    """Moves everything, whatever its gradient."""

    def rule(self, parameters: np.ndarray, gradients: np.ndarray, learning_rate: float) -> np.ndarray:
        return parameters - learning_rate * (gradients + 0.1 * parameters)


class OwnApply(gn.optimizers.Optimizer):
    """The same through kernels."""

    def apply(self, run: Any, parameters: Any, gradients: Any, layout: Any, learning_rate: Any) -> None:
        from glassnet.kernels import updates

        run(self, updates.l2_gradient, parameters=parameters, gradients=gradients, strength=0.1)
        run(self, updates.sgd_update, gradients=gradients, parameters=parameters, learning_rate=learning_rate)


RULES |= {"own": lambda: Own(0.1), "own-apply": lambda: OwnApply(0.1)}


def start() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
    return x, y, [rng.normal(size=s) * 0.5 for s in [(4, 4), (4,), (4, 4), (4,), (4, 2), (2,)]]


def golden_network(case: str) -> gn.Sequential:
    _, _, (w1, b1, w2, b2, w3, b3) = start()
    first, second, third = gn.Dense(4), gn.Dense(4), gn.Dense(2)
    if case == "tied":
        net = gn.Sequential(first, gn.Tanh(), first, gn.Tanh(), third)
    elif case == "batchnorm":
        net = gn.Sequential(first, gn.BatchNorm(), gn.Tanh(), third)
    else:
        net = gn.Sequential(first, gn.Tanh(), second, gn.Tanh(), third)
    net.build(4, dtype="float64")
    values = {"0.weight": w1, "0.bias": b1}
    if case == "batchnorm":
        norm = {"gamma": w2[0], "beta": w2[1], "running_mean": b1, "running_variance": np.abs(b2) + 0.5}
        values |= {f"1.{name}": value for name, value in norm.items()} | {"3.weight": w3, "3.bias": b3}
        net[1].freeze()
    else:
        values |= {"4.weight": w3, "4.bias": b3} | ({} if case == "tied" else {"2.weight": w2, "2.bias": b2})
    net.set_weights(values)
    if case in ("frozen", "clipped"):
        net[0].freeze()
    if case == "scaled":
        net[0].learning_rate_scale, net[2].bias.learning_rate_scale, net[4].learning_rate_scale = 0.1, 2, 0.5
    return net


@Engine
@pytest.mark.parametrize("name", GOLDEN)
def test_frozen_scaled_and_shared_layers_train_as_in_torch(name: str, engine: str) -> None:
    x, y, _ = start()
    case, _, rule = name.partition("-")
    net = golden_network(case)
    optimizer = RULES[rule]()
    if case == "batchnorm":
        optimizer = gn.SGD(0.1)
    if case == "clipped":
        optimizer = gn.Chain(gn.ClipByNorm(0.3), gn.SGD(0.1))
    model = gn.Model(net, "mean_squared_error", optimizer, dtype="float64", engine=engine)
    history = model.fit(x, y, epochs=3, batch_size=None, shuffle=False, verbose=False)
    sums = [float(np.sum(v**2)) for name, v in net.named_parameters() if case != "batchnorm" or name[0] != "1"]
    # torch divides by the norm and 1e-6 more where it clips
    rtol = 1e-5 if case == "clipped" else 1e-9
    np.testing.assert_allclose([history["loss"][-1], *sums], GOLDEN[name], rtol=rtol)


def classifier(engine: str, rule: str = "adam", dtype: str = "float32", **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dropout(0.2), gn.Dense(6), gn.ReLU(), gn.Dense(3))
    return gn.Model(net, "cross_entropy", RULES[rule](), seed=1, engine=engine, dtype=dtype, **settings)  # type: ignore[arg-type]


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)


@Engine
def test_a_new_head_on_a_trained_body_shares_it_and_leaves_the_old_model_as_it_was(engine: str) -> None:
    x, y = data()
    old = classifier(engine)
    old.fit(x, y, epochs=5, verbose=False)
    before, values = old.predict(x), old.network.weights()
    body = old.network[:-1]
    new = gn.Sequential(*body, gn.Dense(2))
    new.build(4, seed=3)
    for name, value in new.weights().items():
        if not name.startswith("5."):
            np.testing.assert_array_equal(value, values[name])
    np.testing.assert_array_equal(old.predict(x), before)
    new[:-1].freeze()
    assert not new[0].trainable
    assert new[5].trainable
    model = gn.Model(new, "cross_entropy", gn.AdamW(0.01), engine=engine)
    model.fit(x, y > 0, epochs=3, verbose=False)
    np.testing.assert_array_equal(old.predict(x), before)  # training the head leaves the body alone
    np.testing.assert_array_equal(old.network["5"].weight, values["5.weight"])
    new.unfreeze()
    model.fit(x, y > 0, epochs=1, verbose=False)
    assert (old.network[0].weight.value != values["0.weight"]).any()  # shared: both move
    np.testing.assert_array_equal(new[0].weight, old.network[0].weight)
    np.testing.assert_array_equal(old.network["5"].weight, values["5.weight"])


@Engine
def test_a_copy_of_the_body_is_apart(engine: str) -> None:
    x, y = data()
    old = classifier(engine)
    old.fit(x, y, epochs=5, verbose=False)
    before = old.predict(x)
    new = gn.Model(gn.Sequential(*old.network[:-1].copy(), gn.Dense(3)), "cross_entropy", "adam", engine=engine)
    np.testing.assert_array_equal(new.network[0].weight, old.network[0].weight)
    new.fit(x, y, epochs=3, verbose=False)
    np.testing.assert_array_equal(old.predict(x), before)
    assert (new.network[0].weight.value != old.network[0].weight.value).any()


@Engine
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_leaves_what_is_frozen_and_halves_what_is_scaled(rule: str, engine: str) -> None:
    x, y = data()
    model = classifier(engine, rule, "float64")
    model.fit(x, y, epochs=2, verbose=False)
    twin = copy.deepcopy(model)
    for each, scale in ((model, 1.0), (twin, 0.5)):
        each.network[0].freeze()
        each.network[5].learning_rate_scale = scale
    before = model.network.weights()
    model.fit(x, y, batch_size=None, verbose=False)
    twin.fit(x, y, batch_size=None, verbose=False)
    after, half = model.network.weights(), twin.network.weights()
    for name, value in before.items():
        if name.startswith("0."):
            np.testing.assert_array_equal(after[name], value)
            np.testing.assert_array_equal(half[name], value)
        elif name.startswith("3."):
            np.testing.assert_array_equal(half[name], after[name])
            assert (after[name] != value).any()
        elif rule not in ("chain", "sgd"):  # which limit norms at last, and go on with what velocity there is
            two_steps = 1e-5 if rule == "decayed" else 1e-12  # a decay of what the rule has moved by then
            np.testing.assert_allclose(half[name] - value, (after[name] - value) / 2, rtol=1e-6, atol=two_steps)


@pytest.mark.parametrize("rule", RULES)
def test_both_engines_train_frozen_scaled_and_shared_layers_alike(rule: str) -> None:
    x, y = data()
    results = []
    for engine in ("numpy", "compiled"):
        shared = gn.Dense(4)
        old = gn.Sequential(gn.Dense(5), gn.Tanh(), gn.Dense(4))
        old.build(4, dtype="float64")
        net = gn.Sequential(*old, gn.Residual(shared, gn.Tanh()), shared, gn.Concat(gn.Dense(3), shared), gn.Dense(3))
        net.build(4, dtype="float64")
        net[0].weight.trainable = False
        net[2].learning_rate_scale, net[-1].bias.learning_rate_scale = 0.1, 3
        model = gn.Model(net, "cross_entropy", RULES[rule](), dtype="float64", engine=engine)
        assert len(old.parameters) < len(net.parameters)
        model.fit(x, y, epochs=3, batch_size=16, verbose=False)
        results.append(net.weights() | {f"old.{name}": value for name, value in old.weights().items()})
    for name, value in results[0].items():
        np.testing.assert_allclose(results[1][name], value, rtol=1e-7, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("make", [
    lambda d: gn.Sequential(d, gn.Tanh(), d),
    lambda d: gn.Sequential(d, gn.Residual(d, gn.Tanh(), shortcut=d), d),
    lambda d: gn.Sequential(gn.Concat(d, [d, gn.Tanh()], gn.Sequential(d, d)), gn.Dense(3)),
    lambda d: gn.Sequential(gn.Sequential(d, gn.Tanh()), gn.Sequential(gn.Sequential(d)), gn.Tanh()),
    lambda d: gn.Sequential(gn.Residual(gn.Sequential(gn.Dense(4), gn.Sigmoid())), gn.Dense(4, use_bias=False), d),
])  # fmt: skip
def test_gradients_of_shared_layers_are_summed(make: Callable[[Any], gn.Sequential]) -> None:
    rng = np.random.default_rng(0)
    net = make(gn.Dense(4))
    net.build(4, dtype="float64")
    assert gn.check_gradients(net, rng.normal(size=(7, 4)), rng.normal(size=(7, *net.output_shape)),  # type: ignore[misc]
                              loss="mean_squared_error").passed  # fmt: skip


def test_a_shared_network_in_two_places() -> None:
    rng = np.random.default_rng(0)
    tower = gn.Sequential(gn.Dense(5), gn.BatchNorm(), gn.Tanh(), gn.Dense(4))
    net = gn.Sequential(tower, gn.Sigmoid(), tower)
    net.build(4, dtype="float64")
    assert [name for name, _ in net.named_parameters()] == [
        f"0.{name}" for name in ("0.weight", "0.bias", "1.gamma", "1.beta", "1.running_mean", "1.running_variance",
                                 "3.weight", "3.bias")
    ]  # fmt: skip
    assert gn.check_gradients(net, rng.normal(size=(9, 4)), rng.normal(size=(9, 4)), loss="mean_squared_error").passed
    with pytest.raises(gn.ConfigurationError, match="stand elsewhere in the network around it"):
        _ = net[2].gradients
    assert net[0].gradients.shape == net[0].parameters.shape


class Scaling(gn.NumpyLayer):
    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("factor", input_shape, "ones")
        return input_shape

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x * self.factor, x  # type: ignore[attr-defined]

    def backward(self, dy: np.ndarray, cache: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy * self.factor, {"factor": (dy * cache).sum(axis=0)}  # type: ignore[attr-defined]


@Engine
def test_a_numpy_layer_in_two_places_shares_its_parameters(engine: str) -> None:
    x, y = data()
    own = Scaling()
    net = gn.Sequential(own, gn.Dense(4), own, gn.Dense(3))
    model = gn.Model(net, "cross_entropy", "sgd", dtype="float64", engine=engine)
    model.fit(x, y, epochs=2, verbose=False)
    assert next(name for name, _ in net.named_parameters()) == "0.factor"
    assert len(net.named_parameters()) == 5
    assert gn.check_gradients(net, x, y, loss="cross_entropy").passed
    net[0].freeze()
    before = net[0].weights()["factor"]
    model.fit(x, y, verbose=False)
    np.testing.assert_array_equal(net[0].weights()["factor"], before)


@Engine
def test_a_frozen_place_is_not_trained_though_the_layer_is(engine: str) -> None:
    x, y = data()
    judge = gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(1))
    maker = gn.Sequential(gn.Dense(4))
    both = gn.Model(gn.Sequential(maker, judge.frozen()), "binary_cross_entropy", gn.AdamW(0.05), engine=engine)
    alone = gn.Model(judge, "binary_cross_entropy", gn.AdamW(0.05), engine=engine)
    for _ in range(3):
        judged, made = judge.is_built and judge.weights(), maker.is_built and maker.weights()
        both.fit(x, np.ones((50, 1)), verbose=False)
        if judged:
            assert all((judge.weights()[name] == value).all() for name, value in judged.items())
            assert all((maker.weights()[name] != value).any() for name, value in made.items())  # type: ignore[union-attr]
        made, answer = maker.weights(), both.predict(x)
        alone.fit(x, (y > 0)[:, None], verbose=False)
        assert all((maker.weights()[name] == value).all() for name, value in made.items())
        assert (both.predict(x) != answer).any()  # it judges by what it has learned


@pytest.mark.parametrize("include_optimizer", [True, False])
def test_a_file_holds_what_is_shared_frozen_and_scaled(tmp_path: Path, include_optimizer: bool) -> None:
    x, y = data()
    old = classifier("auto", dtype="float64")
    old.fit(x, y, epochs=2, verbose=False)
    shared = gn.Dense(5)
    net = gn.Sequential(*old.network[:4], shared, gn.Tanh(), shared, gn.Dense(3))
    net[7].name = "head"
    model = gn.Model(net, "cross_entropy", gn.Chain(gn.ClipByNorm(1.0), gn.NAdam(0.01)), dtype="float64")
    with pytest.raises(gn.ShapeError, match="layer 6"):
        model.fit(x, y, verbose=False)  # 6 numbers first, and then 5
    net = gn.Sequential(*old.network[:4], gn.Dense(5), shared, gn.Tanh(), shared, gn.Dense(3))
    net[8].name = "head"
    model = gn.Model(net, "cross_entropy", gn.Chain(gn.ClipByNorm(1.0), gn.NAdam(0.01)), dtype="float64")
    model.fit(x, y, epochs=2, verbose=False)
    net[0].freeze()
    net["head"].weight.learning_rate_scale = 0.25
    model.fit(x, y, epochs=2, verbose=False, callbacks=[gn.EarlyStopping(monitor="loss", patience=9)])
    model.save(tmp_path / "model.safetensors", include_optimizer=include_optimizer)
    read = gn.load(tmp_path / "model.safetensors")
    assert repr(read.network) == repr(net)
    assert read.network["head"].name == "head"
    np.testing.assert_array_equal(read.predict(x), model.predict(x))
    assert not read.network[0].trainable
    assert read.network["head"].weight.learning_rate_scale == 0.25
    assert [name for name, _ in read.network.named_parameters()] == [name for name, _ in net.named_parameters()]
    if include_optimizer:
        for each in (read, model):
            each.fit(x, y, epochs=2, verbose=False)
        for name, value in net.weights().items():
            np.testing.assert_array_equal(read.network.weights()[name], value)


def test_copies_and_pickles_keep_what_is_shared_inside() -> None:
    x, y = data()
    shared = gn.Dense(4)
    model = gn.Model(gn.Sequential(shared, gn.Tanh(), shared, gn.Dense(3)), "cross_entropy", "adam", dtype="float64")
    model.fit(x, y, verbose=False)
    model.network[0].bias.trainable = False
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.network[2].weight.source is twin.network[0].weight
        assert not np.shares_memory(twin.network.parameters, model.network.parameters)
        twin.fit(x, y, verbose=False)
        again = copy.deepcopy(model)
        again.fit(x, y, verbose=False)
        np.testing.assert_array_equal(twin.network.parameters, again.network.parameters)
        assert not twin.network[0].bias.trainable


@Engine
def test_freezing_and_rates_are_noticed_between_fits(engine: str) -> None:
    x, y = data()
    model = classifier(engine)
    model.fit(x, y, verbose=False)
    weight = model.network[0].weight
    for frozen in (True, False, True):
        model.network[0].trainable = not frozen
        before = np.array(weight)
        model.fit(x, y, verbose=False)
        assert (np.array(weight) == before).all() == frozen
        assert (np.asarray(dict(model.network.named_gradients())["0.weight"]) == 0).all() == frozen
    model.network.learning_rate_scale = 0.0
    before = model.network.parameters.copy()
    model.fit(x, y, verbose=False)
    np.testing.assert_array_equal(model.network.parameters, before)


@Engine
def test_values_that_are_written_are_predicted_with(engine: str) -> None:
    x, y = data()
    model = classifier(engine)
    model.fit(x, y, verbose=False)
    head = model.network[-1]
    for change in (
        lambda: setattr(head.weight, "value", np.zeros((6, 3))),
        lambda: setattr(head, "bias", [1.0, 2.0, 3.0]),
        lambda: head.bias.__setitem__(0, 7),
        lambda: head.set_weights({"bias": np.arange(3)}),
        lambda: model.network.set_weights({"5.weight": np.ones((6, 3))}),
        lambda: setattr(head, "weight", head.weight * 2),
    ):
        before = model.predict(x)
        change()
        assert (model.predict(x) != before).any()
    head.weight *= 0
    np.testing.assert_array_equal(model.predict(x), np.tile(np.arange(3, dtype="float32"), (50, 1)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda net: setattr(net[0], "weight", np.zeros((8, 4))), r"float64 of shape \(8, 4\).*shape \(4, 8\)"),
        (lambda net: setattr(net[0].weight, "value", np.full((4, 8), np.nan)), "not all finite"),
        (lambda net: setattr(net[0].weight, "value", "seven"), "received text such as 'seven'"),
        (lambda net: setattr(net[0].bias, "value", np.full(8, 1e300)), "not all finite"),
        (lambda net: net[0].weight.__setitem__(0, np.zeros(4)), r"shape \(8,\)"),
        (lambda net: net.set_weights({"0.bias": np.ones(8), "0.weigth": 1}), "did you mean '0.weight'"),
        (lambda net: net.set_weights({"0.bias": np.ones(8), "5.bias": np.ones(8)}), r"shape \(3,\)"),
        (lambda net: setattr(net[0].weight, "trainable", "no"), "trainable='no'"),
        (lambda net: setattr(net[0], "learning_rate_scale", -1), "0 ≤ learning_rate_scale"),
        (lambda net: setattr(net[0], "name", "a.b"), "a text without dots"),
        (lambda net: setattr(net[0], "name", "12"), "that is no number"),
    ],
)
def test_wrong_assignments_are_refused_where_they_are_made(wrong: Callable[[Any], None], message: str) -> None:
    model = classifier("numpy")
    model.network.build(4)
    before = model.network.parameters.copy()
    with pytest.raises((gn.ShapeError, gn.ConfigurationError), match=message):
        wrong(model.network)
    np.testing.assert_array_equal(model.network.parameters, before)


def test_statistics_cannot_be_trained() -> None:
    net = gn.Sequential(gn.BatchNorm())
    net.build(3)
    with pytest.raises(gn.ConfigurationError, match="what the layer keeps itself"):
        net[0].running_mean.trainable = True
    net.unfreeze()
    assert not net[0].running_mean.trainable
    assert net[0].gamma.trainable


def test_parameters_before_a_build_say_so() -> None:
    layer = gn.Dense(3)
    layer.freeze()
    layer.learning_rate_scale = 0.5
    assert not layer.trainable
    assert layer.learning_rate_scale == 0.5
    net = gn.Sequential(layer)
    net.build(2)
    assert not layer.weight.trainable
    assert layer.bias.learning_rate_scale == 0.5
    assert "frozen" in str(net.summary())
    with pytest.raises(AttributeError):
        _ = gn.Dense(3).weight


def test_layers_are_found_by_number_name_and_path() -> None:
    net = gn.Sequential(gn.Dense(4), gn.Residual(gn.Dense(4), gn.ReLU()), gn.Dense(2))
    net[2].named("head")
    net.build(3)
    assert net[0] is net.layers[0]
    assert net[-1] is net["head"]
    assert net["1.residual.0"] is net[1].layers[0]
    assert [name for name, _ in net.named_parameters()][-2:] == ["head.weight", "head.bias"]
    assert len(net) == 3
    assert list(net) == list(net.layers)
    assert bool(gn.Sequential())
    assert isinstance(net[1:], gn.Sequential)
    assert [*map(repr, net[1:])] == [*map(repr, net.layers[1:])]
    with pytest.raises(KeyError, match="did you mean 'head'"):
        net["haed"]
    with pytest.raises(IndexError):
        net[3]
    a, b = gn.Dense(1), gn.Dense(1)
    a.name = b.name = "a"
    with pytest.raises(gn.ConfigurationError, match="two layers with the name 'a'"):
        gn.Sequential(a, b)


@pytest.mark.parametrize(
    "part", [slice(None, -1), slice(1, None), slice(2, 4), slice(0, 0), slice(None), slice(-1, None)]
)
def test_slices_are_networks_that_share(part: slice) -> None:
    x, y = data()
    model = classifier("auto", dtype="float64")
    model.fit(x, y, verbose=False)
    net = model.network
    cut = net[part]
    first = net.layers[part][0].input_shape if net.layers[part] else net.output_shape
    given = np.random.default_rng(0).normal(size=(5, *first))
    expected, _ = given, None
    for layer in net.layers[part]:
        expected, _ = layer.forward(gn.NumpyRunner(), expected, training=False)
    np.testing.assert_array_equal(cut(given), expected)
    assert all(np.shares_memory(value, net.parameters) for _, value in cut.named_parameters())


def test_weights_of_another_shape_or_dtype_are_refused() -> None:
    x, y = data()
    old = classifier("numpy")
    old.fit(x, y, verbose=False)
    before = old.predict(x)
    with pytest.raises(gn.ShapeError, match=r"layer 0.*'weight' would have the shape \(7, 8\).*\(4, 8\)"):
        gn.Sequential(*old.network[:-1], gn.Dense(2)).build(7)
    with pytest.raises(gn.ConfigurationError, match="there already, in float32"):
        gn.Sequential(*old.network[:-1], gn.Dense(2)).build(4, dtype="float64")
    wide = gn.Sequential(*old.network[:-1].copy("float64"), gn.Dense(2))
    wide.build(4, dtype="float64")
    np.testing.assert_array_equal(old.predict(x), before)
    old.fit(x, y, verbose=False)


def test_building_again_draws_anew_what_no_other_network_uses() -> None:
    net = gn.Sequential(gn.Dense(3), gn.Dense(2))
    net.build(4, seed=0)
    body = net[:1]
    before = net.weights()
    net.build(4, seed=1)
    assert (net[0].weight.value == before["0.weight"]).all()
    assert (net[1].weight.value != before["1.weight"]).any()
    del body
    net.build(4, seed=1)
    assert (net[0].weight.value != before["0.weight"]).any()
    net.build(6)
    assert net[0].weight.shape == (6, 3)


def test_a_part_of_a_built_network_is_not_built_by_itself() -> None:
    net = gn.Sequential(gn.Residual(gn.Dense(3)))
    net.build(3)
    with pytest.raises(gn.ConfigurationError, match="a part of"):
        net[0].build(3)


def test_an_own_network_may_not_hold_layers_of_another() -> None:
    class Plain(gn.Network):
        def __init__(self, layer: gn.Layer) -> None:
            self.layer = layer

        def children(self) -> Any:
            yield "inside", self.layer

        def _build_children(self, input_shape: Any, rng: Any) -> Any:
            return self.layer.build(input_shape, rng)

        def _put_children(self, children: Any) -> None:
            (self.layer,) = children

        def forward(self, run: Any, x: Any, *, training: bool) -> Any:
            return run.forward(self.layer, x, training=training)

        def backward(self, run: Any, dy: Any, cache: Any) -> Any:
            return run.backward(self.layer, dy, cache)

    layer = gn.Dense(3)
    other = gn.Sequential(layer)
    other.build(3)
    with pytest.raises(gn.ConfigurationError, match=re.escape("put layer.twin() there")):
        Plain(layer).build(3)
    own = Plain(layer.twin())
    own.build(3)
    assert np.shares_memory(own.parameters, other.parameters)


def test_reading_a_parameter_like_an_array() -> None:
    net = gn.Sequential(gn.Dense(3))
    net.build(2, dtype="float64")
    weight = net[0].weight
    values = weight.value.copy()
    np.testing.assert_array_equal(weight[0], values[0])
    np.testing.assert_array_equal(np.asarray(weight), values)
    np.testing.assert_array_equal(weight @ np.eye(3), values)
    np.testing.assert_array_equal(1 - weight, 1 - values)
    np.testing.assert_array_equal(weight.T, values.T)
    assert (weight.shape, weight.ndim, weight.size, len(weight)) == ((2, 3), 2, 6, 2)
    assert np.mean(weight) == values.mean()
    assert weight.dtype == np.float64
    weight -= 1
    assert net[0].weight is weight
    np.testing.assert_array_equal(net.parameters[:6].reshape(2, 3), values - 1)


@pytest.mark.parametrize("kind", ["shared", "frozen", "scaled", "frozen by name"])
def test_a_loop_by_hand_moves_no_more_than_fit_does(kind: str) -> None:
    x, y = data()
    old = gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(3))
    old.build(4)
    net = gn.Sequential(*old[:-1], gn.Dense(2)) if kind == "shared" else old
    net.build(4) if kind == "shared" else None
    if kind == "frozen":
        net[0].freeze()
    if kind == "frozen by name":
        net[-1].bias.trainable = False
    if kind == "scaled":
        net[0].learning_rate_scale = 0.5
    before, head = net.weights(), old[-1].weights()
    optimizer = gn.AdamW(0.1, weight_decay=0.5)
    run = gn.NumpyRunner()
    outputs, cache = net.forward(run, x, training=True)
    _, doutputs = gn.losses.CrossEntropy()(outputs, y % 2)
    net.backward(run, doutputs, cache)
    with pytest.raises(gn.ConfigurationError, match=r"net\.layout"):
        optimizer.step(net.parameters, net.gradients)
    for name, value in net.weights().items():
        np.testing.assert_array_equal(value, before[name])
    optimizer.step(net.parameters, net.gradients, net.layout)
    if kind == "shared":
        for name, value in old[-1].weights().items():
            np.testing.assert_array_equal(value, head[name])
    if kind == "frozen":
        np.testing.assert_array_equal(net[0].weight, before["0.weight"])
    assert (net[-1].weight.value != before["2.weight"]).any()


def test_a_network_is_found_by_its_memory_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [gn.Sequential(gn.Dense(2), gn.Sequential(gn.Dense(1))) for _ in range(50)]
    for network in networks:
        network.build((1,))
    net = networks[20]
    inside = net.layers[1]
    joined = gn.Sequential(net, networks[30])  # which move into a memory of their own, side by side
    joined.build((1,))
    looked_at = []
    is_same = memory.is_same_memory
    monkeypatch.setattr(memory, "is_same_memory", lambda *pair: looked_at.append(pair) or is_same(*pair))
    for own in (net, inside, joined, networks[0]):
        for given in (own.parameters, own.parameters[:], own.parameters.reshape(1, -1)[0]):
            assert memory.layout_known(given) == own.layout
        assert memory.layout_known(own.parameters.copy()) is None
        assert memory.layout_known(own.parameters[1:]) is None
        assert memory.layout_known(own.gradients) is None
        assert memory.layout_known(np.frombuffer(own.gradients, own.dtype)) is None
        looked_at.clear()
        memory.layout_known(own.parameters)
        assert 1 <= len(looked_at) <= 5
        assert memory.layout_known(np.frombuffer(own.parameters, own.dtype)) == own.layout


@Engine
def test_weights_put_back_leave_those_of_other_networks(engine: str) -> None:
    """Those of the best epoch, also of an earlier fit, and those before a divergence."""
    x, y = data()
    old = gn.Model(gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(3)), "cross_entropy", "adam", engine=engine)
    old.fit(x, y, verbose=False)
    new = gn.Model(gn.Sequential(*old.network[:-1], gn.Dense(2)), "cross_entropy", gn.SGD(0.1), engine=engine)
    new.network[0].freeze()
    stopping = gn.EarlyStopping(monitor="loss", patience=3)
    new.fit(x, y > 0, epochs=5, callbacks=[stopping], verbose=False)
    best = new.network.weights()
    old.fit(x, y, epochs=3, verbose=False)
    expected = old.network[-1].weights()
    new.optimizer.learning_rate = 50.0
    new.fit(x, y > 0, epochs=2, callbacks=[stopping], verbose=False)  # worse than before
    np.testing.assert_array_equal(new.network[-1].weight, best["2.weight"])
    for name, value in old.network[-1].weights().items():
        np.testing.assert_array_equal(value, expected[name])


def test_what_a_divergence_goes_back_to_is_the_networks_own() -> None:
    x, y = data()
    old = gn.Model(gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(3)), "cross_entropy", "adam")
    old.fit(x, y, verbose=False)
    new = gn.Sequential(*old.network[:-1], gn.Dense(2))
    new.build(4)
    optimizer = gn.Adam()
    optimizer.prepare(new.parameters)
    snapshots = Snapshots(new, optimizer, steps=1, first_epoch=1)
    snapshots.take(1)
    before = new.weights()
    old.fit(x, y, verbose=False)
    expected = old.network[-1].weights()
    optimizer.state["m"][...] = 5
    new[-1].weight[...] = 5
    snapshots.restore(1)
    for name, value in new.weights().items():
        np.testing.assert_array_equal(value, before[name])
    for name, value in old.network[-1].weights().items():
        np.testing.assert_array_equal(value, expected[name])
    assert not optimizer.state["m"].any()


@Engine
@pytest.mark.parametrize("rule", RULES)
def test_no_rule_moves_what_only_another_network_has(rule: str, engine: str) -> None:
    x, y = data()
    old = classifier(engine, rule)
    old.fit(x, y, epochs=2, verbose=False)  # whose gradients are still there
    head = old.network[-1].weights()
    new = gn.Model(gn.Sequential(*old.network[:-1], gn.Dense(2)), "cross_entropy", RULES[rule](), engine=engine)
    new.fit(x, y > 0, epochs=2, verbose=False)
    new.step(x, y > 0)
    new.step_over([(x[:20], y[:20] > 0), (x[20:], y[20:] > 0)])
    for name, value in old.network[-1].weights().items():
        np.testing.assert_array_equal(value, head[name])
    assert (new.network[0].weight.value == old.network[0].weight.value).all()
    old.fit(x, y, verbose=False)


DAMAGED: list[dict[str, Any]] = [
    {"twins": {"2": "9"}},
    {"twins": {"9": "0"}},
    {"twins": {"3": "0"}},  # other shapes
    {"twins": {"2": 0}},
    {"twins": ["2", "0"]},
    {"twins": 5},
    {"never_trained": ["7"]},
    {"never_trained": 3},
    {"frozen": ["0.weigth"]},
    {"frozen": "0.weight"},
    {"frozen": 1},
    {"learning_rate_scales": {"0.weight": -1}},
    {"learning_rate_scales": {"0.weight": "fast"}},
    {"learning_rate_scales": {"8.weight": 2}},
    {"learning_rate_scales": 2},
]


@pytest.mark.parametrize("damage", DAMAGED, ids=lambda d: str(d))
def test_files_that_contradict_themselves_about_sharing_are_refused(damage: dict[str, Any], tmp_path: Path) -> None:
    shared = gn.Dense(4)
    model = gn.Model(gn.Sequential(shared, gn.Tanh(), shared, gn.Dense(3)), "cross_entropy", "adam")
    model.fit(*data(), verbose=False)
    path = tmp_path / "model.safetensors"
    model.save(path)
    assert gn.load(path).network[2].weight.source is not None
    assert description_of(path)["twins"] == {"2": "0"}
    edited(path, lambda description: description.update(damage))
    with pytest.raises(gn.FileFormatError, match="contradicts itself"):
        gn.load(path)
