"""What constructor arguments say: repr, files, names, and the checks of numbers."""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections import defaultdict

import numpy as np
import pytest

import glassnet as gn
from glassnet import tables
from glassnet.core.errors import ConfigurationError, FileFormatError, GlassnetError
from glassnet.core.settings import (
    Configurable,
    by_name,
    file_name,
    from_config,
    known_by,
    number,
    one_of,
    to_config,
    whole,
)
from glassnet.initializers import Given, HeNormal, Normal
from glassnet.layers import PythonLayer
from glassnet.losses import LOSSES, Loss
from glassnet.optimizers import OPTIMIZERS, Optimizer
from glassnet.series.forecasting import Forecasting
from glassnet.series.stamps import TimeStep
from glassnet.tuning import Range


def halved(value: float) -> float:
    """A user's function."""
    return value / 2


class Shift(gn.NumpyLayer):
    """A user's layer with a setting."""

    def __init__(self, by: float = 1.0) -> None:
        self.by = by


def library() -> set[type[Configurable]]:
    """Every Configurable of glassnet."""
    for name in gn.__all__:  # rooms are loaded when they are asked for
        getattr(gn, name)
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "glassnet"]
    found = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    return {cls for cls in found if cls.__module__.startswith("glassnet.") and issubclass(cls, Configurable)}


BASES = {
    "Activation", "Column", "Configurable", "Form", "InMemory", "Initializer", "Layer", "Loss", "Merge", "Metric",
    "Network", "NumpyLayer", "NumpyLoss", "NumpyOptimizer",
    "Optimizer", "Schedule", "Schema", "Step", "Vocabulary", "WithWeights", "Words",
}  # fmt: skip
CLASSES = sorted(
    (cls for cls in library() if cls.__name__ not in BASES and not cls.__name__.startswith("_")),
    key=lambda cls: (cls.__module__, cls.__name__),
)

