"""What the gradient tests share: every layer, composition and loss, found by discovery, with networks around them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.kernels import KERNELS
from glassnet.layers import Layer, NumpyLayer
from glassnet.losses import Loss

Build = Callable[[], gn.Network]


class Affine(NumpyLayer):
    """A user's layer with two parameters, so that the bridge to plain NumPy is checked like any other layer."""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.add_parameter("scale", input_shape, gn.initializers.Normal(1.0))
        self.add_parameter("shift", input_shape, gn.initializers.Normal(1.0))
        return input_shape

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return x * self.scale + self.shift, x

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy * self.scale, {"scale": (dy * cache).sum(axis=0), "shift": dy.sum(axis=0)}


def _drawn(shape: tuple[int, ...], *layers: Layer) -> gn.Network:
    """A built network whose scales and offsets are not the 1 and 0 that would hide them."""
    net = gn.Sequential(*layers)
    net.build(shape, dtype="float64")
    rng = np.random.default_rng(0)
    for segment in net.layout:
        if segment.trainable:
            segment.view(net.parameters)[...] = rng.normal(size=segment.shape)
    return net


def _merged(merge: str | Layer, *more: str, end: Layer | str = "tanh", units: int = 4) -> gn.Network:
    """Branches of one input, which is taken several times, that meet."""
    branches = {name: (gn.Dense(units, bias_init="normal"), "x") for name in ("a", "b", *more)}
    return gn.Graph(inputs="x", nodes={"joint": (merge, *branches), "end": (end, "joint"), **branches}, outputs="end")


def _images_merged(merge: Layer) -> gn.Network:
    """The same of images."""
    branches = {name: ([gn.Dense(12), gn.Reshape((3, 2, 2))], "x") for name in "abc"}
    return gn.Graph(inputs="x", nodes={**branches, "joint": (merge, *branches)}, outputs="joint")


def _diamonds() -> gn.Network:
    """A node that three others take, one of them twice, and an output that another node takes too."""
    return gn.Graph(
        inputs={"x": 3},
        nodes={
            "code": ([gn.Dense(4, bias_init="normal"), "tanh"], "x"),
            "square": ("multiply", "code", "code"),
            "turned": (gn.Dense(4), "code"),
            "sum": ("add", "square", "turned", "code"),
            "more": (gn.Dense(2), "sum"),
        },
        outputs=["sum", "more"],
    )


def network_for(loss: Any, end: str | None) -> gn.Network:
    """A small network of 3 outputs, with the names that the loss asks for."""
    layers = [gn.Dense(4), gn.Tanh()]
    if isinstance(loss, gn.losses.WeightedSum):
        nodes = {"hidden": (layers, "x"), "one": (gn.Dense(1), "hidden"), "two": (gn.Dense(2), "hidden")}
        return gn.Graph(inputs="x", nodes=nodes, outputs=["one", "two"])
    return gn.Sequential(*layers, gn.Dense(3), *([end] if end else []))


class _Named:
    """What a loss of several outputs asks of a network."""

    outputs = ("one", "two")

    @property
    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"one": (1,), "two": (2,)}


