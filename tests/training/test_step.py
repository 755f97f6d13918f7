"""Single updates: ``Model.step`` does what ``fit`` does, notices every change, and ``step_over`` what one step does."""

from __future__ import annotations

import pickle
import signal
from copy import deepcopy

import numpy as np
import pytest

import glassnet as gn
from glassnet.kernels import updates
from glassnet.training import step_programs, stepping

ENGINES = ("numpy", "compiled")
engines = pytest.mark.parametrize("engine", ENGINES)


def data(rows=70, columns=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)).astype(np.float32), rng.integers(0, classes, rows)


def dropping():
    return gn.Sequential(gn.Dense(9), gn.ReLU(), gn.Dropout(0.4), gn.Dense(3))


def normalising():
    return gn.Sequential(gn.Dense(9), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.2), gn.Dense(3))


def batches(x, y, size=16):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


def same(one, other):
    np.testing.assert_array_equal(one.network.parameters, other.network.parameters)
    assert one.optimizer.steps == other.optimizer.steps
    assert one.optimizer.state.keys() == other.optimizer.state.keys()
    for name, array in one.optimizer.state.items():
        np.testing.assert_array_equal(array, other.optimizer.state[name])


OPTIMIZERS = {
    "sgd": lambda: gn.SGD(0.1),
    "momentum": lambda: gn.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: gn.Adam(0.01),
    "nadam": lambda: gn.NAdam(0.01),
    "rmsprop": lambda: gn.RMSProp(0.01),
    "adagrad": lambda: gn.AdaGrad(0.05),
    "lion": lambda: gn.Lion(0.001),
    "schedule": lambda: gn.SGD(gn.schedules.CosineDecay(0.1, steps=12)),
    "function": lambda: gn.SGD(lambda step: 0.1 / (1 + step)),
    "chain": lambda: [gn.L2(1e-3, by_batch=True), gn.ClipByNorm(0.5), gn.Adam(0.01), gn.MaxNorm(2.0)],
    "decay": lambda: [gn.L1(1e-4), gn.L2(1e-3), gn.ClipByValue(0.1), gn.WeightDecay(0.01), gn.SGD(0.1, momentum=0.5)],
}


@engines
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("network", [dropping, normalising])
def test_a_loop_of_steps_is_a_fit_bit_for_bit(engine, optimizer, network):
    x, y = data()
    one, other = (gn.Model(network(), "cross_entropy", OPTIMIZERS[optimizer](), engine=engine) for _ in range(2))
    history = one.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=False)
    for _ in range(3):
        losses = [other.step(*batch) for batch in batches(x, y)]
    same(one, other)
    weights = [len(batch) for batch, _ in batches(x, y)]
    assert np.average(losses, weights=weights) == pytest.approx(history["loss"][-1], rel=1e-12)
    assert (one.epochs_trained, other.epochs_trained) == (3, 0)


@engines
def test_weights_preprocessing_and_target_scaling_as_in_fit(engine):
    rng = np.random.default_rng(1)
    x, y, weight = rng.normal(5, 3, (48, 4)), rng.normal(100, 20, (48, 1)), rng.uniform(0.5, 2, 48)
    models = [
        gn.Model(gn.Sequential(gn.Dense(5), gn.Tanh(), gn.Dense(1)), "huber", "adam", engine=engine) for _ in "ab"
    ]
    for model in models:
        model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    models[0].fit(x, y, epochs=2, batch_size=16, shuffle=False, sample_weight=weight, verbose=False)
    for _ in range(2):
        for i in range(0, 48, 16):
            models[1].step(x[i : i + 16], y[i : i + 16], weight[i : i + 16])
    same(*models)