SAMPLES: list[Configurable] = [
    # networks of named nodes
    gn.Graph(inputs={"x": (3,)}, nodes={"a": (gn.Dense(2), "x"), "y": (gn.Add(), "a", "a")}, outputs=("y",)),
    gn.Add(),
    gn.Subtract(),
    gn.Multiply(),
    gn.Concatenate(axis=2),
    gn.AbsoluteDifference(),
    gn.Dot(),
    gn.SquaredDistance(),
    # layers
    gn.Dense(3),
    gn.Dense(4, use_bias=False, weight_init="glorot_uniform", bias_init=HeNormal()),
    gn.Dense(2, weight_init=Normal(0.5), bias_init=0.25),
    gn.SimpleRNN(3),
    gn.LSTM(4, return_sequences=True, reverse=True, recurrent_init="glorot_uniform", forget_bias=0.5),
    gn.GRU(2, use_bias=False),
    gn.SelfAttention(2, causal=True, dropout=0.1, rotary=True, use_bias=False, weight_init=Normal(0.5)),
    gn.Attention(3, bias_init="ones"),
    gn.PositionalEncoding("learned", most_steps=9),
    gn.Tied("tokens"),
    gn.Dropout(0.25),
    gn.Augment(flip=True, shift=2, rotation=10.0, brightness=0.1, contrast=0.2, cutout=3),
    gn.Conv2D(8, 3),
    gn.Conv2D(8, (3, 5), stride=(1, 2), padding="same", dilation=2, groups=4, use_bias=False, weight_init=Normal(0.5)),
    gn.Conv2D(8, 4, stride=2, padding=(1, 2), bias_init="ones"),
    gn.ConvTranspose2D(8, 3),
    gn.ConvTranspose2D(8, (3, 2), stride=2, padding=1, dilation=(1, 2), output_padding=(1, 0), groups=2),
    gn.Conv1D(8, 3),
    gn.Conv1D(8, 3, stride=2, padding="causal", dilation=2, groups=4, use_bias=False),
    gn.Embedding(100, 8),
    gn.Embedding(5, 2, weight_init="normal"),
    gn.Columns((2, 0)),
    gn.Columns(range(1, 9)),
    gn.Columns((0, 4, 5, 6, 7, 2, 3)),
    gn.UpSample2D(2),
    gn.UpSample2D((2, 3)),
    gn.ZeroPad2D(1),
    gn.ZeroPad2D((1, 2)),
    gn.ZeroPad2D(((0, 1), (2, 3))),
    gn.Flatten(),
    gn.Reshape((2, 3, 4)),
    gn.MaxPool2D(),
    gn.MaxPool2D((2, 3), stride=1, padding="same"),
    gn.AveragePool2D(3, stride=(2, 1), padding=(1, 0)),
    gn.MaxPool1D(3, padding=1),
    gn.AveragePool1D(stride=1),
    gn.GlobalAveragePool(),
    gn.GlobalMaxPool(),
    gn.BatchNorm(),
    gn.BatchNorm(momentum=0.01, epsilon=1e-3),
    gn.LayerNorm(epsilon=1e-6),
    gn.RMSNorm(epsilon=1e-6, use_scale=False),
    gn.GroupNorm(4),
    *(layer() for layer in gn.layers.ACTIVATIONS.values()),
    gn.LeakyReLU(0.3),
    gn.ELU(1.5),
    gn.Clip(None, 2.5),
    gn.Scale(),
    gn.Permute(2, 1),
    gn.GELU(approximate=True),
    # networks
    gn.Sequential(),
    gn.Sequential(gn.Dense(3), "relu", gn.Sequential(gn.Dense(2), gn.Dropout(0.5))),
    gn.Residual(gn.Dense(3), gn.Tanh()),
    gn.Residual(gn.Dense(3), shortcut=gn.Dense(3)),
    gn.Bidirectional(gn.LSTM(2, forget_bias=0.5)),
    gn.Concat(gn.Dense(2), [gn.Dense(3), gn.ReLU()]),
    gn.Concat(gn.Tanh(), gn.Sigmoid(), axis=2),
    # losses
    gn.losses.FunctionLoss(halved),
    gn.losses.SumSquaredError("mean"),
    gn.losses.MeanSquaredError(),
    gn.losses.MeanAbsoluteError("sum"),
    gn.losses.Huber(0.5, "sum"),
    gn.losses.Huber(reduction="sum"),
    gn.losses.Quantile(),
    gn.losses.Quantile(0.9, "sum"),
    gn.losses.Poisson(),
    gn.losses.Gamma("sum"),
    gn.losses.Poisson(averages_outputs=False),
    gn.losses.BinaryCrossEntropy(from_logits=False, reduction="sum"),
    gn.losses.CrossEntropy(),
    gn.losses.CrossEntropy(from_logits=False, label_smoothing=0.1, class_weight=(1.0, 2.0), reduction="sum"),
    gn.losses.CrossEntropy(class_weight={0: 0.5, 2: 3.0}),
    gn.losses.BinaryCrossEntropy(averages_outputs=False),
    gn.losses.Hinge("sum"),
    gn.losses.WeightedSum({"digit": gn.losses.Hinge(), "copy": (gn.losses.MeanSquaredError(), 0.3)}),
    gn.losses.JointCrossEntropy((2, 4), label_smoothing=0.1, reduction="sum"),
    # optimizers
    gn.SGD(),
    gn.SGD(0.1, momentum=0.9, nesterov=True),
    gn.AdaGrad(0.5, epsilon=1e-6),
    gn.RMSProp(rho=0.5),
    gn.Adam(gn.schedules.CosineDecay(0.1, steps=10)),
    gn.AdamW(0.01, weight_decay=0.2, beta1=0.8),
    gn.NAdam(beta2=0.9),
    gn.Lion(1e-3, beta2=0.95),
    gn.L1(0.1),
    gn.L2(1e-4),
    gn.L2(1e-4, by_batch=True),
    gn.WeightDecay(0.01),
    gn.ClipByValue(1.0),
    gn.ClipByNorm(2.0),
    gn.MaxNorm(3.0),
    gn.Chain(gn.ClipByNorm(1.0), gn.L2(1e-4), gn.SGD(0.1), gn.MaxNorm(3.0)),
    # schedules
    gn.schedules.Constant(0.1),
    gn.schedules.StepDecay(0.1, every=5, factor=0.5),
    gn.schedules.ExponentialDecay(0.1, every=5),
    gn.schedules.CosineDecay(0.1, steps=5, final=0.01),
    gn.schedules.LogCosine(0.1, steps=5, swings=3),
    Range(0.1, 0.5, log=True),
    gn.schedules.LinearWarmup(gn.schedules.CosineDecay(0.1, steps=5), steps=2),
    gn.schedules.LinearDecay(0.1, steps=5, final=0.01),
    gn.schedules.OneCycle(0.1, steps=10, warm_share=0.5, start_divisor=5.0, final_divisor=10.0),
    # initializers
    gn.initializers.Constant(0.5),
    gn.initializers.Zeros(),
    gn.initializers.Ones(),
    gn.initializers.Uniform(-1.0, 2.0),
    gn.initializers.Uniform(high=2.0),
    gn.initializers.Normal(0.3),
    gn.initializers.GlorotUniform(),
    gn.initializers.GlorotNormal(),
    gn.initializers.HeUniform(),
    gn.initializers.HeNormal(),
    gn.initializers.LeCunUniform(),
    gn.initializers.LeCunNormal(),
    gn.initializers.Orthogonal(2.0),
    # metrics
    *(cls() for cls in gn.metrics.METRICS.values()),
    gn.metrics.F1("weighted"),
    gn.metrics.FunctionMetric(halved),
    gn.metrics.OutputMetric("digit", gn.metrics.Accuracy(), named=False),
    gn.metrics.PartOfLoss(),
    # tables
    tables.Number("age", 31.5, 4.0, True),
    tables.Truth("member"),
    tables.Category("town", ("Ulm", "Bern"), rare=3),
    tables.Indexed("town", ("Ulm", "Bern"), True, 3),
    tables.Time("since", 18000.0, 20.0, ("month", "hour")),
    tables.Ignored("empty", "no values"),
    tables.Duration("wait", 90.0, 12.5, True),
    tables.TimeOfDay("start", 28800.0, 3600.0),
    tables.NumberForm(",", ".", "€", missing=("keine",)),
    tables.DateForm("DD/MM/YYYY", True),
    tables.TruthForm(("unknown",)),
    tables.WordForm("numbers", False),
    tables.ClockForm(),
    tables.DurationForm(("open",)),
    tables.Reading(",", "dmy", ("keine",), ";", "cp1252"),
    tables.Profile(100, 3, (50, 47), (31.5,), low=12.0, high=80.0),
    tables.Answers(("height", "weight")),
    tables.Classes("buys", ("no", "yes")),
    tables.Questions((tables.Classes("buys", ("no", "yes")), tables.Classes("pays", ("cash", "card", "never")))),
    gn.Table((tables.Number("age", 31.5, 4.0),), tables.Classes("buys", ("no", "yes"))),
    # texts and series
    gn.text.Characters("abé"),
    TimeStep(1, "month", at_month_end=True),
]
# Arrays are shown by their shape, a Tokenizer by its size, and PythonLayer as the object inside it: no constructor call
# that could be evaluated.
SHOWN_OTHERWISE: list[Configurable] = [
    gn.text.Tokenizer.from_data(["a good film", "a bad film"], 6, kind="words"),
    Forecasting(3, 2, ("load", "heat"), ("load",), ("",), [[1.0, 2.0]], [[0.5, 4.0]], TimeStep(3600.0), 24, "when"),
    gn.Standardize([1.0, 2.0], [0.5, 4.0]),
    gn.TargetScaling([1.0, 2.0], [0.5, 4.0], high=[9.0, 99.0], logarithm=True),
    tables.Quantiles("income", [1.0, 2.0, 4.0]),
    tables.Robust("income", 2.0, 0.5, True),
    tables.Piecewise("income", 2.0, 0.5, [0.0, 1.0, 4.0]),
    Given([[1.0, 2.0]]),
    PythonLayer(Shift(2.0)),
    gn.losses.CrossEntropy(class_weight=np.array([1.0, 2.0])),
    gn.Dense(2, weight_init=np.ones((3, 2))),
]
_TAKES_NOTHING = [cls for cls in CLASSES if issubclass(cls, gn.Layer) and not inspect.isabstract(cls)]
SAMPLES += [
    cls()
    for cls in _TAKES_NOTHING
    if cls not in {type(sample) for sample in SAMPLES + SHOWN_OTHERWISE}
    and all(p.default is not p.empty for p in inspect.signature(cls).parameters.values())
]
BY_TYPE = {cls.__name__: cls for cls in CLASSES} | {"Shift": Shift}
BY_FILE_NAME = {known_by(given): given for given in [*CLASSES, Shift, halved]}