# For each layer class: networks around it, with the shapes of one input row that they are checked on. Dense layers
# in front turn the check of the input's gradient into one of a hidden δ; biases are drawn, so that none stays at 0.
CASES: dict[str, list[tuple[Build, tuple[int, ...]]]] = {
    "Dense": [
        (lambda: gn.Sequential(gn.Dense(4, bias_init="normal")), (3,)),
        (lambda: gn.Sequential(gn.Dense(1, use_bias=False), gn.Dense(5)), (1,)),
        (lambda: _drawn((4, 3), gn.Dense(5), gn.Tanh(), gn.Dense(2)), (4, 3)),
    ],
    "Flatten": [(lambda: gn.Sequential(gn.Flatten(), gn.Dense(3)), (2, 3, 5))],
    "Reshape": [(lambda: gn.Sequential(gn.Dense(6), gn.Reshape((2, 3)), gn.Tanh(), gn.Flatten(), gn.Dense(2)), (5,))],
    "Dropout": [(lambda: gn.Sequential(gn.Dense(7), gn.Dropout(0.4), gn.Dense(3)), (5,))],
    "Augment": [
        (lambda: gn.Sequential(gn.Augment(flip=True, shift=1, brightness=0.1, contrast=0.4, cutout=2)), (2, 4, 5)),
        (
            lambda: gn.Sequential(
                gn.Dense(30),
                gn.Reshape((2, 3, 5)),
                gn.Augment(flip=True, shift=1, rotation=30, brightness=0.1, contrast=0.4, cutout=2),
                gn.Flatten(),
            ),
            (4,),
        ),
    ],
    "MaxPool2D": [
        (lambda: gn.Sequential(gn.MaxPool2D((2, 3), stride=1)), (2, 4, 5)),
        (lambda: gn.Sequential(gn.Dense(35), gn.Reshape((1, 5, 7)), gn.MaxPool2D(2, stride=3, padding=1)), (4,)),
        (lambda: gn.Sequential(gn.MaxPool2D(3, stride=2, padding="same")), (2, 6, 3)),
    ],
    "AveragePool2D": [
        (lambda: gn.Sequential(gn.AveragePool2D((2, 3), stride=1)), (2, 4, 5)),
        (lambda: gn.Sequential(gn.Dense(35), gn.Reshape((1, 5, 7)), gn.AveragePool2D(2, stride=3, padding=1)), (4,)),
        (lambda: gn.Sequential(gn.AveragePool2D(3, stride=2, padding="same")), (2, 6, 3)),
    ],
    "MaxPool1D": [(lambda: gn.Sequential(gn.MaxPool1D(3, stride=2, padding=1)), (6, 2))],
    "AveragePool1D": [(lambda: gn.Sequential(gn.AveragePool1D(3, stride=2, padding=1)), (6, 2))],
    "GlobalAveragePool": [(lambda: gn.Sequential(gn.GlobalAveragePool()), shape) for shape in ((2, 3, 4), (5, 3))],
    "GlobalMaxPool": [(lambda: gn.Sequential(gn.GlobalMaxPool()), shape) for shape in ((2, 3, 4), (5, 3))],
    "BatchNorm": [
        (lambda: _drawn((4,), gn.Dense(12), gn.Reshape((2, 3, 2)), gn.BatchNorm(), gn.Tanh()), (4,)),
        (lambda: _drawn((4, 3), gn.BatchNorm(), gn.Tanh()), (4, 3)),
    ],
    "LayerNorm": [
        (lambda: _drawn((3,), gn.Dense(5), gn.LayerNorm(), gn.Tanh()), (3,)),
        (lambda: _drawn((4, 3), gn.LayerNorm(), gn.Tanh()), (4, 3)),
    ],
    "RMSNorm": [
        (lambda: _drawn((3,), gn.Dense(5), gn.RMSNorm(), gn.Tanh()), (3,)),
        (lambda: _drawn((4, 3), gn.RMSNorm(use_scale=False), gn.Tanh()), (4, 3)),
    ],
    "GroupNorm": [
        (lambda: _drawn((4,), gn.Dense(24), gn.Reshape((4, 3, 2)), gn.GroupNorm(2), gn.Tanh()), (4,)),
        (lambda: _drawn((6,), gn.GroupNorm(2), gn.Tanh()), (6,)),
    ],
    "Conv2D": [
        (lambda: gn.Sequential(gn.Conv2D(3, (2, 3), stride=(2, 1), padding=(1, 0), bias_init="normal")), (2, 4, 5)),
        (lambda: gn.Sequential(gn.Conv2D(3, (1, 2), stride=(2, 3), groups=3, use_bias=False)), (3, 4, 6)),
        (
            lambda: gn.Sequential(
                gn.Dense(16, bias_init="normal"),
                gn.Reshape((4, 2, 2)),
                gn.Conv2D(2, (4, 3), padding="same", dilation=(1, 2), groups=2),
                gn.Tanh(),
            ),
            (3,),
        ),
    ],
    "ConvTranspose2D": [
        (
            lambda: gn.Sequential(gn.ConvTranspose2D(3, (2, 3), stride=(3, 2), padding=(0, 1), bias_init="normal")),
            (2, 2, 3),
        ),
        (
            lambda: gn.Sequential(gn.ConvTranspose2D(4, 2, stride=2, output_padding=1, groups=2, use_bias=False)),
            (2, 2, 1),
        ),
        (
            lambda: gn.Sequential(
                gn.Conv2D(2, 2, bias_init="normal"), gn.Tanh(), gn.ConvTranspose2D(1, 3, padding="same", dilation=2)
            ),
            (1, 3, 4),
        ),
    ],
    "Conv1D": [
        (lambda: gn.Sequential(gn.Conv1D(3, 3, stride=2, padding="same", bias_init="normal")), (6, 2)),
        (lambda: gn.Sequential(gn.Conv1D(4, 2, dilation=2, padding="causal", groups=2), gn.Tanh()), (5, 4)),
        (
            lambda: gn.Sequential(gn.Conv1D(3, 2), gn.Tanh(), gn.Conv1D(3, 1, stride=3, groups=3, use_bias=False)),
            (6, 1),
        ),
    ],
    **{
        name: [
            (lambda layer=layer: _drawn((4, 2), layer(3), gn.Dense(2)), (4, 2)),
            (lambda layer=layer: _drawn((3, 2), layer(2, return_sequences=True, reverse=True), layer(3)), (3, 2)),
            (lambda layer=layer: _drawn((1, 3), layer(2, use_bias=False, return_sequences=True)), (1, 3)),
            (lambda layer=layer: _drawn((4, 1), layer(2, reverse=True), gn.Dense(1)), (4, 1)),
        ]
        for name, layer in {"SimpleRNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}.items()
    },
    "Tied": [
        (lambda: _drawn((3,), gn.Embedding(5, 2, name="tokens"), gn.Dense(2), gn.Tanh(), gn.Tied("tokens")), (3,)),
        (lambda: _drawn((4,), gn.Dense(3, name="code"), gn.Tanh(), gn.Residual(gn.Tied("code"), gn.Dense(3))), (4,)),
        (lambda: _drawn((2, 1), gn.Dense(1, name="code"), gn.Tied("code"), gn.Tanh(), gn.Tied("code")), (2, 1)),
    ],
    "SelfAttention": [
        (lambda: _drawn((3, 4), gn.SelfAttention(2), gn.Tanh()), (3, 4)),
        (lambda: _drawn((4, 4), gn.SelfAttention(1, causal=True, rotary=True, use_bias=False)), (4, 4)),
        (lambda: _drawn((3, 2), gn.Dense(6), gn.SelfAttention(3, causal=True, dropout=0.4), gn.Flatten()), (3, 2)),
        (lambda: _drawn((1, 3), gn.SelfAttention(3)), (1, 3)),
    ],
    "Attention": [
        (lambda: _drawn((4, 3), gn.Attention()), (4, 3)),
        (lambda: _drawn((3, 2), gn.Dense(3), gn.Attention(4), gn.Tanh()), (3, 2)),
    ],
    "PositionalEncoding": [
        (lambda: gn.Sequential(gn.PositionalEncoding(), gn.Tanh()), (4, 3)),
        (lambda: _drawn((3, 2), gn.PositionalEncoding("learned", most_steps=5), gn.Tanh()), (3, 2)),
    ],
    "Embedding": [
        (lambda: gn.Sequential(gn.Embedding(5, 3, weight_init="normal"), gn.Flatten(), gn.Dense(2)), (4,)),
        (lambda: gn.Sequential(gn.Reshape((2, 3)), gn.Embedding(4, 2), gn.Tanh()), (6,)),
        (
            lambda: gn.Sequential(
                gn.Concat(
                    [gn.Columns([3, 0]), gn.Dense(2)],
                    [gn.Columns([1]), gn.Embedding(6, 5), gn.Flatten()],
                    [gn.Columns([2]), gn.Embedding(1, 1), gn.Flatten()],
                ),
                gn.Tanh(),
            ),
            (4,),
        ),
    ],
    "Columns": [
        (lambda: gn.Sequential(gn.Dense(5), gn.Columns([4, 1, 2]), gn.Tanh()), (3,)),
        (lambda: gn.Sequential(gn.Columns([1]), gn.Dense(2)), (2,)),
    ],
    "UpSample2D": [(lambda: gn.Sequential(gn.Conv2D(2, 2), gn.UpSample2D((3, 2)), gn.Tanh()), (1, 3, 4))],
    "ZeroPad2D": [(lambda: gn.Sequential(gn.ZeroPad2D(((1, 0), (2, 3))), gn.Conv2D(2, (2, 4))), (1, 3, 2))],
    "PythonLayer": [(lambda: gn.Sequential(gn.Dense(3), Affine(), gn.Tanh()), (5,))],
    "Sequential": [(lambda: gn.Sequential(gn.Sequential(gn.Dense(4), gn.Tanh()), gn.Sequential(gn.Dense(2))), (3,))],
    "Residual": [
        (lambda: gn.Sequential(gn.Residual(gn.Dense(5), gn.Tanh(), gn.Dense(3))), (3,)),
        (lambda: gn.Sequential(gn.Dense(2), gn.Residual(gn.Dense(5), gn.Tanh(), shortcut=gn.Dense(5))), (3,)),
    ],
    "Concat": [
        (lambda: gn.Sequential(gn.Concat([gn.Dense(4), gn.Tanh()], gn.Dense(1), gn.Sigmoid()), gn.Dense(2)), (3,)),
        (lambda: gn.Sequential(gn.Reshape((2, 3)), gn.Concat("tanh", "sigmoid", "softmax", axis=2)), (6,)),
        (lambda: gn.Sequential(gn.Reshape((2, 3)), gn.Concat("tanh", "sigmoid", axis=1)), (6,)),
    ],
    "Bidirectional": [
        (
            lambda: gn.Sequential(
                gn.Bidirectional(gn.SimpleRNN(2, return_sequences=True)), gn.Bidirectional(gn.GRU(2))
            ),
            (3, 2),
        ),
    ],
    "Graph": [(lambda: _merged("add"), (3,))],
    "Add": [(lambda: _merged("add"), (3,)), (lambda: _merged("add", "c", "d"), (2,))],
    "Subtract": [(lambda: _merged("subtract"), (3,))],
    "Multiply": [(lambda: _merged("multiply"), (3,)), (lambda: _merged("multiply", "c", "d"), (2,))],
    "Concatenate": [
        (lambda: _merged("concatenate", "c", end=gn.Dense(2)), (3,)),
        (lambda: _images_merged(gn.Concatenate()), (2,)),
        (lambda: _images_merged(gn.Concatenate(axis=3)), (2,)),
    ],
    "AbsoluteDifference": [(lambda: _merged("absolute_difference"), (3,))],
    "Dot": [(lambda: _merged("dot"), (3,)), (lambda: _merged("dot", units=1), (2,))],
    "SquaredDistance": [(lambda: _merged("squared_distance", end=gn.Dense(2)), (3,))],
    "LeakyReLU": [(lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), gn.LeakyReLU(0.2)), (3,))],
    "Clip": [
        (lambda: gn.Sequential(gn.Dense(9, bias_init="normal"), gn.Clip(-0.4, 0.7)), (3,)),
        (lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), gn.Clip(None, 0.3)), (3,)),
        (lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), gn.Clip(-0.2, high=None)), (3,)),
    ],
    "Scale": [
        (lambda: _drawn((3,), gn.Dense(5), gn.Scale(), gn.Tanh()), (3,)),
        (lambda: _drawn((4, 3), gn.Scale(), gn.Tanh()), (4, 3)),
        (lambda: _drawn((4,), gn.Dense(12), gn.Reshape((3, 2, 2)), gn.Scale(), gn.Tanh()), (4,)),
    ],
    "Permute": [
        (lambda: gn.Sequential(gn.Dense(24), gn.Reshape((2, 3, 4)), gn.Permute(3, 1, 2), gn.Conv2D(2, 2)), (3,)),
        (lambda: gn.Sequential(gn.Permute(2, 1), gn.Conv1D(2, 2)), (3, 4)),
    ],
    "ELU": [(lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), gn.ELU(1.7)), (3,))],
    "GELU": [
        (lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), gn.GELU()), (3,)),
        (lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), gn.GELU(approximate=True)), (3,)),
    ],
}

