"""Settings and names as other libraries spell them, or as fingers slip: each message says what to type."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import initializers, layers, losses, metrics, optimizers
from glassnet.cli.main import main
from glassnet.core.calls import suggests
from glassnet.core.errors import UnknownSettingError
from glassnet.core.spellings import ADVICE, ALIASES, CLASSES, NEAR, SETTINGS
from glassnet.core.suggestions import advice, class_meant, nearest, setting_meant

X, Y = np.random.default_rng(0).normal(size=(6, 2)), np.array([0, 1, 2, 0, 1, 2])
FAMILIES = {
    "loss": losses.LOSSES,
    "metric": metrics.METRICS,
    "optimizer": optimizers.OPTIMIZERS,
    "layer": layers.ACTIVATIONS,
    "initializer": initializers.INITIALIZERS,
}


def model() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(3)), "cross_entropy", "adam")


CALLS: list[tuple[Callable[..., Any], str]] = [
    (lambda: gn.Dense(8, activation="relu"), "write gn.Dense(8), gn.ReLU()"),
    (lambda: gn.Dense(8, activation="leaky_relu"), "write gn.Dense(8), gn.LeakyReLU()"),
    (lambda: gn.Conv2D(8, 3, activation="swish"), "write gn.Conv2D(8, 3), gn.SiLU()"),
    (lambda: gn.Adam(lr=0.1), "write gn.Adam(learning_rate=0.1)"),
    (lambda: gn.SGD(lr=np.float64(0.5), momentum=0.9), "write gn.SGD(learning_rate=0.5, momentum=0.9)"),
    (lambda: gn.Adam(np.zeros(3), lr=0.1), "write gn.Adam(learning_rate=0.1)"),
    (lambda: gn.Dense(8, weigth_init="ones"), 'write gn.Dense(8, weight_init="ones")'),
    (lambda: gn.Dense(8, kernel_initializer="he_normal"), 'write gn.Dense(8, weight_init="he_normal")'),
    (lambda: gn.Dense(8, bias=False), "write gn.Dense(8, use_bias=False)"),
    (lambda: gn.Dense(in_features=3, out_features=5), "write gn.Dense(units=5)"),
    (lambda: gn.Dense(8, input_shape=(4,)), "taken from the data: write gn.Dense(8)"),
    (lambda: gn.Dense(8, input_dim=4), "taken from the data: write gn.Dense(8)"),
    (lambda: gn.Dense(64, 10), "taken from the data: write gn.Dense(10)"),
    (
        lambda: gn.Conv2D(3, 16, 3, padding=1),
        "write gn.Conv2D(16, 3, padding=1), or gn.Conv2D(3, 16, stride=3, padding=1)",
    ),
    (lambda: gn.Conv2D(8, 3, padding_mode="zeros", strides=2), "write gn.Conv2D(8, 3, stride=2)"),
    (lambda: gn.Conv2D(8, 3, dilation_rate=2), "write gn.Conv2D(8, 3, dilation=2)"),
    (lambda: gn.Conv2D(out_channels=8, kernel_size=3), "write gn.Conv2D(filters=8, kernel_size=3)"),
    (lambda: gn.Conv2D(8, 3, data_format="channels_last"), "gn.Permute(3, 1, 2)"),
    (lambda: gn.BatchNorm(64), "write gn.BatchNorm()"),
    (lambda: gn.BatchNorm(num_features=64), "write gn.BatchNorm()"),
    (lambda: gn.MaxPool2D(2, 2), "write gn.MaxPool2D(2, stride=2)"),
    (lambda: gn.MaxPool2D(kernel_size=2), "write gn.MaxPool2D(pool_size=2)"),
    (lambda: gn.Dropout(p=0.5), "write gn.Dropout(rate=0.5)"),
    (lambda: gn.Dropout(keep_prob=0.9), "write gn.Dropout(1 - 0.9)"),
    (lambda: gn.ReLU(inplace=True), "write gn.ReLU()"),
    (lambda: gn.LeakyReLU(negative_slope=0.2), "write gn.LeakyReLU(slope=0.2)"),
    (lambda: gn.Embedding(num_embeddings=9, embedding_dim=3), "write gn.Embedding(count=9, units=3)"),
    (lambda: gn.Sequential(layers=[gn.Dense(3)]), "write gn.Sequential(*layers)"),
    (lambda: gn.Adam(momentum=0.9), "write gn.SGD(0.01, momentum=0.9)"),
    (lambda: gn.Adam(0.1, betas=(0.9, 0.99)), "write gn.Adam(0.1, beta1=0.9, beta2=0.99)"),
    (lambda: gn.Adam(beta_1=0.5, eps=1e-6), "write gn.Adam(beta1=0.5, epsilon=1e-06)"),
    (lambda: gn.SGD(0.1, weight_decay=0.01), "gn.Chain(gn.SGD(0.1), gn.WeightDecay(0.01))"),
    (lambda: gn.Adam(0.1, weight_decay=0.01), "gn.AdamW(0.1, weight_decay=0.01)"),
    (lambda: gn.Adam(weight_decay=0.01), "gn.AdamW(weight_decay=0.01)"),
    (lambda: gn.Adam(clipnorm=1.0), "write gn.Chain(gn.ClipByNorm(1.0), gn.Adam())"),
    (lambda: gn.losses.Huber(beta=1.0), "write gn.losses.Huber(delta=1.0)"),
    (lambda: gn.losses.CrossEntropy(weight=[1, 2]), "write gn.losses.CrossEntropy(class_weight=[1, 2])"),
    (
        lambda: gn.schedules.StepDecay(0.1, step_size=9, gamma=0.5),
        "write gn.schedules.StepDecay(0.1, every=9, factor=0.5)",
    ),
    (lambda: gn.EarlyStopping(restore_best_weights=True), "write gn.EarlyStopping(restore_best=True)"),
    (lambda: gn.ReduceOnPlateau(min_lr=0.1), "write gn.ReduceOnPlateau(min_rate=0.1)"),
    (lambda: model().fit(X, Y, epoch=3), "write model.fit(x, y, epochs=3)"),
    (lambda: model().fit(X, Y, nb_epoch=3), "write model.fit(x, y, epochs=3)"),
    (lambda: model().fit(X, Y, 3), "write model.fit(x, y, epochs=3)"),
    (lambda: model().fit(X, Y, validation_size=0.2), "write model.fit(x, y, validation_split=0.2)"),
    (lambda: model().fit(X, Y, class_weight={0: 1}), "gn.losses.CrossEntropy(class_weight={0: 1})"),
    (lambda: model().fit(X, Y, lr=0.1), "write gn.Adam(0.1)"),
    (lambda: model().evaluate(X, Y, weights=Y), "write model.evaluate(x, y, sample_weight=sample_weight)"),
    (
        lambda: gn.Model(gn.Dense(3), criterion="mse", optim="sgd"),
        'write gn.Model(network, loss="mse", optimizer="sgd")',
    ),
    (lambda: gn.Model(gn.Dense(3), "mse", "sgd", metric=["acc"]), 'metrics=["acc"])'),
    (lambda: gn.Model(gn.Dense(3), "mse", "sgd", random_state=3), "seed=3)"),
    (lambda: gn.load("a", custom_objects={}), 'write gn.load("a", custom={})'),
    (lambda: gn.zoo.resnet(num_classes=3), "write gn.zoo.resnet(classes=3)"),
    (lambda: gn.data.read_csv("a", sep=";"), 'write gn.data.read_csv("a", delimiter=";")'),
    (lambda: gn.data.read_table("a", sep=";"), 'gn.tables.Reading(delimiter=";")'),
    (lambda: gn.data.split(3, test_size=0.2), "write gn.data.split(3, test_share=0.2)"),
    (lambda: gn.check_gradients(gn.Dense(2), X, tol=1e-3), "write gn.check_gradients(network, x, tolerance=0.001)"),
    (lambda: gn.estimators.MLPClassifier(lr=0.1), "write gn.estimators.MLPClassifier(learning_rate_init=0.1)"),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_unknown_settings_are_named_with_what_to_type(number: int) -> None:
    call, fix = CALLS[number]
    with pytest.raises(gn.ConfigurationError) as caught:
        call()
    assert isinstance(caught.value, TypeError)  # as Python's own error for such a call is
    assert fix in caught.value.fix
    assert "np." not in str(caught.value)


def test_what_is_received_and_expected() -> None:
    with pytest.raises(UnknownSettingError) as caught:
        gn.Dense(8, weigth_init="ones", colour=3)
    assert caught.value.where == "Dense"
    assert caught.value.received == 'weigth_init="ones", colour=3, unknown here'
    assert caught.value.expected == "weight_init= for weigth_init="
    with pytest.raises(UnknownSettingError, match="expected the settings of gn.Dense: units, use_bias, weight_init"):
        gn.Dense(8, colour=3)


def test_what_is_suggested_can_be_typed() -> None:
    """Whole calls, as far as they are some, run as they stand there."""
    for call, _ in CALLS:
        with pytest.raises(UnknownSettingError) as caught:
            call()
        text = caught.value.fix.partition("write ")[2]
        for end in (" for ", ", if that", ", or ", ", and begin"):
            text = text.partition(end)[0]
        if text.startswith("gn.") and not text.startswith(("gn.data", "gn.load", "gn.check", "gn.Sequential")):
            eval(text, {"gn": gn, "network": gn.Dense(3)})


def test_every_setting_of_the_table_is_one_of_the_library() -> None:
    public = [getattr(gn, name) for name in gn.__all__ if name != "__version__"]
    rooms = [gn.losses, gn.schedules, gn.zoo, gn.data, gn.interop, gn.estimators, gn.tables]
    everything = [*public, *(value for room in rooms for value in vars(room).values()), gn.Model.fit]
    known = {name for each in everything if callable(each) for name in _settings(each)}
    assert set(SETTINGS) <= known
    for family, names in (*ALIASES.items(), *NEAR.items()):
        assert set(names.values()) <= set(FAMILIES[family]), family
        own = set(FAMILIES[family]) - {"xavier_uniform", "xavier_normal"}
        assert not set(names) & own, "an alias hides a name"
    for text in CLASSES.values():
        found: Any = gn
        for part in text.partition("(")[0].split(".")[1:]:
            found = getattr(found, part)
    for name in ADVICE:
        assert "{" not in advice(name, "gn.SGD(0.1)", "0.5")


def _settings(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        return []


def test_aliases_are_the_thing_itself_under_its_own_name() -> None:
    own = gn.Model(gn.Sequential(gn.Dense(1, weight_init="xavier")), "mse", "sgd", metrics=["mae", "rmse"])
    assert repr(own.loss) == "MeanSquaredError()"
    assert [metric.name for metric in own.metrics] == ["mean_absolute_error", "root_mean_squared_error"]
    assert repr(own.network) == "Sequential(Dense(1, weight_init='glorot_uniform'))"
    assert repr(gn.Sequential("swish", "logistic")) == "Sequential(SiLU(), Sigmoid())"
    for family, names in ALIASES.items():
        for other, ours in names.items():
            assert nearest(other, FAMILIES[family], family) == ours


def test_aliases_learn_the_same_and_are_saved_under_glassnets_name(tmp_path: Any) -> None:
    answers = []
    for init, loss in (("kaiming", "sparse_categorical_crossentropy"), ("he_normal", "cross_entropy")):
        own = gn.Model(gn.Sequential(gn.Dense(3, weight_init=init)), loss, "sgd", ["acc"])
        own.fit(X, Y, epochs=2, verbose=False)
        own.save(tmp_path / "own.safetensors")
        assert b"kaiming" not in (tmp_path / "own.safetensors").read_bytes()
        answers.append(gn.load(tmp_path / "own.safetensors").predict(X))
    assert np.array_equal(*answers)


@pytest.mark.parametrize(
    ("make", "meant"),
    [
        (lambda: gn.Model(gn.Dense(1), "MSELoss", "sgd"), "mean_squared_error"),
        (lambda: gn.Model(gn.Dense(1), "sse", "sgd"), "sum_squared_error"),
        (lambda: gn.Model(gn.Dense(1), "CrossEntropyLoss", "sgd"), "cross_entropy"),
        (lambda: gn.Model(gn.Dense(1), "log_loss", "sgd"), "cross_entropy"),
        (lambda: gn.Model(gn.Dense(1), "mse", "Adam"), "adam"),
        (lambda: gn.Model(gn.Dense(1), "mse", "momentum"), "sgd"),
        (lambda: gn.Model(gn.Dense(1), "mse", "sgd", ["accuracy_scor"]), "accuracy"),
        (lambda: gn.Sequential("ReLU"), "relu"),
        (lambda: gn.Sequential("linear"), "identity"),
        (lambda: gn.Dense(1, weight_init="lecun"), "lecun_normal"),
        (lambda: gn.Dense(1, weight_init="Xavier"), "glorot_uniform"),
    ],
)
def test_names_that_mean_several_things_are_suggested_alone(make: Callable[[], Any], meant: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=f"did you mean '{meant}'"):
        make()


def test_a_monitor_by_another_name() -> None:
    with pytest.raises(gn.ConfigurationError, match="did you mean 'val_accuracy'"):
        gn.Model(gn.Dense(3), "cross_entropy", "sgd", ["acc"]).fit(
            X, Y, validation_data=(X, Y), callbacks=[gn.EarlyStopping("val_acc")], verbose=False
        )


@pytest.mark.parametrize("verbose", [2, "no", None, 0.5])
def test_verbose_is_on_or_off(verbose: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="verbose=.*True or False"):
        model().fit(X, Y, verbose=verbose)
    model().fit(X, Y, verbose=0)


def test_constructors_stay_what_they_are() -> None:
    class Own(gn.NumpyLayer):
        def __init__(self, **settings: Any) -> None:
            self.settings_given = settings

    class Sub(gn.Dense):
        def __init__(self, units: int, *, extra: int = 0, **others: Any) -> None:
            super().__init__(units, **others)
            self.extra = extra

    assert Own(lr=3).settings_given == {"lr": 3}
    assert Sub(3, use_bias=False, extra=1).use_bias is False
    with pytest.raises(TypeError, match="kernel_initializer"):  # Python's own, from where it is passed on to
        Sub(3, kernel_initializer="ones")
    assert list(inspect.signature(gn.Dense).parameters) == ["units", "use_bias", "weight_init", "bias_init"]
    assert list(inspect.signature(gn.ReLU).parameters) == []
    assert list(inspect.signature(gn.Model).parameters)[:3] == ["network", "loss", "optimizer"]
    assert list(inspect.signature(gn.Model.fit).parameters)[:4] == ["self", "x", "y", "epochs"]
    assert str(gn.Model.fit.__doc__).startswith("Trains")
    dense = gn.Dense(3)
    assert repr(copy.deepcopy(dense)) == repr(pickle.loads(pickle.dumps(dense))) == "Dense(3)"
    with pytest.raises(TypeError, match="abstract"):
        gn.Layer()  # type: ignore[abstract]
    assert not hasattr(gn.Model.predict, "__wrapped__"), "nothing stands before the way of a single row"


def test_layers_take_a_name_by_which_nothing_else_changes() -> None:
    for layer in (
        gn.Dense(3, name="head"),
        gn.ReLU(name="head"),
        gn.Conv2D(4, 3, name="head"),
        gn.Sequential(gn.ReLU(), name="head"),
    ):
        assert layer.name == "head"
        assert "name" not in layer.settings()

    class Named(gn.Dense):
        def __init__(self, units: int, name: str = "own") -> None:
            super().__init__(units)
            self.title = name

    assert Named(3, name="mine").title == "mine"

    class Anything(gn.ReLU):
        def __init__(self, **settings: Any) -> None:
            self.settings_given = settings

    assert Anything(name="mine").settings_given == {"name": "mine"}
    with pytest.raises(UnknownSettingError, match="name"):
        gn.Adam(name="adam")


def test_functions_that_take_anything_are_left_alone() -> None:
    @suggests
    def anything(*args: int, **settings: int) -> int:
        return len(args) + len(settings)

    assert anything(1, 2, lr=3) == 3


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("train digits --hiden 64", "--hidden"),
        ("train digits --hiden=64", "--hidden"),
        ("train digits --lr 0.1", "--learning-rate"),
        ("train digits --batch_size 3", "--batch-size"),
        ("train digits --n-epochs 3", "--epochs"),
        ("train digits --random-state 3", "--seed"),
        ("train digits --weight-decay 0.1", "--l2"),
        ("predict a b -o c", "--output"),
        ("playground --prot 3", "--port"),
    ],
)
def test_options_of_the_command_line(arguments: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments.split())
    assert caught.value.code == 2
    assert f"To fix it: write {option};" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [("trian digits", "train"), ("train digits --activation swish", "silu"), ("train digits --optimizer Adam", "adam")],
)
def test_choices_of_the_command_line(arguments: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments.split())
    assert f"did you mean '{meant}'?" in capsys.readouterr().err


def test_an_option_like_no_other_lists_none(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ("evaluate a b --foo", "train digits -e 3"):
        with pytest.raises(SystemExit):
            main(arguments.split())
        assert "--help' lists all" in capsys.readouterr().err


def test_names_of_the_package() -> None:
    for name, meant in (("Linear", "gn.Dense(units)"), ("Conv2d", "gn.Conv2D"), ("relu", "gn.ReLU")):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'; here it is {meant.partition('(')[0]}"):
            getattr(gn, name)
    with pytest.raises(AttributeError, match=r"no attribute 'zzz'$"):
        _ = gn.zzz
    assert class_meant("Dens", gn.__all__) == "gn.Dense"
    assert setting_meant("zzz", ["units"]) is None