def rebuilt(value: Configurable) -> Configurable:
    """Through JSON and back."""
    text = json.dumps(to_config(value, where="test"), allow_nan=False)
    return from_config(json.loads(text), BY_FILE_NAME, where="test")


def test_every_class_of_the_library_has_a_sample():
    assert set(CLASSES) == {type(sample) for sample in SAMPLES + SHOWN_OTHERWISE}


def test_class_names_are_unique():
    """A model's file names a class by its room and name, so two of one such name could not both be loaded."""
    modules = defaultdict(set)
    for cls in CLASSES:
        modules[file_name(cls)].add(cls.__module__)
    assert {name: sorted(where) for name, where in modules.items() if len(where) > 1} == {}
    assert file_name(gn.schedules.Constant) == "schedules.Constant"
    assert file_name(Shift) == "Shift"


@pytest.mark.parametrize("sample", SAMPLES, ids=repr)
def test_repr_is_the_call_that_made_it(sample: Configurable):
    copy = eval(repr(sample), BY_TYPE | {type(sample).__name__: type(sample), "halved": halved})
    assert type(copy) is type(sample)
    assert copy is not sample
    assert repr(copy) == repr(sample)
    assert to_config(copy, where="test") == to_config(sample, where="test")


@pytest.mark.parametrize("sample", SAMPLES + SHOWN_OTHERWISE, ids=repr)
def test_settings_survive_a_file(sample: Configurable):
    copy = rebuilt(sample)
    assert type(copy) is type(sample)
    assert to_config(copy, where="test") == to_config(sample, where="test")
    if "Given" not in repr(sample):  # a file holds such values as the parameter's
        assert repr(copy) == repr(sample)