# For each loss class: objects, and the targets (N, K) -> targets that each is checked on.
_labels: Callable[..., np.ndarray] = lambda rng, n, k: rng.integers(0, k, n)  # noqa: E731
_numbers: Callable[..., np.ndarray] = lambda rng, n, k: rng.normal(size=(n, k))  # noqa: E731
_shares: Callable[..., np.ndarray] = lambda rng, n, k: rng.dirichlet(np.ones(k), n)  # noqa: E731
_soft: Callable[..., np.ndarray] = lambda rng, n, k: rng.uniform(size=(n, k))  # noqa: E731
_two_questions: Callable[..., np.ndarray] = lambda rng, n, k: rng.integers(0, [2, 1], (n, 2))  # noqa: E731
_two_questions_turned: Callable[..., np.ndarray] = lambda rng, n, k: rng.integers(0, [1, 2], (n, 2))  # noqa: E731
_counts: Callable[..., np.ndarray] = lambda rng, n, k: rng.poisson(2.0, (n, k))  # noqa: E731
_positive: Callable[..., np.ndarray] = lambda rng, n, k: rng.gamma(2.0, 1.5, (n, k)) + 1e-3  # noqa: E731
_labels_and_number: Callable[..., Any] = lambda rng, n, k: {  # noqa: E731
    "one": rng.normal(size=(n, 1)),
    "two": rng.integers(0, 2, n),
}
_signs: Callable[..., np.ndarray] = lambda rng, n, k: rng.choice([-1, 1], (n, k))  # noqa: E731