@engines
def test_tables_are_taken_as_fit_takes_them(engine):
    frame = {"size": np.arange(40.0), "kind": np.array(["a", "b", "c", "d"] * 10)}
    y = np.arange(40) % 2
    table = gn.Table.from_data(frame)
    models = [
        gn.Model(gn.Sequential(gn.Dense(6), gn.ReLU(), gn.Dense(2)), "cross_entropy", "adam", engine=engine)
        for _ in "ab"
    ]
    for model in models:
        model.preprocessing = table
    models[0].fit(frame, y, epochs=1, batch_size=20, shuffle=False, verbose=False)
    for part in (slice(0, 20), slice(20, 40)):
        models[1].step({name: column[part] for name, column in frame.items()}, y[part])
    same(*models)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        ("mean_squared_error", 2, lambda rng: rng.normal(size=(32, 2))),
        ("mean_squared_error", 1, lambda rng: rng.normal(size=(32, 1)).astype(np.float32)),
        ("binary_cross_entropy", 1, lambda rng: rng.integers(0, 2, (32, 1))),
        ("binary_cross_entropy", 2, lambda rng: rng.random((32, 2))),
        ("poisson", 1, lambda rng: rng.integers(0, 9, (32, 1))),
        ("hinge", 1, lambda rng: rng.integers(0, 2, (32, 1))),
        ("cross_entropy", 4, lambda rng: rng.integers(0, 4, 32).astype(np.int32)),
        ("cross_entropy", 4, lambda rng: rng.integers(0, 4, 32).astype(float)),
        ("cross_entropy", 4, lambda rng: np.eye(4)[rng.integers(0, 4, 32)]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_all_forms_of_inputs_and_targets(loss, outputs, targets, dtype, kind):
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 3, (32, 4)).astype(kind), targets(rng)
    one, other = (gn.Model(gn.Sequential(gn.Dense(outputs)), loss, "adam", dtype=dtype) for _ in "ab")
    one.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=False)
    for _ in range(4):
        for part in batches(x, y):
            other.step(*part)
    same(one, other)


@engines
def test_the_first_step_builds_the_network(engine):
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "adam", seed=5, dtype="float64", engine=engine)
    assert isinstance(model.step(x, y), float)
    twin = dropping()
    twin.build((6,), seed=5, dtype="float64")
    assert model.network.dtype == np.float64
    assert not np.array_equal(model.network.parameters, twin.parameters)
    np.testing.assert_allclose(model.network.parameters, twin.parameters, atol=0.0011)  # one step of Adam


# What was compiled notices every change: after each of them both engines go on alike.


class Penalised(gn.Dense):
    """A layer of the user's."""


def _drop(model):
    model.network.layers[2].rate = 0.1


def _activation(model):
    model.network.layers[1].slope = 0.5


def _optimizer(model):
    model.optimizer = gn.SGD(0.05, momentum=0.5)


def _settings(model):
    model.optimizer.steps_in_order[0].strength = 0.2


def _beta(model):
    model.optimizer.rule.beta1 = 0.5


def _rate(model):
    model.optimizer.learning_rate = 0.1


def _scale(model):
    model.optimizer.learning_rate_scale = 0.25


def _schedule(model):
    model.optimizer.learning_rate = gn.schedules.ExponentialDecay(0.1, every=2, factor=0.5)


def _loss(model):
    model.loss = gn.losses.CrossEntropy(label_smoothing=0.2)


def _smoothing(model):
    model.loss.label_smoothing = 0.3


def _class_weight(model):
    model.loss.class_weight = [1.0, 2.0, 5.0]


def _seed(model):
    model.seed = 9


def _threads(model):
    model.threads = 1


def _preprocessing(model):
    model.preprocessing = gn.Standardize.from_data(data(columns=6)[0] * 3 + 1)


def _values(model):
    model.network.parameters[...] *= 1.5


def _buffers(model):
    model.network = model.network.copy()


def _built_again(model):
    model.network.build((6,), seed=3)


def _nested(model):
    gn.Sequential(model.network, gn.Dense(2)).build((6,), seed=4)


def _memory(model):
    model.optimizer.reset()


def _state(model):
    model.optimizer.state["m"] = np.full_like(model.optimizer.state["m"], 0.01)


def _freeze(model):
    model.network[0].freeze()


def _freeze_one(model):
    model.network[3].weight.trainable = False


def _rate_of_one(model):
    model.network[0].weight.learning_rate_scale = 5.0


def _weight(model):
    model.network[0].weight[...] = 0.1


CHANGES = [
    _freeze,
    _freeze_one,
    _rate_of_one,
    _weight,
    _drop,
    _activation,
    _optimizer,
    _settings,
    _beta,
    _rate,
    _scale,
    _schedule,
    _loss,
    _smoothing,
    _class_weight,
    _seed,
    _threads,
    _preprocessing,
    _values,
    _buffers,
    _built_again,
    _nested,
    _memory,
    _state,
]