@pytest.mark.parametrize("sample", SAMPLES + SHOWN_OTHERWISE, ids=repr)
def test_every_argument_is_kept_under_its_name(sample: Configurable):
    config = to_config(sample, where="test")
    assert set(config) == {"class", "settings"}
    assert config["class"] == file_name(type(sample))
    assert list(config["settings"]) == list(sample.settings())


def test_repr_leaves_defaults_out():
    assert repr(gn.Dense(128)) == "Dense(128)"
    assert repr(gn.Dense(128, use_bias=False)) == "Dense(128, use_bias=False)"
    assert repr(gn.SGD(0.1, momentum=0.9)) == "SGD(0.1, momentum=0.9)"
    assert repr(gn.GELU()) == "GELU()"
    assert repr(gn.Sequential(gn.Dense(2), gn.ReLU())) == "Sequential(Dense(2), ReLU())"
    assert repr(gn.losses.CrossEntropy(class_weight=np.ones(3))) == "CrossEntropy(class_weight=array(3,))"
    assert repr(Shift(2.5)) == repr(PythonLayer(Shift(2.5))) == "Shift(2.5)"


def test_numbers_and_arrays_survive_exactly():
    rate = 0.1 + 0.2
    assert rebuilt(gn.SGD(rate)).learning_rate == rate
    standardize = rebuilt(gn.Standardize([1 / 3, 1e-300], [0.1, 1e300]))
    assert standardize.mean.tolist() == [1 / 3, 1e-300]
    assert standardize.scale.tolist() == [0.1, 1e300]
    weights = rebuilt(gn.losses.CrossEntropy(class_weight={0: 0.1, 7: 2.0})).class_weight
    assert weights == {0: 0.1, 7: 2.0}
    assert [type(key) for key in weights] == [int, int]
    assert to_config(np.float32(0.5), where="x") == 0.5
    assert type(to_config(np.int64(3), where="x")) is int
    assert to_config((1, [True, None, "a"]), where="x") == [1, [True, None, "a"]]