def _fourth_power(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A user's loss of each row."""
    error = outputs - targets
    return (error**4).sum(axis=1), 4 * error**3


LOSS_CASES: dict[str, list[tuple[Loss, Callable[..., np.ndarray], str | None]]] = {
    "SumSquaredError": [
        (gn.losses.SumSquaredError(), _numbers, None),
        (gn.losses.SumSquaredError("mean"), _numbers, None),
    ],
    "MeanSquaredError": [
        (gn.losses.MeanSquaredError(), _numbers, None),
        (gn.losses.MeanSquaredError("sum"), _numbers, None),
    ],
    "MeanAbsoluteError": [(gn.losses.MeanAbsoluteError(), _numbers, None)],
    "FunctionLoss": [(gn.losses.FunctionLoss(_fourth_power), _numbers, None)],
    "Huber": [(gn.losses.Huber(0.7), _numbers, None), (gn.losses.Huber(1.3, "sum"), _numbers, None)],
    "Quantile": [(gn.losses.Quantile(0.8), _numbers, None), (gn.losses.Quantile(reduction="sum"), _numbers, None)],
    "Poisson": [(gn.losses.Poisson(), _counts, None), (gn.losses.Poisson("sum"), _positive, None)],
    "Gamma": [(gn.losses.Gamma(), _positive, None), (gn.losses.Gamma("sum"), _positive, None)],
    "BinaryCrossEntropy": [
        (gn.losses.BinaryCrossEntropy(), _soft, None),
        (gn.losses.BinaryCrossEntropy(from_logits=False), _soft, "sigmoid"),
    ],
    "CrossEntropy": [
        (gn.losses.CrossEntropy(), _labels, None),
        (gn.losses.CrossEntropy(label_smoothing=0.1), _labels, None),
        (gn.losses.CrossEntropy(label_smoothing=0.1, class_weight={1: 3.0}), _labels, None),
        (gn.losses.CrossEntropy(), _shares, None),
        (gn.losses.CrossEntropy(label_smoothing=0.2, class_weight=[1.0, 2.0, 0.5]), _shares, None),
        (gn.losses.CrossEntropy(from_logits=False, label_smoothing=0.1), _labels, "softmax"),
        (gn.losses.CrossEntropy(reduction="sum"), _labels, None),
    ],
    "JointCrossEntropy": [
        (gn.losses.JointCrossEntropy([2, 1]), _two_questions, None),
        (gn.losses.JointCrossEntropy([1, 2], label_smoothing=0.1, reduction="sum"), _two_questions_turned, None),
    ],
    "WeightedSum": [
        (gn.losses.WeightedSum(losses).of(_Named()), targets, None)
        for losses, targets in (
            ({"one": "mean_squared_error", "two": ("cross_entropy", 0.3)}, _labels_and_number),
            (
                {
                    "two": [gn.losses.CrossEntropy(class_weight=[1.0, 3.0]), ("hinge", 0.4), ("hinge", 0.2)],
                    "one": (_fourth_power, 2),
                },
                _labels_and_number,
            ),
        )
    ],
    "Hinge": [(gn.losses.Hinge(), _signs, None), (gn.losses.Hinge(), _labels, None)],
}


BASES = {"Activation", "Network", "NumpyLoss", "NumpyOptimizer"}


def concrete(base: type) -> list[type]:
    """Every class below ``base`` that glassnet itself defines and that is meant to be used."""
    found: list[type] = []
    for cls in base.__subclasses__():
        found += concrete(cls)
        own = cls.__module__.startswith("glassnet") and not cls.__name__.startswith("_")
        if own and not inspect.isabstract(cls) and cls.__name__ not in BASES:
            found.append(cls)
    return found


def layer_cases() -> Iterator[tuple[str, Build, tuple[int, ...]]]:
    """A case for every layer there is: its entry in CASES or, for one that needs no settings, a default one."""
    for cls in concrete(Layer):
        for build, shape in CASES.get(cls.__name__, [(_around(cls), (3,))]):
            yield cls.__name__, build, shape


def rows_for(net: gn.Network, rng: np.random.Generator, count: int, *, shift: float = 0.0) -> np.ndarray:
    """Random rows (count, ...) for a built network: numbers around ``shift``, and indices where they are looked up."""
    x = rng.normal(size=(count, *(net.input_shape or ()))) + shift
    return net.demands.fulfilled_by(x, rng)


def loss_cases() -> Iterator[tuple[str, Loss, Callable[..., np.ndarray], str | None]]:
    """Every loss there is; one without an entry in LOSS_CASES raises KeyError."""
    for cls in concrete(Loss):
        for loss, targets, end in LOSS_CASES[cls.__name__]:
            yield cls.__name__, loss, targets, end


def _around(cls: type[Layer]) -> Build:
    if issubclass(cls, gn.layers.Activation):
        return lambda: gn.Sequential(gn.Dense(5, bias_init="normal"), cls(), gn.Dense(2))
    return lambda: _drawn((3,), gn.Dense(5), cls(), gn.Dense(2))


class MutantRunner(gn.NumpyRunner):
    """Runs every kernel but one, whose place a mutant takes."""

    kernel_name = ""
    mutant: Callable[..., None]

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Buffers full of NaN (or True), so that one which a mutant leaves unwritten cannot be right by chance."""
        return np.full(shape, np.nan).astype(dtype)

    def __call__(self, caller: Any, kernel: Callable[..., None], **arguments: Any) -> None:
        chosen = type(self).mutant if kernel.__name__ == type(self).kernel_name else kernel
        chosen(**arguments)


def runner_with(name: str, mutant: Callable[..., None]) -> type[MutantRunner]:
    return type("Mutated", (MutantRunner,), {"kernel_name": name, "mutant": staticmethod(mutant)})


def mutants(name: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """Broken versions of a backward kernel: each output zeroed, each sign flipped, each term or statement dropped."""
    entry = KERNELS[name]
    for output in [name for name in entry.writes + entry.updates if name not in entry.inner]:
        yield f"{output} zeroed", _after(entry.function, output, lambda array: array * 0)
        yield f"{output} sign flipped", _after(entry.function, output, lambda array: -array)
    tree = ast.parse(textwrap.dedent(inspect.getsource(entry.function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    definition.body = [
        s for s in definition.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
    count = sum(1 for _ in _places(definition))
    for index in range(count):
        copy = ast.parse(ast.unparse(definition))
        function = copy.body[0]
        assert isinstance(function, ast.FunctionDef)
        description = _mutate(function, index)
        namespace = dict(inspect.getmodule(entry.function).__dict__)  # type: ignore[union-attr]
        code = compile(ast.fix_missing_locations(copy), f"<mutant of {name}>", "exec")
        exec(code, namespace)
        yield description, namespace[name]


def _after(
    function: Callable[..., None], output: str, change: Callable[[np.ndarray], np.ndarray]
) -> Callable[..., None]:
    def mutant(**arguments: Any) -> None:
        function(**arguments)
        written = arguments[output]
        for buffer in written if isinstance(written, list) else [written]:
            if buffer is not None:
                buffer[...] = change(buffer)

    return mutant


def _places(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str, int | None, ast.AST | None]]:
    """Where a mutant may differ: (parent, field, index in the field, what to put there; None to leave it out)."""
    body = ast.Module(function.body, [])
    for parent in (node for part in (body, *function.body) for node in ([part] if part is body else ast.walk(part))):
        for field, value in ast.iter_fields(parent):
            items = value if isinstance(value, list) else [value]
            for index, item in enumerate(items):
                place = index if isinstance(value, list) else None
                if isinstance(item, ast.BinOp):
                    yield parent, field, place, item.left
                    yield parent, field, place, item.right
                if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.USub):
                    yield parent, field, place, item.operand
                if isinstance(item, ast.stmt) and isinstance(parent, ast.Module | ast.If | ast.For):
                    yield parent, field, place, None


def _mutate(function: ast.FunctionDef, wanted: int) -> str:
    parent, field, place, replacement = next(p for i, p in enumerate(_places(function)) if i == wanted)
    value = getattr(parent, field)
    old = value if place is None else value[place]
    before = ast.unparse(old)
    if replacement is None:
        value[place] = ast.Pass()
        return f"without {before!r}"
    if place is None:
        setattr(parent, field, replacement)
    else:
        value[place] = replacement
    return f"{before!r} became {ast.unparse(replacement)!r}"
