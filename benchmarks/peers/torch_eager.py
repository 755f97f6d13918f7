"""torch in eager mode, with its plain and its fused optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.cases import EPOCHS, EPSILON, PREDICTIONS, Case, fingerprint
from benchmarks.networks import (
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
    Activation,
    Array,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Recurrent,
    Shape,
)
from benchmarks.timing import CORES, Stepwise, Whole, missing, peer_main
from benchmarks.transformers import NORM_EPSILON, Block, Norm, Tokens

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:
    missing(error)

torch.set_num_threads(CORES)

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def network(case: Case) -> nn.Sequential:
    """The case's network with its initial weights, ready to train."""
    layers: list[nn.Module] = []
    for (layer, arrays), given in zip(case.parts(case.weights()), case.shapes, strict=False):
        built = module(layer, given, in_place=case.image is not None)
        with torch.no_grad():
            for parameter, array in zip(trained(built), arrays, strict=True):
                turns = array.ndim == 2 and not isinstance(layer, Tokens)
                parameter.data = torch.from_numpy(array.T.copy() if turns else array)
        layers.append(built)
    norms = [built for built in layers if isinstance(built, nn.BatchNorm2d)]
    for norm, statistics in zip(norms, case.statistics(), strict=True):
        norm.running_mean, norm.running_var = map(torch.from_numpy, statistics)
    return nn.Sequential(*layers).to(getattr(torch, case.dtype)).train()


class LastState(nn.Module):
    """A recurrence's output at the last step; of an LSTM's two biases, whose sum alone counts, one stays 0."""

    def __init__(self, layer: Recurrent, features: int) -> None:
        super().__init__()
        kind = nn.LSTM if layer.kind == "lstm" else nn.GRU
        self.inner = kind(features, layer.units, batch_first=True)
        if layer.kind == "lstm":
            nn.init.zeros_(self.inner.bias_hh_l0)
            self.inner.bias_hh_l0.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, D) -> (N, H)."""
        return self.inner(x)[0][:, -1]  # type: ignore[no-any-return]


def trained(net: nn.Module) -> list[nn.Parameter]:
    """The parameters that learn."""
    return [parameter for parameter in net.parameters() if parameter.requires_grad]


def module(layer: Layer, given: Shape, *, in_place: bool) -> nn.Module:
    """A layer for rows of that shape; ReLU may overwrite what it is given."""
    match layer:
        case Dense():
            return nn.Linear(given[-1], layer.units, bias=layer.use_bias)
        case Conv():
            return nn.Conv2d(given[0], layer.filters, layer.size, padding=layer.pad, bias=layer.use_bias)
        case Tokens():
            return TokensAndPlaces(layer, given[0])
        case Norm():
            return nn.LayerNorm(given[-1], NORM_EPSILON)
        case Block():
            return Transformer(layer, given[-1])
        case Recurrent():
            return LastState(layer, given[1])
        case BatchNorm():
            return nn.BatchNorm2d(given[0], BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM)
        case MaxPool():
            return nn.MaxPool2d(2)
        case Flatten():
            return nn.Flatten()
        case Dropout():
            return nn.Dropout(layer.rate)
        case Activation("relu"):
            return nn.ReLU(in_place)
        case Activation():
            return ACTIVATIONS[layer.name]()
    raise NotImplementedError(layer)


class TokensAndPlaces(nn.Module):
    """(N, T) -> (N, T, D)."""

    def __init__(self, layer: Tokens, steps: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(layer.vocabulary, layer.units)
        self.places = nn.Parameter(torch.zeros(steps, layer.units))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return self.tokens(x) + self.places  # type: ignore[no-any-return]

    def parameters(self, recurse: bool = True) -> Any:
        """The tokens' first."""
        return iter([self.tokens.weight, self.places])