@pytest.mark.parametrize("value", [print, object(), {1, 2}, 1j], ids=["function", "object", "set", "complex"])
def test_what_a_file_cannot_hold_is_named(value: object):
    class Odd(Configurable):
        def __init__(self, thing: object) -> None:
            self.thing = thing

    with pytest.raises(ConfigurationError) as caught:
        to_config(Odd(value), where="loss")
    assert caught.value.where == "save: loss.thing"
    assert type(value).__name__ in caught.value.received
    assert "numbers, texts, lists or glassnet objects" in caught.value.expected


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"class": "Dens", "settings": {}}, ["'Dens'", "did you mean 'Dense'", "custom=[YourLayer]"]),
        ({"class": "os.system", "settings": {}}, ["'os.system'", "one of glassnet's classes"]),
        ({"class": 3, "settings": {}}, ["the class 3", "one of glassnet's classes"]),
        ({"class": ["Dense"], "settings": {}}, ["['Dense']"]),
        ({"class": "Dense"}, ["Dense"]),
        ({"class": "Dense", "settings": [3]}, ["Dense"]),
        ({}, ["the class None"]),
        ({"class": "Dense", "settings": {}}, ["file.Dense", "settings {}", "the settings that Dense takes"]),
        ({"class": "Dense", "settings": {"units": 0}}, ["file.Dense", "units=0", "the settings that Dense takes"]),
        ({"class": "Dense", "settings": {"units": 3, "color": 1}}, ["file.Dense", "color"]),
        ({"map": 3}, ["refused with"]),
        ({"map": [[1]]}, ["refused with"]),
        ({"array": [[1.0], [1.0, 2.0]]}, ["refused with"]),
        ({"class": "Sequential", "settings": {"layers": 3}}, ["file.Sequential", "refused with"]),
        ({"class": "Dropout", "settings": {"rate": "half"}}, ["file.Dropout", "rate='half'"]),
        (
            {
                "class": "SGD",
                "settings": {"learning_rate": {"class": "StepDecay", "settings": {"rate": 1, "every": -1}}},
            },
            ["file.SGD.learning_rate.StepDecay", "every=-1"],
        ),
    ],
    ids=str,
)
def test_damaged_descriptions_are_refused(config: dict, words: list[str]):
    with pytest.raises(FileFormatError) as caught:
        from_config(config, BY_TYPE, where="file")
    for word in words:
        assert word in str(caught.value)


def test_only_the_given_classes_are_made():
    config = to_config(gn.Adam(), where="test")
    with pytest.raises(FileFormatError, match="'optimizers.Adam'"):
        from_config(config, {"optimizers.SGD": gn.SGD}, where="file")


# Names


def test_a_name_gives_a_new_object_and_an_object_itself():
    loss = LOSSES["huber"](0.5)
    assert by_name(loss, LOSSES, Loss, what="loss") is loss
    first, second = (by_name("huber", LOSSES, Loss, what="loss") for _ in range(2))
    assert type(first) is LOSSES["huber"]
    assert first is not second


