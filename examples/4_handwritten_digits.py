"""From one neuron to networks that read handwritten digits, and what optimizer, penalty, dropout and size do to them.

A neuron weighs its inputs, adds a bias and bends the sum: y = f(z), z = Σ_d x_d w_d + b. A layer is M neurons on the
same inputs, y = f(x W + b), and a network is layers in a row. It learns by the slopes of its parts: with the loss L
and δ = ∂L/∂y · f′(z), the weights have the gradient ∂L/∂w_d = x_d δ and the bias ∂L/∂b = δ. So the parts come first:

1. activations f and losses L, each with its slope, checked against the central difference (f(z + h) − f(z − h)) / 2h;
2. one neuron, computed by hand and by the library;
3. the digits: 64 pixels, 128 hidden units, 10 classes, trained with the cross-entropy of the softmax,
   L = −log p_y, p_k = e^{z_k} / Σ_j e^{z_j}, whose slope is ∂L/∂z_k = p_k − [k = y];
4. the same with another optimizer, with penalties λ Σ |w| (L1) and ½ λ Σ w² (L2), with dropout, and with other sizes.

Run it:  python examples/4_handwritten_digits.py
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import glassnet as gn
from glassnet.core.shapes import Array

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
LOSSES = ("sum_squared_error", "mean_absolute_error", "huber", "binary_cross_entropy")
POINTS = np.array([-1.5, 0.5, 1.5])  # away from the kinks, where a slope has no one value
Curve = Callable[[Array], tuple[Array, Array]]
"""Points to values and slopes."""


class Variant(NamedTuple):
    """One way to learn the digits."""

    name: str
    hidden: tuple[int, ...]
    optimizer: gn.optimizers.Optimizer
    dropout: float = 0.0


VARIANTS = (
    Variant("SGD", (128,), gn.SGD(0.1)),
    Variant("Adam", (128,), gn.Adam(0.003)),
    Variant("Adam + L1", (128,), gn.Chain(gn.L1(1e-4), gn.Adam(0.003))),
    Variant("Adam + L2", (128,), gn.Chain(gn.L2(3e-4), gn.Adam(0.003))),
    Variant("Adam + dropout", (128,), gn.Adam(0.003), dropout=0.3),
    Variant("no hidden layer", (), gn.Adam(0.003)),
    Variant("16 units", (16,), gn.Adam(0.003)),
    Variant("256 units", (256,), gn.Adam(0.003)),
    Variant("two layers", (128, 64), gn.Adam(0.003)),
)


class Run(NamedTuple):
    """What became of a variant."""

    model: gn.Model
    history: gn.History
    on_train: dict[str, float]
    """Loss and accuracy on the digits that it learned from."""
    on_test: dict[str, float]


class Result(NamedTuple):
    """What the script found."""

    slopes: dict[str, tuple[Array, Array, Array]]
    """For each activation and loss, at POINTS: values, slopes, central differences."""
    neuron_by_hand: list[float]
    """Output, ∂L/∂w and ∂L/∂b of the neuron."""
    neuron_by_network: list[float]
    runs: dict[str, Run]
    pictures: tuple[Path, Path]


def main(quick: bool = False, output: str | Path = "output", dtype: str = "float32") -> Result:
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = folder / "4_functions.png", folder / "4_learning_curves.png"
    console = Console()

    curves = {name: activation_curve(name) for name in ACTIVATIONS} | {name: loss_curve(name) for name in LOSSES}
    slopes = {name: (*curve(POINTS), central_difference(curve, POINTS)) for name, curve in curves.items()}
    console.print(slope_table(slopes))
    draw_functions(curves, pictures[0])

    by_hand, by_network = one_neuron_by_hand(), one_neuron_by_network()
    print("One neuron: output, ∂L/∂w of three weights, ∂L/∂b")
    print("by hand:     ", "  ".join(f"{number: .8f}" for number in by_hand))
    print("by glassnet: ", "  ".join(f"{number: .8f}" for number in by_network), "\n")

    data = gn.data.digits()
    # Ink from 0 to 16 becomes 0 to 1.
    train, test = ((part.x / data.scale, part.y) for part in gn.data.split(data, test_share=0.25, seed=0))
    print(f"{len(train[0])} digits to learn from, {len(test[0])} to be tested with")
    epochs = 2 if quick else 30
    runs = {variant.name: learn(variant, train, test, epochs, dtype) for variant in VARIANTS}
    console.print(score_table(runs))
    draw_learning_curves({name: run.history for name, run in runs.items()}, pictures[1])
    print(f"The curves are in {pictures[0]} and {pictures[1]}.")
    return Result(slopes, by_hand, by_network, runs, pictures)


def activation_curve(name: str) -> Curve:
    layer, run = gn.layers.ACTIVATIONS[name](), gn.NumpyRunner()

    def curve(z: Array) -> tuple[Array, Array]:
        y, cache = layer.forward(run, z, training=True)
        return y, layer.backward(run, np.ones_like(z), cache)  # with ∂L/∂y = 1 what comes back is f′

    return curve


def loss_curve(name: str) -> Curve:
    loss = gn.losses.LOSSES[name]()

    def curve(outputs: Array) -> tuple[Array, Array]:
        pairs = [loss([[output]], [[1.0]]) for output in outputs]  # one example, one output, the target 1
        return np.array([value for value, _ in pairs]), np.array([slope.item() for _, slope in pairs])

    return curve


def central_difference(curve: Curve, points: Array, h: float = 1e-5) -> Array:
    return np.asarray((curve(points + h)[0] - curve(points - h)[0]) / (2 * h))


def one_neuron_by_hand() -> list[float]:
    x, w, b, target = (0.5, -1.0, 2.0), (0.4, 0.3, -0.2), 0.1, 1.0
    z = x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + b
    y = 1 / (1 + np.exp(-z))
    delta = (y - target) * y * (1 - y)  # of L = ½ (y − t)²
    return [y, x[0] * delta, x[1] * delta, x[2] * delta, delta]


def one_neuron_by_network() -> list[float]:
    net = gn.Sequential(gn.Dense(1, weight_init=[[0.4], [0.3], [-0.2]], bias_init=[0.1]), gn.Sigmoid())
    net.build(3, dtype="float64")
    run = gn.NumpyRunner()
    y, cache = net.forward(run, np.array([[0.5, -1.0, 2.0]]), training=True)
    _, dy = gn.losses.SumSquaredError()(y, [[1.0]])
    net.backward(run, dy, cache)
    return [y.item(), *net.gradients.tolist()]


def learn(variant: Variant, train: tuple[Any, Any], test: tuple[Any, Any], epochs: int, dtype: str) -> Run:
    net = gn.Sequential()
    for units in variant.hidden:
        net.add(gn.Dense(units)).add(gn.ReLU())
        if variant.dropout:
            net.add(gn.Dropout(variant.dropout))
    net.add(gn.Dense(10))
    model = gn.Model(net, "cross_entropy", variant.optimizer, metrics=["accuracy"], seed=0, dtype=dtype)
    # The test digits are only looked at: nothing is chosen by them while the network learns.
    history = model.fit(*train, epochs=epochs, batch_size=32, validation_data=test, verbose=False)
    return Run(model, history, model.evaluate(*train), model.evaluate(*test))


def slope_table(slopes: dict[str, tuple[Array, Array, Array]]) -> Table:
    table = Table("value, slope", *(f"z = {point:g}" for point in POINTS), "error", box=SIMPLE_HEAD, pad_edge=False)
    for place, (name, (values, own, differences)) in enumerate(slopes.items(), start=1):
        cells = [f"{value: .3f} {slope: .3f}" for value, slope in zip(values, own, strict=True)]
        error = f"{abs(own - differences).max():.0e}"
        table.add_row(name, *cells, error, end_section=place == len(ACTIVATIONS))
    table.caption = "losses: of the output z, the target being 1\nerror: slope against central difference"
    return table


def score_table(runs: dict[str, Run]) -> Table:
    table = Table("\nvariant", "\nlayers", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("\nparameters", "train\nloss", "\naccuracy", "test\nloss", "\naccuracy"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, run in runs.items():
        dense = [layer for _, layer in run.model.network.walk() if isinstance(layer, gn.Dense)]
        layers = "-".join(str(units) for units in (64, *(layer.units for layer in dense)))
        numbers = [f"{part[key]:{form}}" for part in run[2:] for key, form in (("loss", ".4f"), ("accuracy", ".1%"))]
        table.add_row(name, layers, f"{run.model.network.parameters.size:,}", *numbers)
    return table


def draw_functions(curves: dict[str, Curve], picture: Path) -> None:
    z = np.linspace(-4, 4, 401)
    figure = Figure(figsize=(12, 8), layout="constrained")
    for axes, (name, curve) in zip(figure.subplots(3, 4, sharex=True).flat, curves.items(), strict=True):
        value, slope = curve(z)
        axes.plot(z, value, color="#1f5fa8", label="value")
        axes.plot(z, slope, color="#d1662b", linestyle="--", label="slope")
        axes.set(title=name.replace("_", " "), ylim=(-1.5, 4.2) if name in ACTIVATIONS else (-4.2, 8))
        plain(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Activations of z, and losses of the output z when the target is 1")
    figure.savefig(picture, dpi=110)


def draw_learning_curves(histories: dict[str, gn.History], picture: Path) -> None:
    figure = Figure(figsize=(12, 10), layout="constrained")
    grid = figure.subplots(3, 3, sharex=True, sharey=True)
    for axes, (name, history) in zip(grid.flat, histories.items(), strict=True):
        for other in histories.values():  # everyone's test curve in grey, to compare with
            axes.plot(other.epochs, other["val_loss"], color="#d9d9d9", linewidth=1)
        axes.plot(history.epochs, history["loss"], color="#1f5fa8", label="training")
        axes.plot(history.epochs, history["val_loss"], color="#d1662b", label="test")
        axes.set(title=f"{name}: test accuracy {history['val_accuracy'][-1]:.1%}", yscale="log")
        plain(axes)
    for row in grid:
        row[0].set_ylabel("loss")
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Learning the digits: loss by epoch (grey: the test loss of all the others)")
    figure.savefig(picture, dpi=110)


def plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="From one neuron to networks that read handwritten digits.")
    parser.add_argument("--quick", action="store_true", help="two epochs each, to see that it runs")
    parser.add_argument("--output", default="output", help="the folder for the pictures (output)")
    options = parser.parse_args()
    main(options.quick, options.output)