class PlainNorm(nn.Module):
    """An RMS norm without a scale."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return functional.rms_norm(x, (x.shape[-1],), eps=NORM_EPSILON)


class Transformer(nn.Module):
    """A block (N, T, D) -> (N, T, D), by torch's own attention."""

    def __init__(self, layer: Block, units: int) -> None:
        super().__init__()
        self.heads, bias = layer.heads, not layer.is_plain
        norms = [nn.LayerNorm(units, NORM_EPSILON) if bias else PlainNorm() for _ in range(2)]
        self.norm, self.qkv = norms[0], nn.Linear(units, 3 * units, bias=bias)
        self.out, self.norm2 = nn.Linear(units, units, bias=bias), norms[1]
        self.first, self.second = nn.Linear(units, 4 * units, bias=bias), nn.Linear(4 * units, units, bias=bias)
        self.activation = nn.GELU() if bias else nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        n, t, d = x.shape
        q, k, v = (part.view(n, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm(x)).split(d, 2))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(n, t, d))
        return x + self.second(self.activation(self.first(self.norm2(x))))  # type: ignore[no-any-return]


def weights_of(net: nn.Sequential) -> list[Array]:
    """In the order and shape of ``Case.weights``."""
    found = []
    for part in net:
        arrays: list[Array] = [p.detach().numpy() for p in trained(part)]
        turns = not isinstance(part, TokensAndPlaces)
        found += [array.T if array.ndim == 2 and turns else array for array in arrays]
    return found


def optimizer(case: Case, net: nn.Sequential, *, fused: bool) -> torch.optim.Optimizer:
    """Of the case, in one of its two forms."""
    if case.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=case.learning_rate, fused=fused)
    return torch.optim.Adam(net.parameters(), lr=case.learning_rate, betas=case.betas, eps=EPSILON, fused=fused)


class Eager(Stepwise):
    """The usual loop: zero_grad, forward, loss, backward, step."""

    fused = False
    layout = torch.contiguous_format

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.net = network(case).to(memory_format=self.layout)
        self.optimizer = optimizer(case, self.net, fused=self.fused)
        x, targets = case.data()
        self.x = torch.from_numpy(x).contiguous(memory_format=self.layout).split(case.batch)
        self.targets = torch.from_numpy(targets).split(case.batch)
        self.loss: Callable[..., torch.Tensor] = functional.cross_entropy
        if case.context:
            self.loss = lambda outputs, targets: functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())
        if case.loss == "half_squares":
            self.loss = lambda outputs, targets: 0.5 * functional.mse_loss(outputs, targets, reduction="sum")

    def step(self, batch: int) -> torch.Tensor:
        """See ``Stepwise``."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.net(self.x[batch]), self.targets[batch])
        loss.backward()
        self.optimizer.step()
        return loss

    def number(self, loss: torch.Tensor) -> float:
        """See ``Stepwise``."""
        return float(loss.item())

    def weights(self) -> list[Array]:
        """See ``Training``."""
        return weights_of(self.net)


class Fused(Eager):
    """The same with the fused optimizer."""

    fused = True


class FusedOneThread(Fused):
    """The same on one thread, which is faster for some small networks."""

    def run(self, steps: int) -> None:
        """See ``Training``."""
        torch.set_num_threads(1)
        super().run(steps)
        torch.set_num_threads(CORES)


class Compiled(Fused):
    """The same, the network compiled."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.net.compile()