@pytest.mark.parametrize(
    ("given", "received", "fix"),
    [
        ("cross_entrpy", "'cross_entrpy' (did you mean 'cross_entropy'?)", "sum_squared_error, mean_squared_error"),
        ("Huber", "'Huber' (did you mean 'huber'?)", "huber"),
        ("zzz", "the name 'zzz'", "use one of: sum_squared_error"),
        (LOSSES["huber"], "the class Huber", "Huber()"),
        (None, "None (a NoneType)", "use one of"),
        (3, "3 (a int)", "use one of"),
        (gn.SGD(0.1), "SGD(0.1) (a SGD)", "use one of"),
    ],
    ids=str,
)
def test_anything_else_is_refused_with_the_nearest_name(given: object, received: str, fix: str):
    with pytest.raises(ConfigurationError) as caught:
        by_name(given, LOSSES, Loss, what="loss")
    assert caught.value.where == "loss"
    assert received in caught.value.received
    assert "a loss object or its name" in caught.value.expected
    assert fix in caught.value.fix


def test_the_article_fits_the_noun():
    with pytest.raises(ConfigurationError, match="expected an optimizer object or its name"):
        by_name("zzz", OPTIMIZERS, Optimizer, what="optimizer")


# Numbers


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int64(0), 0.999], ids=repr)
def test_numbers_in_range_become_floats(value):
    result = number(value, "rate", "Dropout", low=0, high=1)
    assert type(result) is float
    assert result == value


@pytest.mark.parametrize(
    "value", [1, 1.5, -1e-9, math.nan, math.inf, "0.5", None, True, [0.5], np.array([0.5]), 0.5j], ids=repr
)
def test_other_numbers_are_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        number(value, "rate", "Dropout", low=0, high=1)
    error = caught.value
    assert (error.where, error.received, error.expected) == ("Dropout", f"rate={value!r}", "0 ≤ rate < 1")
    assert "rate" in error.fix


def test_complex_numbers_of_numpy_are_refused():
    with pytest.raises(ConfigurationError, match="rate="):
        number(np.complex64(0.5), "rate", "Dropout", low=0, high=1)


def test_ranges_without_their_lower_end_or_without_an_upper_one():
    with pytest.raises(ConfigurationError, match=r"delta=0.*0 < delta < infinity"):
        number(0, "delta", "Huber", low=0, open_low=True)
    with pytest.raises(ConfigurationError, match=r"delta=inf.*0 ≤ delta < infinity"):
        number(math.inf, "delta", "Huber", low=0)
    assert number(1e300, "delta", "Huber", low=0, open_low=True) == 1e300
    assert number(1, "divisor", "OneCycle", low=1) == 1.0


def test_whole_numbers():
    assert whole(3, "units", "Dense") == 3
    assert type(whole(np.int32(3), "units", "Dense")) is int
    assert whole(0, "seed", "Model", low=0) == 0
    for value in (0, -1, 2.0, "3", True, None, np.float64(3)):
        with pytest.raises(ConfigurationError) as caught:
            whole(value, "units", "Dense")
        assert caught.value.received == f"units={3.0 if isinstance(value, np.floating) else value!r}"
        assert "a whole number, at least 1" in caught.value.expected
        assert "units" in caught.value.fix


def test_choices():
    assert one_of("sum", "reduction", "Huber", ("mean", "sum")) == "sum"
    for value in ("average", None, 3, ["sum"]):
        with pytest.raises(ConfigurationError) as caught:
            one_of(value, "reduction", "Huber", ("mean", "sum"))
        assert caught.value.received == f"reduction={value!r}"
        assert caught.value.expected == "one of 'mean', 'sum'"


# NumPy's numbers

FOR_NUMPY = {int: np.int64, float: np.float64, bool: np.bool_, str: np.str_}