def changing(engine):
    network = gn.Sequential(gn.Dense(9), gn.LeakyReLU(0.1), gn.Dropout(0.4), gn.Dense(3))
    return gn.Model(network, "cross_entropy", [gn.L2(0.01), gn.Adam(0.02)], engine=engine)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_every_change_is_noticed(change):
    x, y = data()
    models = {engine: changing(engine) for engine in ENGINES}
    without = changing("compiled")
    for model in (*models.values(), without):
        for batch in batches(x, y, 24):
            model.step(*batch)
    for model in models.values():
        change(model)
    for model in (*models.values(), without):
        for batch in batches(x, y, 24):
            model.step(*batch)
    ends = [models[engine].network.parameters for engine in ENGINES]
    np.testing.assert_allclose(*ends, rtol=2e-4, atol=2e-5)
    if change not in (_threads, _buffers):
        assert np.abs(ends[1] - without.network.parameters).max() > 1e-4


def test_changes_of_the_engine_take_effect(monkeypatch):
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "adam", engine="compiled")
    model.step(x, y)
    model.engine = "numpy"
    monkeypatch.setattr(stepping, "StepProgram", None)
    model.step(x, y)
    assert model.optimizer.steps == 2


@pytest.mark.parametrize("change", ["drop", "rate", "values", "beta", "built", "state", "freeze", "own rate", "weight"])
@pytest.mark.parametrize("watched", [False, True])
def test_what_a_callback_changes_in_the_middle_of_a_fit_is_noticed(change, watched):
    x, y = data()

    def callback(state):
        if state.epoch != 2:
            return
        if change == "drop":
            state.network.layers[2].rate = 0.0
        elif change == "rate":
            state.optimizer.learning_rate = 0.2
        elif change == "values":
            state.network.parameters[...] *= 0.5
        elif change == "freeze":
            state.network[0].freeze()
        elif change == "own rate":
            state.network[0].weight.learning_rate_scale = 3.0
        elif change == "weight":
            state.network[0].weight = np.full((6, 9), 0.1)
        elif change == "beta":
            state.optimizer.beta1 = 0.1
        elif change == "built":
            state.network.build((6,), seed=8)
        else:
            state.optimizer.state["v"] = state.optimizer.state["v"] * 4

    ends, watches = [], []
    for engine in ENGINES:
        model = gn.Model(dropping(), "cross_entropy", gn.Adam(0.02), engine=engine)
        watches.append(gn.Watch(every=3))
        used = [callback, watches[-1]] if watched else [callback]
        model.fit(x, y, epochs=4, batch_size=16, callbacks=used, verbose=False)
        ends.append(model.network.parameters)
    np.testing.assert_allclose(*ends, rtol=2e-4, atol=2e-5)
    plain = gn.Model(dropping(), "cross_entropy", gn.Adam(0.02), engine="compiled")
    plain.fit(x, y, epochs=4, batch_size=16, verbose=False)
    assert np.abs(ends[1] - plain.network.parameters).max() > 1e-3
    if watched:
        assert [r.step for r in watches[0].records] == [r.step for r in watches[1].records] == [*range(0, 20, 3)]
        losses = [[record.loss for record in watch.records] for watch in watches]
        np.testing.assert_allclose(*losses, rtol=1e-4)


@engines
def test_a_fit_that_diverges_after_a_change_goes_back(engine):
    x, y = data()

    def callback(state):
        if state.epoch == 2:
            state.network.build((6,), seed=8)
            kept.append(state.network.parameters.copy())
            state.optimizer.learning_rate = 1e30

    kept = []
    model = gn.Model(gn.Sequential(gn.Dense(3)), "mean_squared_error", gn.SGD(0.01), engine=engine)
    with pytest.raises(gn.DivergenceError):
        model.fit(x, np.eye(3)[y], epochs=5, batch_size=16, callbacks=[callback], verbose=False)
    np.testing.assert_array_equal(model.network.parameters, kept[0])


