"""The networks of ``tools/fingerprints.py``: together every layer, merge, loss and update rule, as tables.

Only what ``import glassnet as gn`` offers is used, so that nothing here names a file that could move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fingerprint_parts import OwnLoss, OwnMask, OwnReLU, OwnRule, Swish, falling, largest_error, squares

import glassnet as gn

Array = np.ndarray
Make = Callable[[np.random.Generator, int], Any]
"""Gives so many rows."""


def numbers(*shape: int) -> Make:
    return lambda rng, n: rng.normal(size=(n, *shape))


def ids(count: int, *shape: int) -> Make:
    return lambda rng, n: rng.integers(0, count, (n, *shape))


def classes(count: int) -> Make:
    return lambda rng, n: rng.integers(0, count, n)


def positive(*shape: int) -> Make:
    return lambda rng, n: rng.exponential(size=(n, *shape)) + 0.1


def counts(*shape: int) -> Make:
    return lambda rng, n: rng.poisson(2.0, (n, *shape))


def signs(*shape: int) -> Make:
    return lambda rng, n: rng.integers(0, 2, (n, *shape)) * 2 - 1


def several(**parts: Make) -> Make:
    return lambda rng, n: {name: make(rng, n) for name, make in parts.items()}


def people(rng: np.random.Generator, n: int) -> dict[str, list[Any]]:
    """Columns of a table: numbers with gaps, words, truth, texts."""
    age = [None if i % 11 == 3 else float(round(v, 1)) for i, v in enumerate(rng.normal(40, 12, n))]
    return {
        "age": age,
        "town": [("Ulm", "Bern", "Graz", "Linz")[i] for i in rng.integers(0, 4, n)],
        "member": [bool(i) for i in rng.integers(0, 2, n)],
        "income": [round(float(v), 2) for v in rng.lognormal(8, 1, n)],
        "weight": [f"{v:.1f} kg".replace(".", ",") for v in rng.uniform(40, 90, n)],
        "kind": [("a", "b", "c")[i] for i in rng.integers(0, 3, n)],
    }


@dataclass(frozen=True)
class Case:
    """A network, what it learns from, and how."""

    name: str
    network: Callable[[], Any]
    x: Make
    y: Make
    loss: Any = "mean_squared_error"
    optimizer: Any = "adam"
    metrics: Any = ()
    fit: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    exports: tuple[str, ...] = ()
    prepare: Callable[[gn.Model, Any, Any], Any] | None = None


# Networks


def mlp(units: int = 3, last: tuple[Any, ...] = (), hidden: Any = "tanh") -> Callable[[], Any]:
    return lambda: gn.Sequential(gn.Dense(8), hidden, gn.Dense(units), *last)


def layers(*made: Callable[[], Any] | str) -> Callable[[], Any]:
    return lambda: gn.Sequential(*(layer if isinstance(layer, str) else layer() for layer in made))


def activations() -> Any:
    chain = (gn.ELU(0.7), gn.GELU(), gn.GELU(approximate=True), gn.LeakyReLU(0.1), gn.ReLU(), gn.ReLU6(), gn.SiLU(),
             gn.Sigmoid(), gn.Softplus(), gn.Tanh(), gn.Clip(-0.5, 0.9), gn.Identity(), gn.Softmax())  # fmt: skip
    inside = [part for layer in chain for part in (layer, gn.Dense(6, weight_init="glorot_uniform"))]
    return gn.Sequential(gn.Dense(6), *inside)


def side_by_side() -> Any:
    parts = (gn.ELU(), gn.GELU(), gn.LeakyReLU(), gn.ReLU6(), gn.SiLU(), gn.Sigmoid(), gn.Softplus(), gn.Clip(None, 1))
    branches = [gn.Sequential(gn.Dense(3), part) for part in parts]
    return gn.Sequential(gn.Dropout(0.1), gn.Concat(*branches, gn.Columns([2, 0])), gn.Dense(3))


def residuals() -> Any:
    block = gn.Residual(gn.Dense(8), "gelu", gn.Dense(8))
    return gn.Sequential(
        gn.Dense(8), block, gn.Residual(gn.Dense(4), "tanh", shortcut=gn.Dense(4)), gn.LayerNorm(), gn.Dense(2)
    )


def shared() -> Any:
    dense = gn.Dense(6, weight_init="orthogonal")
    judge = gn.Sequential(gn.Dense(6), "relu")
    return gn.Sequential(gn.Dense(6), dense, "tanh", dense, judge, judge.frozen(), gn.Dense(2))


def frozen() -> Any:
    first, slow = gn.Dense(8).freeze(), gn.Dense(8)
    slow.learning_rate_scale = 0.3
    return gn.Sequential(first, "relu", gn.BatchNorm().freeze(), slow, "tanh", gn.BatchNorm(momentum=0.3), gn.Dense(3))


def initialised() -> Any:
    i = gn.initializers
    given = i.Given(np.linspace(-1, 1, 16).reshape(4, 4))
    weights = ("glorot_normal", "he_uniform", "lecun_normal", "lecun_uniform", i.Normal(0.3), i.Uniform(-0.4, 0.5),
               i.Orthogonal(1.2), i.Constant(0.1), given)  # fmt: skip
    return gn.Sequential(*(gn.Dense(4, weight_init=init, bias_init=i.Constant(0.1)) for init in weights))


def convolutions() -> Any:
    return gn.Sequential(
        gn.ZeroPad2D((1, (0, 2))), gn.Conv2D(4, 3, padding="same", weight_init="glorot_normal"), gn.BatchNorm(),
        gn.ReLU(), gn.MaxPool2D(2), gn.Conv2D(4, (3, 2), stride=(1, 2), padding=1, dilation=(2, 1), groups=2), "silu",
        gn.GroupNorm(2), gn.UpSample2D(2), gn.ConvTranspose2D(3, 3, stride=2, padding=1, output_padding=1),
        gn.AveragePool2D(3, stride=2, padding=1), gn.Scale(), gn.Flatten(), gn.Dense(3),
    )  # fmt: skip


def image_parts() -> Any:
    return gn.Sequential(
        gn.Augment(flip=True, shift=1, rotation=10.0, brightness=0.1, contrast=0.1, cutout=2),
        gn.Concat(gn.Conv2D(2, 1), gn.Conv2D(3, 3, padding="same", use_bias=False)), gn.GroupNorm(1), "relu",
        gn.Permute(2, 3, 1), gn.Permute(3, 1, 2),
        gn.Concat(gn.GlobalAveragePool(), gn.GlobalMaxPool()), gn.Dropout(0.3), gn.Dense(3),
    )  # fmt: skip


def sequences() -> Any:
    return gn.Sequential(
        gn.Embedding(11, 5), gn.Conv1D(6, 3, padding="same"), gn.BatchNorm(), "relu",
        gn.MaxPool1D(2), gn.Conv1D(6, 2, dilation=2, groups=2), gn.AveragePool1D(2), gn.Scale(), gn.GlobalMaxPool(),
        gn.Dense(3),
    )  # fmt: skip


def images() -> Any:
    """Convolutions that every processor would sum another way: few filters, many, rows longer than a vector."""
    return gn.Sequential(
        gn.Conv2D(6, 5), "relu", gn.Conv2D(12, 3, padding="same"), "relu", gn.MaxPool2D(2),
        gn.Conv2D(20, 3, stride=2, padding="same"), gn.BatchNorm(), "relu", gn.Conv2D(3, 1), gn.Flatten(), gn.Dense(3)
    )  # fmt: skip


def recurrent() -> Any:
    return gn.Sequential(
        gn.Bidirectional(gn.LSTM(9, return_sequences=True)),
        gn.GRU(17, return_sequences=True),
        gn.SimpleRNN(6),
        gn.Dense(3),
    )


def attention() -> Any:
    block = gn.Residual(gn.RMSNorm(), gn.SelfAttention(4, causal=True))
    return gn.Sequential(
        gn.Dense(16), gn.PositionalEncoding(), block, gn.SelfAttention(2), gn.GlobalAveragePool(), gn.Dense(3)
    )


def merges() -> Any:
    tower = gn.Sequential(gn.Dense(6), "tanh", gn.Dense(4))
    nodes: dict[str, Any] = {
        "l": (tower, "left"), "r": (tower, "right"), "i": ([gn.Conv2D(2, 3), gn.Flatten(), gn.Dense(4)], "image"),
        "sum": ("add", "l", "r", "i"), "minus": ("subtract", "l", "i"), "times": ("multiply", "r", "i"),
        "far": ("absolute_difference", "l", "r"), "d": (gn.Dot(), "l", "r"), "sq": ("squared_distance", "l", "i"),
        "all": (gn.Concatenate(), "sum", "minus", "times", "far", "d", "sq"), "end": ([gn.Dense(5), "relu"], "all"),
        "kind": (gn.Dense(3), "end"), "size": (gn.Dense(2), "end"),
    }  # fmt: skip
    return gn.Graph(inputs={"left": 5, "right": 5, "image": (1, 4, 4)}, nodes=nodes, outputs=["kind", "size"])


def siamese() -> Any:
    tower = gn.Sequential(gn.Dense(6), "tanh", gn.Dense(4))
    nodes = {
        "l": (tower, "a"),
        "r": (tower, "b"),
        "far": (gn.AbsoluteDifference(), "l", "r"),
        "y": (gn.Dense(1), "far"),
    }
    return gn.Graph(inputs={"a": 5, "b": 5}, nodes=nodes, outputs="y")


def own_parts() -> Any:
    return gn.Sequential(gn.Dense(6), Swish(), gn.Dense(6), OwnReLU(), OwnMask(), gn.Residual(gn.Dense(6)), gn.Dense(2))


def scale_both(model: gn.Model, x: Any, y: Any) -> Any:
    x, y = 3 * x + 100, 5 * y - 20
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    return x, y


def table(model: gn.Model, x: Any, _: Any) -> Any:
    known = gn.Table.from_data(x, "kind", quantiles=["income"])
    model.preprocessing = known
    return x, known.targets(x)


def embedded(model: gn.Model, x: Any, y: Any) -> Any:
    known = gn.Table.from_data(x, "income", embeddings=["town"])
    model.preprocessing, y = known, known.targets(x)
    model.target_scaling = gn.Standardize.from_data(y)
    return x, y


def embedding_network() -> Any:
    known = gn.Table.from_data(people(np.random.default_rng(3), 300), "income", embeddings=["town"])
    return gn.Sequential(*known.input_layers(), gn.Dense(6), "relu", gn.Dense(1))


L, S = gn.losses, gn.schedules
X = numbers(5)
LOSSES: dict[str, tuple[Any, Make, int, tuple[Any, ...]]] = {
    "squares": ("mean_squared_error", numbers(3), 3, ()),
    "squares-sum": (L.MeanSquaredError("sum"), numbers(3), 3, ()),
    "half-squares": ("sum_squared_error", numbers(3), 3, ()),
    "absolute": ("mean_absolute_error", numbers(3), 3, ()),
    "huber": (L.Huber(0.7), numbers(3), 3, ()),
    "quantile": (L.Quantile(0.8), numbers(3), 3, ()),
    "poisson": ("poisson", counts(2), 2, ()),
    "gamma": (L.Gamma(averages_outputs=False), positive(2), 2, ()),
    "hinge": ("hinge", signs(3), 3, ()),
    "hinge-labels": ("hinge", classes(3), 3, ()),
    "binary": (L.BinaryCrossEntropy(averages_outputs=False), ids(2, 3), 3, ()),
    "binary-sigmoid": (L.BinaryCrossEntropy(from_logits=False), ids(2, 3), 3, ("sigmoid",)),
    "entropy": (L.CrossEntropy(label_smoothing=0.1, class_weight=[1.0, 2.0, 0.5]), classes(3), 3, ()),
    "entropy-softmax": (L.CrossEntropy(from_logits=False), classes(3), 3, ("softmax",)),
    "joint": (L.JointCrossEntropy([2, 3], label_smoothing=0.05), ids(2, 2), 5, ()),
}
RULES: dict[str, Any] = {
    "sgd": gn.SGD(0.05),
    "momentum": gn.SGD(S.LinearWarmup(S.CosineDecay(0.05, steps=12), steps=4), momentum=0.9),
    "nesterov": gn.SGD(S.StepDecay(0.05, every=5, factor=0.5), momentum=0.9, nesterov=True),
    "adagrad": gn.AdaGrad(0.05),
    "rmsprop": gn.RMSProp(S.ExponentialDecay(0.01, every=5)),
    "adam": gn.Adam(S.OneCycle(0.02, steps=15)),
    "adamw": gn.AdamW(0.01, weight_decay=0.1),
    "nadam": gn.NAdam(0.01),
    "lion": gn.Lion(0.003),
    "clipped": gn.Chain(gn.ClipByNorm(0.5), gn.L1(1e-3), gn.L2(1e-2), gn.Adam(0.02), gn.MaxNorm(0.9)),
    "decayed": gn.Chain(
        gn.ClipByValue(0.05), gn.L2(1e-2, by_batch=True), gn.SGD(0.1, momentum=0.5), gn.WeightDecay(0.1)
    ),
    "by-function": gn.SGD(falling),
}
BY_NUMPY = ("own-*", "scaled", "table*")
"""Networks in which NumPy takes part by the compiled engine, too: parts of one's own, and preprocessing."""
METRICS = ["accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"]
CASES = [
    *(
        Case(f"loss-{name}", mlp(units, last), X, y, loss, gn.Adam(0.02), weighted=True)
        for name, (loss, y, units, last) in LOSSES.items()
    ),
    *(Case(f"rule-{name}", mlp(hidden="relu"), X, classes(3), "cross_entropy", rule) for name, rule in RULES.items()),
    Case("activations", activations, X, numbers(6), optimizer=gn.SGD(0.01), exports=("onnx", "c")),
    Case("side-by-side", side_by_side, X, classes(3), "cross_entropy", "nadam", METRICS, exports=("onnx", "c")),
    Case("residuals", residuals, X, numbers(2), gn.losses.Huber(), gn.RMSProp(0.01), ["r2"], exports=("onnx", "c")),
    Case("shared", shared, X, numbers(2), optimizer=gn.Chain(gn.ClipByNorm(1.0), gn.AdamW(0.01)), exports=("onnx",)),
    Case("frozen", frozen, X, classes(3), "cross_entropy", gn.Chain(gn.L2(0.01), gn.SGD(0.1, momentum=0.9))),
    Case("initialised", initialised, numbers(4), numbers(4), optimizer=gn.SGD(0.01)),
    Case("convolutions", convolutions, numbers(2, 6, 6), classes(3), "cross_entropy", exports=("onnx", "c")),
    Case("image-parts", image_parts, numbers(2, 6, 6), classes(3), "cross_entropy", "lion", exports=("onnx",)),
    Case("images", images, numbers(3, 20, 20), classes(3), "cross_entropy", exports=("onnx", "c")),
    Case("recurrent", recurrent, numbers(7, 5), classes(3), "cross_entropy", exports=("onnx", "c")),
    Case("attention", attention, numbers(7, 5), classes(3), "cross_entropy", exports=("onnx", "c")),
    Case("one-output", layers(lambda: gn.Dense(40), "relu", lambda: gn.Dense(1)), numbers(300), numbers(1)),
    Case("sequences", sequences, ids(11, 12), classes(3), "cross_entropy", gn.Adam(0.01), exports=("onnx",)),
    Case("normed", layers(lambda: gn.Reshape((5, 1, 1)), gn.BatchNorm, gn.Flatten, lambda: gn.Dense(6), gn.BatchNorm,
         "relu", lambda: gn.GroupNorm(3), lambda: gn.Dropout(0.4), lambda: gn.Dense(2)), X, numbers(2), weighted=True),
    Case("wide", layers(lambda: gn.Dense(96), "relu", lambda: gn.Dropout(0.2), lambda: gn.Dense(64), "tanh",
         lambda: gn.Dense(10)), numbers(64), classes(10), "cross_entropy", "adam", fit={"batch_size": 64}),
    Case("softmax-inside", layers(lambda: gn.Dense(6), "softmax", lambda: gn.Dense(3)), X, numbers(3)),
    Case("merges", merges, several(left=X, right=X, image=numbers(1, 4, 4)), several(kind=classes(3), size=numbers(2)),
         {"kind": "cross_entropy", "size": [("mean_squared_error", 0.3), ("mean_absolute_error", 0.1)]},
         metrics={"kind": ["accuracy"], "size": ["r2"]}, weighted=True, exports=("onnx",)),
    Case("siamese", siamese, several(a=X, b=X), ids(2, 1), "binary_cross_entropy", gn.AdaGrad(0.05), exports=("onnx",)),
    Case("scaled", mlp(2), X, numbers(2), "mean_squared_error", gn.Adam(0.01), ["mae", "rmse", "r2"],
         {"validation_split": 0.2}, prepare=scale_both, exports=("onnx", "c")),
    Case("table", mlp(3), people, classes(3), "cross_entropy", gn.Adam(0.01), ["accuracy"], prepare=table,
         exports=("onnx",)),
    Case("table-embedding", embedding_network, people, classes(3), optimizer=gn.SGD(0.01), prepare=embedded),
    Case("watched", mlp(3), X, classes(3), "cross_entropy", gn.SGD(0.5), ["accuracy"],
         {"validation_split": 0.25, "epochs": 6, "callbacks": lambda: [
             gn.EarlyStopping("val_loss", patience=2), gn.ReduceOnPlateau("loss", patience=1, factor=0.5),
             gn.Watch(every=2)]}),
    Case("one-batch", mlp(2), X, numbers(2), optimizer=gn.SGD(0.1), fit={"batch_size": None, "epochs": 8}),
    Case("in-order", mlp(2), X, numbers(2), optimizer="adam", fit={"shuffle": False, "batch_size": 1}),
    Case("own-layers", own_parts, X, numbers(2)),
    Case("own-loss", mlp(2), X, numbers(2), OwnLoss(), gn.Adam(0.01), weighted=True),
    Case("own-function", mlp(2), X, numbers(2), squares, gn.SGD(0.02), [largest_error]),
    Case("own-rule", mlp(2), X, numbers(2), "mean_squared_error",
         gn.Chain(gn.ClipByNorm(1.0), OwnRule(0.05), gn.MaxNorm(2.0))),
]  # fmt: skip
