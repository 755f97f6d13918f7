"""torch in eager mode, with its plain and its fused optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import BETA1, BETA2, EPOCHS, EPSILON, Array, Case
from benchmarks.timing import CORES, Stepwise, Whole, missing, peer_main

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:
    missing(error)

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def network(case: Case) -> nn.Sequential:
    """The case's network with its initial weights, ready to train."""
    layers: list[nn.Module] = []
    initial = case.layers(case.weights())
    for i, (weight, bias) in enumerate(initial):
        linear = nn.Linear(*weight.shape, bias=bias is not None, dtype=getattr(torch, case.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T.copy()))
            if bias is not None:
                linear.bias.copy_(torch.from_numpy(bias))
        hidden = i < len(initial) - 1
        activation = case.activation if hidden else case.output_activation
        layers += [linear, *([ACTIVATIONS[activation]()] if activation != "identity" else [])]
        if hidden and case.dropout:
            layers.append(nn.Dropout(case.dropout))
    return nn.Sequential(*layers).train()


def weights_of(net: nn.Sequential) -> list[Array]:
    """In the order and shape of ``Case.weights``."""
    return [p.detach().numpy().T for p in net.parameters()]


def optimizer(case: Case, net: nn.Sequential, *, fused: bool) -> torch.optim.Optimizer:
    """Of the case, in one of its two forms."""
    if case.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=case.learning_rate, fused=fused)
    return torch.optim.Adam(net.parameters(), lr=case.learning_rate, betas=(BETA1, BETA2), eps=EPSILON, fused=fused)


class Eager(Stepwise):
    """The usual loop: zero_grad, forward, loss, backward, step."""

    fused = False

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.net = network(case)
        self.optimizer = optimizer(case, self.net, fused=self.fused)
        x, targets = case.data()
        self.x = torch.from_numpy(x).split(case.batch)
        self.targets = torch.from_numpy(targets).split(case.batch)
        self.loss: Callable[..., torch.Tensor] = functional.cross_entropy
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


def predict_one(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """One row through the network in inference mode."""
    net, row = network(case).eval(), torch.from_numpy(case.data()[0])

    def call() -> torch.Tensor:
        with torch.inference_mode():
            return net(row)

    return call, lambda: float(call().max() - call().min())


def predict_by_functions(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """The same without modules, into memory that is there already."""
    w1, b1, w2, b2 = map(torch.from_numpy, case.weights())
    row, hidden, logits = torch.from_numpy(case.data()[0]), torch.empty(1, len(b1)), torch.empty(1, len(b2))

    def call() -> torch.Tensor:
        with torch.inference_mode():
            torch.addmm(b1, row, w1, out=hidden)
            hidden.relu_()
            return torch.addmm(b2, hidden, w2, out=logits)

    return call, lambda: float(call().max() - call().min())


def on_one_thread(whole: Whole) -> Whole:
    """The same on one thread."""

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        torch.set_num_threads(1)
        return whole(case)

    return start


WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {"DataLoader": data_loader, "loop": tight_loop, "loop, one thread": on_one_thread(tight_loop)},
    "predict-one": {
        "inference": predict_one,
        "inference, one thread": on_one_thread(predict_one),
        "functions, one thread": on_one_thread(predict_by_functions),
    },
}

if __name__ == "__main__":
    torch.set_num_threads(CORES)
    peer_main("torch", {"plain": Eager, "fused": Fused, "fused, one thread": FusedOneThread}, WHOLE)