def test_programs_stay_when_nothing_of_this_network_changed(monkeypatch):
    made = []
    plain = step_programs.Program.__init__

    def counting(self, *arguments):
        made.append(self)
        plain(self, *arguments)

    monkeypatch.setattr(step_programs.Program, "__init__", counting)
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "adam", engine="compiled")
    for _ in range(3):
        model.step(x, y)
        gn.Sequential(gn.Dense(4)).build((2,))
        model.optimizer.learning_rate /= 2
        model.optimizer.learning_rate_scale = 0.5
        model.predict(x)
        model.evaluate(x, y)
    assert len(made) == 1
    for rows in range(10, 30):
        model.step(x[:rows], y[:rows])
    assert len(made) == 21
    model.step(x[:29], y[:29])
    model.step(x[:22], y[:22])
    assert len(made) == 21
    model.step(x[:21], y[:21])
    assert len(made) == 22
    assert len(model._stepper._programs) == stepping.MOST_PROGRAMS


def test_predictions_stay_compiled_when_another_network_changes():
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "adam", engine="compiled")
    model.step(x, y)
    model.predict(x)
    predictor = model._predictor
    gn.Sequential(gn.Dense(4)).build((2,))
    model.predict(x)
    assert model._predictor is predictor
    model.network.layers[1:2]  # looking is no change
    model.network.layers[2].rate = 0.1
    model.predict(x)
    assert model._predictor is not predictor


# Parts of the user's own.


class OwnDense(gn.Layer):
    """Counts its calls on itself, and scales by a setting that a program would hold fast."""

    def __init__(self, units):
        self.units, self.factor, self.calls = units, 1.0, 0

    def build(self, input_shape, rng):
        self.weight = self.add_parameter("weight", (*input_shape, self.units), "he_normal")
        return (self.units,)

    def forward(self, run, x, *, training):
        self.calls += 1
        return (x @ self.weight.value) * self.factor, x

    def backward(self, run, dy, cache):
        self.weight.gradient[...] = cache.T @ dy * self.factor
        return dy @ self.weight.value.T * self.factor


class OwnSGD(gn.optimizers.Optimizer):
    """Takes its rate and factor from itself."""

    def __init__(self, learning_rate, factor=1.0):
        super().__init__(learning_rate)
        self.factor = factor

    def apply(self, run, parameters, gradients, layout, learning_rate):
        rate = self.learning_rate * self.factor
        run(self, updates.sgd_update, gradients=gradients, parameters=parameters, learning_rate=rate)


class OwnRule(gn.NumpyOptimizer):
    slots = ("velocity",)

    def rule(self, parameters, gradients, learning_rate):
        velocity = self.state["velocity"]
        velocity *= 0.9
        velocity -= learning_rate * gradients
        return parameters + velocity


def own_loss(outputs, targets):
    error = outputs - targets
    return 0.5 * (error**2).sum(axis=1), error


def own_model(engine, optimizer):
    return gn.Model(gn.Sequential(OwnDense(5), gn.Tanh(), gn.Dense(2)), own_loss, optimizer, engine=engine)


@engines
@pytest.mark.parametrize("optimizer", [OwnSGD, OwnRule])
def test_parts_of_ones_own_as_in_fit(engine, optimizer):
    x, _ = data(48)
    y = x[:, :2] ** 2
    one, other = (own_model(engine, optimizer(0.02)) for _ in "ab")
    one.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=False)
    for _ in range(2):
        for batch in batches(x, y):
            other.step(*batch)
    same(one, other)


@pytest.mark.parametrize("change", ["factor", "rate", "layer", "loss"])
def test_changes_of_own_parts_are_noticed(change):
    x, _ = data(32)
    y = x[:, :2] ** 2
    ends = []
    for engine in (*ENGINES, "without"):
        model = own_model("compiled" if engine == "without" else engine, OwnSGD(0.02))
        for round_ in range(2):
            for batch in batches(x, y):
                model.step(*batch)
            if round_ or engine == "without":
                continue
            if change == "factor":
                model.optimizer.factor = 4.0
            elif change == "rate":
                model.optimizer.learning_rate = 0.1
            elif change == "layer":
                model.network.layers[0].factor = 2.0
            else:
                model.loss = gn.losses.SumSquaredError()
        ends.append(model.network.parameters.copy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=2e-4, atol=2e-5)
    assert np.abs(ends[1] - ends[2]).max() > 1e-3