class CompiledOneThread(FusedOneThread):
    """The same on one thread."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.net.compile()


class ChannelsLast(Eager):
    """Images and filters with the channels innermost in memory."""

    layout = torch.channels_last


class FusedChannelsLast(ChannelsLast):
    """The same with the fused optimizer."""

    fused = True


def tight_loop(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """Epochs over a shuffled copy of the rows, fused optimizer."""
    x, labels = map(torch.from_numpy, case.data())
    trained: list[nn.Sequential] = []

    def fit() -> None:
        net = network(case)
        update = optimizer(case, net, fused=True)
        for _ in range(EPOCHS):
            order = torch.randperm(len(x))
            for rows, wanted in zip(x[order].split(case.batch), labels[order].split(case.batch), strict=True):
                update.zero_grad(set_to_none=True)
                functional.cross_entropy(net(rows), wanted).backward()
                update.step()
        trained[:] = [net]

    return fit, lambda: case.evaluate(weights_of(trained[0]))


def data_loader(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """Epochs over a ``DataLoader``, as the tutorials have it."""
    x, labels = map(torch.from_numpy, case.data())
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, labels), case.batch, shuffle=True)
    trained: list[nn.Sequential] = []

    def fit() -> None:
        net = network(case)
        update = optimizer(case, net, fused=True)
        for _ in range(EPOCHS):
            for rows, wanted in loader:
                update.zero_grad(set_to_none=True)
                functional.cross_entropy(net(rows), wanted).backward()
                update.step()
        trained[:] = [net]

    return fit, lambda: case.evaluate(weights_of(trained[0]))


def predict_by(layout: torch.memory_format, *, frozen: bool = False) -> Whole:
    """One row through the network in inference mode.

    Args:
        layout: of images and filters in memory.
        frozen: as a graph with the weights as constants, its operations merged for this processor.
    """

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        net = network(case)
        row = torch.from_numpy(case.data()[0])
        if case.image:
            net, row = net.to(memory_format=layout), row.contiguous(memory_format=layout)
        predict: Callable[[torch.Tensor], torch.Tensor] = net.eval()
        if frozen:
            with torch.no_grad():
                predict = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, row)))

        def call() -> torch.Tensor:
            with torch.inference_mode():
                return predict(row)

        return call, lambda: fingerprint(call().numpy())

    return start


def predict_by_functions(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """The same without modules, into memory that is there already."""
    w1, b1, w2, b2 = map(torch.from_numpy, case.weights())
    row, hidden, logits = torch.from_numpy(case.data()[0]), torch.empty(1, len(b1)), torch.empty(1, len(b2))

    def call() -> torch.Tensor:
        with torch.inference_mode():
            torch.addmm(b1, row, w1, out=hidden)
            hidden.relu_()
            return torch.addmm(b2, hidden, w2, out=logits)

    return call, lambda: fingerprint(call().numpy())


def of_images(case: Case) -> bool:
    """Whether the memory layout makes a difference."""
    return case.image is not None


def of_sequences(case: Case) -> bool:
    """Whether it is tried compiled, too: that takes a minute."""
    return case.context > 0 or case.sequence is not None


def on_one_thread(whole: Whole) -> Whole:
    """The same on one thread."""

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        torch.set_num_threads(1)
        return whole(case)

    return start


PLAIN, LAST = torch.contiguous_format, torch.channels_last
PREDICT_IMAGE: dict[str, Whole] = {
    "inference": predict_by(PLAIN),
    "inference, channels last": predict_by(LAST),
    "frozen": predict_by(PLAIN, frozen=True),
    "frozen, channels last": predict_by(LAST, frozen=True),
}
WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {"DataLoader": data_loader, "loop": tight_loop, "loop, one thread": on_one_thread(tight_loop)},
    "predict-one": {
        "inference": predict_by(PLAIN),
        "inference, one thread": on_one_thread(predict_by(PLAIN)),
        "functions, one thread": on_one_thread(predict_by_functions),
    },
}
WHOLE |= {
    case.name: PREDICT_IMAGE | {f"{name}, one thread": on_one_thread(whole) for name, whole in PREDICT_IMAGE.items()}
    for case in PREDICTIONS
}
TRAININGS: dict[str, type[Eager]] = {
    "plain": Eager,
    "fused": Fused,
    "fused, one thread": FusedOneThread,
    "compiled": Compiled,
    "compiled, one thread": CompiledOneThread,
    "channels last": ChannelsLast,
    "fused, channels last": FusedChannelsLast,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # that torch.jit will be given up one day
    only = dict.fromkeys(("channels last", "fused, channels last"), of_images)
    only |= dict.fromkeys(("compiled", "compiled, one thread"), of_sequences)
    peer_main("torch", TRAININGS, WHOLE, only=only)