def in_numpy(value: object) -> object:
    """The same setting as NumPy gives it."""
    if type(value) in FOR_NUMPY:
        return FOR_NUMPY[type(value)](value)
    if isinstance(value, tuple | list):
        return type(value)(in_numpy(item) for item in value)
    if isinstance(value, dict):
        return {in_numpy(key): in_numpy(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("sample", SAMPLES, ids=repr)
def test_settings_of_numpy_print_as_pythons(sample: Configurable):
    keywords = {name: in_numpy(value) for name, value in sample.settings().items() if isinstance(name, str)}
    by_place = [
        item
        for name, parameter in inspect.signature(type(sample)).parameters.items()
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL
        for item in keywords.pop(name)
    ]
    made = type(sample)(*by_place, **keywords)
    assert "np." not in repr(made)
    assert "np." not in json.dumps(to_config(made, where="test"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: number(np.float64(np.inf), "scale", "Normal", low=0),
        lambda: whole(np.float64(2.5), "units", "Dense"),
        lambda: one_of(np.str_("none"), "reduction", "Huber", ("mean", "sum")),
        lambda: by_name(np.float64(3.0), LOSSES, Loss, what="loss"),
        lambda: Normal(np.float64(np.inf)),
        lambda: gn.Conv2D(np.int64(3), (np.float64(3.0), np.int64(2))),
        lambda: gn.Permute(np.int64(2), np.int64(2)),
        lambda: gn.Clip(np.float64(2.0), np.float64(1.0)),
        lambda: gn.Reshape(np.float64(3.0)),
        lambda: gn.Reshape((np.int64(3), np.int64(-1))),
        lambda: gn.Dense(3, use_bias=np.float64(1.0)),
        lambda: gn.Dense(3, lr=np.float64(1.0)),
        lambda: gn.EarlyStopping(patience=np.float64(0.5)),
        lambda: gn.Standardize(np.float64(np.inf)),
        lambda: gn.data.split(gn.data.digits(), np.float64(2.0)),
    ],
)
def test_messages_show_plain_numbers(make):
    with pytest.raises(GlassnetError) as caught:
        make()
    for part in caught.value.parts.values():
        assert "np." not in part
    assert "np." not in str(caught.value)


def test_results_print_plain_numbers():
    x = np.random.default_rng(0).normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    model = gn.Model(gn.Sequential(gn.Dense(np.int64(2))), "cross_entropy", gn.Adam(np.float64(0.1)), ["accuracy"])
    history = model.fit(x, y, epochs=1, verbose=False)
    for result in (
        model,
        history,
        model.evaluate(x, y),
        gn.diagnose(model, x, y, history=history),
        gn.permutation_importance(model, x, y),
        gn.check_gradients(model.network, x, y, "cross_entropy"),
        model.summary(),
        gn.Table.from_data({"a": x[:, 0]}),
        gn.data.Dataset(x, y, scale=np.float64(3.0)),
        gn.Standardize(np.float64(1.0), np.float64(2.0)),
        gn.estimators.MLPClassifier(alpha=np.float64(0.1)),
    ):
        assert "np." not in repr(result)


# Errors


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("ShapeError", ValueError),
        ("DataError", ValueError),
        ("ConfigurationError", ValueError),
        ("NotBuiltError", RuntimeError),
        ("FileFormatError", ValueError),
        ("MissingExtraError", ImportError),
        ("DivergenceError", ArithmeticError),
        ("MissingFileError", FileNotFoundError),
    ],
)
def test_errors_have_four_parts_and_a_familiar_base(name: str, also: type[Exception]):
    error = getattr(gn, name)(where="fit", received="5 rows", expected="4", fix="drop a row")
    assert isinstance(error, GlassnetError)
    assert isinstance(error, also)
    assert str(error) == "fit: received 5 rows, expected 4. To fix it: drop a row."
    assert (error.where, error.received, error.expected, error.fix) == ("fit", "5 rows", "4", "drop a row")