def test_own_parts_that_change_themselves_are_compiled_once(monkeypatch):
    made = []
    plain = step_programs.Program.__init__
    monkeypatch.setattr(step_programs.Program, "__init__", lambda self, *a: (made.append(1), plain(self, *a))[1])
    x, _ = data(32)
    model = own_model("compiled", OwnRule(0.02))
    for _ in range(3):
        model.step(x, x[:, :2])
    assert len(made) == 1


@engines
def test_an_error_of_an_own_part_changes_nothing(engine):
    x, _ = data(32)

    class Failing(gn.NumpyLayer):
        def forward(self, x):
            if x[0, 0] > 3:
                raise RuntimeError("no such thing")
            return x, None

        def backward(self, dy, cache):
            return dy, {}

    net = gn.Sequential(gn.BatchNorm(), Failing(), gn.Dense(2))
    model = gn.Model(net, "mean_squared_error", "adam", engine=engine)
    model.step(x, x[:, :2])
    before, steps = net.parameters.copy(), model.optimizer.steps
    with pytest.raises(RuntimeError, match="no such thing"):
        model.step(x + 1000 * np.eye(32, 6, dtype=np.float32) * 1e6, x[:, :2])
    np.testing.assert_array_equal(net.parameters, before)
    assert model.optimizer.steps == steps
    model.step(x, x[:, :2])


# What goes wrong.


@engines
@pytest.mark.parametrize("over", [False, True])
def test_a_loss_that_is_not_finite_changes_nothing(engine, over):
    x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    net = gn.Sequential(gn.BatchNorm(), gn.Dense(4), gn.Dense(2))
    model = gn.Model(net, "mean_squared_error", gn.Adam(), engine=engine)
    model.step(x, x[:, :2])
    before = net.parameters.copy(), {name: array.copy() for name, array in model.optimizer.state.items()}
    diverging = [(2 * x, x[:, :2]), (x, 3e38 * np.sign(x[:, :2]))]
    with pytest.raises(gn.DivergenceError, match="as they were before"):
        model.step_over(diverging) if over else model.step(*diverging[1])
    np.testing.assert_array_equal(net.parameters, before[0])
    for name, array in before[1].items():
        np.testing.assert_array_equal(model.optimizer.state[name], array)
    assert model.optimizer.steps == 1
    model.step(x, x[:, :2])


@engines
def test_an_update_beyond_all_numbers_is_told(engine):
    x = np.ones((4, 2), np.float32)
    model = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(3e38), engine=engine)
    with pytest.raises(gn.DivergenceError, match="made parameters infinite"):
        model.step(x, 1000 * x[:, :1])


@engines
@pytest.mark.parametrize(
    ("x", "y", "weight", "error", "text"),
    [
        (np.full((8, 6), np.nan), np.zeros(8, int), None, gn.DataError, "step: x"),
        (np.full((8, 6), 1e300), np.zeros(8, int), None, gn.DataError, "step: x"),
        (np.full((8, 6), -np.inf, np.float32), np.zeros(8, int), None, gn.DataError, "step: x"),
        (np.ones((8, 5)), np.zeros(8, int), None, gn.ShapeError, "built for"),
        (np.ones((8, 6)), np.zeros(7, int), None, gn.ShapeError, "7 rows"),
        (np.ones((8, 6)), np.full(8, 3), None, gn.DataError, "labels from 3 to 3"),
        (np.ones((8, 6)), np.full(8, -1), None, gn.DataError, "labels from -1"),
        (np.ones((8, 6)), np.zeros(8, int), -np.ones(8), gn.DataError, "sample_weight"),
        (np.ones((8, 6)), np.array(["a"] * 8), None, gn.DataError, "step: y"),
        (np.ones((0, 6)), np.zeros(0, int), None, gn.DataError, "empty"),
    ],
)
def test_wrong_batches_are_refused_and_nothing_changes(engine, x, y, weight, error, text):
    model = gn.Model(dropping(), "cross_entropy", "adam", engine=engine)
    good, labels = np.ones((8, 6)) * np.arange(6), np.arange(8) % 3
    model.step(good, labels)
    model.step(good.astype(np.float32), labels)
    before = model.network.parameters.copy()
    with pytest.raises(error, match=text):
        model.step(x, y, weight)
    with pytest.raises(error, match=text.replace("step: ", "step_over: batch 2: ")):
        model.step_over([(good, labels), (x, y, weight)])
    np.testing.assert_array_equal(model.network.parameters, before)
    assert model.optimizer.steps == 2


def test_large_numbers_are_no_reason_for_a_warning_or_refusal():
    x = np.full((8, 3), 1e20, np.float32) * np.arange(3, dtype=np.float32)
    one, other = (
        gn.Model(gn.Dense(1, weight_init="zeros"), "mean_squared_error", gn.SGD(0.0), engine=e) for e in ENGINES
    )
    for model in (one, other):
        for _ in range(3):
            assert model.step(x, np.ones((8, 1), np.float32)) == pytest.approx(1, abs=1e-3)


@engines
def test_a_rate_that_climbs_is_refused(engine):
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "sgd", engine=engine)
    model.step(x, y)
    model.optimizer.learning_rate = -0.1
    before = model.network.parameters.copy()
    for call in (lambda: model.step(x, y), lambda: model.step_over([(x, y), (x, y)])):
        with pytest.raises(gn.ConfigurationError, match="rate"):
            call()
    np.testing.assert_array_equal(model.network.parameters, before)


@engines
def test_numbers_that_the_dtype_cannot_tell_apart_are_refused(engine):
    model = gn.Model(gn.Dense(2), "cross_entropy", "sgd", engine=engine)
    with pytest.raises(gn.DataError, match="differences are lost"):
        model.step(1e9 + np.arange(8.0)[:, None], np.arange(8) % 2)


@engines
def test_ctrl_c_leaves_a_whole_update_or_none(engine):
    x, y = data()

    class Pressed(gn.NumpyLayer):
        pressed = False

        def forward(self, x):
            if self.pressed:
                signal.raise_signal(signal.SIGINT)
            return x, None

        def backward(self, dy, cache):
            return dy, {}

    layer = Pressed()
    models = [gn.Model(gn.Sequential(layer, gn.Dense(3)), "cross_entropy", "adam", engine=engine) for _ in "ab"]
    for model in models:
        model.step(x, y)
    layer_of = models[0].network.layers[0].layer
    layer_of.pressed = True
    with pytest.raises(KeyboardInterrupt):
        models[0].step(x, y)
    layer_of.pressed = False
    models[1].step(x, y)
    same(*models)


# Several batches, one update.


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@engines
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_several_batches_are_one_step_on_all_their_rows(engine, optimizer, reduction):
    x, y = data(60)
    x = x.astype(np.float64)
    weight = np.random.default_rng(3).uniform(0.2, 3, 60)
    net = gn.Sequential(gn.Dense(9), gn.Tanh(), gn.Dense(3))
    net.build((6,), dtype="float64")
    loss = gn.losses.CrossEntropy(class_weight=[1.0, 2.0, 0.5], reduction=reduction)
    ends = []
    parts = slice(0, 7), slice(7, 32), slice(32, 60)
    for is_whole in (True, False):
        model = gn.Model(net.copy(), loss, OPTIMIZERS[optimizer](), dtype="float64", engine=engine)
        for _ in range(3):
            if is_whole:
                value = model.step(x, y, weight)
            else:
                value = model.step_over((x[part], y[part], weight[part]) for part in parts)
        ends.append((value, model.network.parameters, model.optimizer.steps))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-10)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-6, atol=1e-10)
    assert ends[0][2] == ends[1][2] == 3


@pytest.mark.parametrize("network", [dropping, normalising])
def test_several_batches_alike_in_both_engines(network):
    x, y = data(64)
    ends = []
    for engine in ENGINES:
        model = gn.Model(network(), "cross_entropy", gn.SGD(0.1), engine=engine)
        losses = [model.step_over(batches(x, y)) for _ in range(4)]
        ends.append((losses, model.network.parameters))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-5)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("optimizer", [OwnSGD, OwnRule])
def test_several_batches_with_own_parts(optimizer):
    x, _ = data(48)
    y = x[:, :2] ** 2
    ends = []
    for engine in ENGINES:
        model = own_model(engine, optimizer(0.02))
        for _ in range(3):
            model.step_over(batches(x, y))
        ends.append(model.network.parameters)
    whole = own_model("numpy", optimizer(0.02))
    for _ in range(3):
        whole.step(x, y)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ends[0], whole.network.parameters, rtol=1e-4, atol=1e-5)


@engines
def test_each_of_several_batches_has_masks_of_its_own(engine):
    x = np.ones((200, 1), np.float32)
    net = gn.Sequential(gn.Dropout(0.5), gn.Dense(1, weight_init="ones"))
    seen = []
    for size in (1, 2):
        model = gn.Model(net.copy(), "mean_squared_error", gn.SGD(0.1), engine=engine)
        seen.append(model.step_over([(x, 0 * x)] * size))
    model = gn.Model(net.copy(), "mean_squared_error", gn.SGD(0.1), engine=engine)
    assert model.step(x, 0 * x) == seen[0]  # the first one draws what a step draws
    assert seen[0] != seen[1]


@engines
def test_a_single_batch_is_a_step(engine):
    x, y = data()
    one, other = (gn.Model(normalising(), "cross_entropy", "adam", engine=engine) for _ in "ab")
    for _ in range(2):
        assert one.step(x, y) == other.step_over([(x, y)])
    same(one, other)


@pytest.mark.parametrize("given", [[], iter(()), 3, [np.ones((4, 6))], [(np.ones((4, 6)),)], np.ones((4, 6))])
def test_what_are_no_batches_is_refused(given):
    model = gn.Model(dropping(), "cross_entropy", "adam")
    with pytest.raises(gn.ConfigurationError, match=r"\(x1, y1\)"):
        model.step_over(given)
    assert not model.network.is_built


@engines
def test_changes_while_batches_are_made_are_refused(engine):
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "adam", engine=engine)

    def made():
        yield from [(x, y)] * 2
        model.network.layers[2].rate = 0.1
        yield x, y

    with pytest.raises(gn.ConfigurationError, match="changed while"):
        model.step_over(made())
    assert model.optimizer.steps == 0


# Two models.


@engines
def test_two_models_of_one_network_see_each_other(engine):
    x, y = data()
    net = dropping()
    one = gn.Model(net, "cross_entropy", gn.SGD(0.1), engine=engine)
    other = gn.Model(net, gn.losses.CrossEntropy(label_smoothing=0.3), gn.SGD(0.1), engine=engine)
    twin = gn.Model(dropping(), "cross_entropy", gn.SGD(0.1), engine="numpy")
    for _ in range(3):
        one.step(x, y)
        other.step(x, y)
        for loss in (gn.losses.CrossEntropy(), gn.losses.CrossEntropy(label_smoothing=0.3)):
            twin.loss = loss
            twin.optimizer.steps -= loss.label_smoothing > 0  # each counts its own updates
            twin.step(x, y)
    np.testing.assert_allclose(net.parameters, twin.network.parameters, rtol=1e-4, atol=1e-5)


def test_a_network_and_one_that_contains_it_in_turns():
    rng = np.random.default_rng(0)
    noise, real = rng.normal(size=(32, 2)), rng.normal(3, 0.5, (32, 1))
    ones, zeros = np.ones((32, 1)), np.zeros((32, 1))
    ends = []
    for engine in ENGINES:
        generator = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(1))
        judge = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(1))
        whole = gn.Model(gn.Sequential(generator, judge), "binary_cross_entropy", gn.SGD(0.1), engine=engine)
        judging = gn.Model(judge, "binary_cross_entropy", gn.SGD(0.1), engine=engine)
        whole.step(noise, ones)
        for _ in range(4):
            before = whole.predict(noise)
            judging.step_over([(real, ones), (real - 2, zeros)])
            judging.step(real, ones)
            assert np.abs(whole.predict(noise) - before).max() > 1e-4
            inside = judging.predict(real)
            whole.step(noise, ones)
            assert np.abs(judging.predict(real) - inside).max() > 1e-4
            np.testing.assert_array_equal(judge.parameters, whole.network.parameters[-judge.parameters.size :])
        ends.append(whole.network.parameters)
    np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-5)


@engines
def test_a_judge_that_one_of_two_models_leaves_alone(engine, monkeypatch):
    rng = np.random.default_rng(0)
    noise, real = rng.normal(size=(32, 2)), rng.normal(3, 0.5, (32, 1))
    ones, zeros = np.ones((32, 1)), np.zeros((32, 1))
    made = []
    plain = step_programs.Program.__init__
    monkeypatch.setattr(step_programs.Program, "__init__", lambda self, *a: (made.append(1), plain(self, *a))[1])
    generator = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(1))
    judge = gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.Tanh(), gn.Dense(1))
    judging = gn.Model(judge, "binary_cross_entropy", gn.Adam(0.01), engine=engine)
    judging.step(real, ones)
    fooling = gn.Model(gn.Sequential(generator, judge.frozen()), "binary_cross_entropy", gn.Adam(0.01), engine=engine)
    for _ in range(4):
        before = judge[0].weight.value.copy(), judge[3].bias.value.copy()
        fooling.step(noise, ones)
        np.testing.assert_array_equal(judge[0].weight.value, before[0])
        np.testing.assert_array_equal(judge[3].bias.value, before[1])
        moved = generator[0].weight.value.copy()
        judging.step_over([(real, ones), (real - 3, zeros)])
        assert np.abs(judge[0].weight.value - before[0]).max() > 0
        np.testing.assert_array_equal(generator[0].weight.value, moved)
    # The judge is compiled anew once, when its weights move to where the generator's are.
    assert len(made) == (0 if engine == "numpy" else 3)


@pytest.mark.parametrize("engine", ["compiled"])
def test_freezing_in_turns_keeps_the_programs_of_others(engine, monkeypatch):
    x, y = data()
    made = []
    plain = step_programs.Program.__init__
    monkeypatch.setattr(step_programs.Program, "__init__", lambda self, *a: (made.append(1), plain(self, *a))[1])
    shared = gn.Sequential(gn.Dense(5), gn.Tanh())
    one = gn.Model(gn.Sequential(shared, gn.Dense(3)), "cross_entropy", "sgd", engine=engine)
    other = gn.Model(dropping(), "cross_entropy", "sgd", engine=engine)
    for _ in range(4):
        shared.freeze()
        one.step(x, y)
        shared.unfreeze()
        other.step(x, y)
    assert len(made) == 2


@engines
def test_a_network_built_into_another_later(engine):
    x, y = data()
    net = dropping()
    model = gn.Model(net, "cross_entropy", gn.SGD(0.1), engine=engine)
    model.step(x, y)
    outer = gn.Sequential(net, gn.Dense(3))
    outer.build((6,))
    before = net.parameters.copy()
    model.step(x, y)
    assert np.abs(net.parameters - before).max() > 0
    np.testing.assert_array_equal(outer.parameters[: net.parameters.size], net.parameters)


# Beside fit.


@engines
def test_steps_and_fits_in_turns(engine):
    x, y = data(64)
    one, other = (gn.Model(dropping(), "cross_entropy", gn.Adam(0.01), engine=engine) for _ in "ab")
    for _ in range(2):
        one.fit(x, y, epochs=1, batch_size=16, shuffle=False, verbose=False)
        for batch in batches(x, y):
            one.step(*batch)
    other.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=False)
    same(one, other)
    assert one.epochs_trained == 2


@engines
def test_copies_and_files_go_on_alike(engine, tmp_path):
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", gn.Adam(0.01), engine=engine)
    model.step(x, y)
    model.save(tmp_path / "m.safetensors")
    others = [deepcopy(model), pickle.loads(pickle.dumps(model)), gn.load(tmp_path / "m.safetensors")]
    others[2].engine = engine
    model.step(x, y)
    for other in others:
        other.step(x, y)
        same(model, other)


def test_the_name_that_keras_has():
    x, y = data()
    one, other = (gn.Model(dropping(), "cross_entropy", "adam") for _ in "ab")
    assert one.train_on_batch(x, y) == other.step(x, y)
    same(one, other)


def test_the_users_arrays_stay_as_they_are():
    x, y = data()
    model = gn.Model(dropping(), "cross_entropy", "adam")
    model.step(x, y)
    kept = x.copy(), y.copy()
    for _ in range(3):
        model.step(x[::-1], y[::-1])
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])
