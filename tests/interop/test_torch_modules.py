"""PyTorch's modules one by one: each setting is read as it is meant, or refused by its name."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.interop import from_torch, to_torch

torch = pytest.importorskip("torch")
nn = torch.nn


def settled(module: Any) -> Any:
    """With running statistics, scales and shifts as after a training."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.dtype.is_floating_point:
                noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
                tensor += 0.3 * (noise.abs() if name.endswith("running_var") else noise)
    return module


def rows(shape: tuple[int, ...], count: int = 4, dtype: Any = np.float32) -> np.ndarray:
    """Around 0, with some that saturate."""
    rng = np.random.default_rng(7)
    return (rng.normal(size=(count, *shape)) * rng.choice([0.3, 2, 20], (count, *[1] * len(shape)))).astype(dtype)


def theirs(module: Any, x: np.ndarray) -> np.ndarray:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return copy.deepcopy(module).eval()(torch.tensor(x)).numpy()


def ours(net: gn.Network, x: np.ndarray, engine: str) -> np.ndarray:
    return gn.Model(net, "mean_squared_error", "sgd", dtype=net.dtype, engine=engine).predict(x)


IMAGE, SEQUENCE, ROW = (4, 6, 5), (4, 9), (6,)

READ: list[tuple[Callable[[], Any], tuple[int, ...]]] = [
    (lambda: nn.Linear(6, 3), ROW),
    (lambda: nn.Linear(6, 3, bias=False), ROW),
    (lambda: nn.Linear(9, 2), SEQUENCE),
    (lambda: nn.Identity(5, unused=3), ROW),
    (lambda: nn.Dropout(0.7), IMAGE),
    (lambda: nn.Dropout(0.2, inplace=True), ROW),
    (lambda: nn.Sequential(nn.Linear(6, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)), ROW),
    (lambda: nn.Sequential(nn.Identity(), nn.Sequential(), nn.Linear(6, 4)), ROW),
    (lambda: nn.GELU(), ROW),
    (lambda: nn.GELU(approximate="tanh"), ROW),
    (lambda: nn.ELU(0.4), ROW),
    (lambda: nn.LeakyReLU(0.3, inplace=True), ROW),
    (lambda: nn.Hardtanh(-2, 0.5), ROW),
    (lambda: nn.Hardtanh(-0.5, float("inf")), ROW),
    (lambda: nn.ReLU6(), ROW),
    (lambda: nn.SiLU(), ROW),
    (lambda: nn.SELU(), ROW),
    (lambda: nn.Mish(), ROW),
    (lambda: nn.Hardswish(), ROW),
    (lambda: nn.RMSNorm(6), ROW),
    (lambda: nn.RMSNorm(9, eps=1e-3), SEQUENCE),
    (lambda: nn.Softplus(), ROW),
    (lambda: nn.Softplus(threshold=40), ROW),
    (lambda: nn.Softmax(dim=-1), ROW),
    (lambda: nn.Softmax(dim=1), ROW),
    (lambda: nn.Softmax(dim=-1), SEQUENCE),
    (lambda: nn.Softmax(dim=2), SEQUENCE),
    (lambda: nn.Flatten(), IMAGE),
    (lambda: nn.Flatten(2), IMAGE),
    (lambda: nn.Flatten(-2, -1), IMAGE),
    (lambda: nn.Flatten(1, 2), IMAGE),
    (lambda: nn.Unflatten(1, (2, 3)), ROW),
    (lambda: nn.Unflatten(-1, (1, 9)), SEQUENCE),
    (lambda: nn.Unflatten(1, (2, -1)), IMAGE[:2]),
    (lambda: nn.Conv2d(4, 6, 3), IMAGE),
    (lambda: nn.Conv2d(4, 6, (3, 2), padding="same"), IMAGE),
    (lambda: nn.Conv2d(4, 6, (2, 4), padding="same", dilation=(2, 1)), IMAGE),
    (lambda: nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(0, 2), dilation=(2, 1), groups=2, bias=False), IMAGE),
    (lambda: nn.Conv2d(4, 4, 1, groups=4, padding="valid"), IMAGE),
    (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=(1, 0), groups=2), IMAGE),
    (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), SEQUENCE),
    (lambda: nn.Conv1d(4, 3, 4, padding="same", bias=False), SEQUENCE),
    (lambda: nn.Sequential(nn.Conv1d(4, 3, 2), nn.BatchNorm1d(3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 2)), SEQUENCE),
    (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1), SEQUENCE),
    (lambda: nn.MaxPool1d(3, stride=2, padding=1), SEQUENCE),
    (lambda: nn.AvgPool1d(3), SEQUENCE),
    (lambda: nn.AvgPool1d(3, stride=2, padding=1, count_include_pad=False), SEQUENCE),
    (lambda: nn.AdaptiveAvgPool1d(1), SEQUENCE),
    (lambda: nn.Sequential(nn.AdaptiveMaxPool1d(3), nn.Flatten(), nn.Linear(12, 2)), SEQUENCE),
    (lambda: nn.MaxPool2d(2), IMAGE),
    (lambda: nn.MaxPool2d((3, 2), stride=1, padding=(1, 0)), IMAGE),
    (lambda: nn.AvgPool2d(2, padding=0, count_include_pad=True), IMAGE),
    (lambda: nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d(1), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d((3, None)), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d((6, 5)), IMAGE),
    (lambda: nn.AdaptiveMaxPool2d((2, 1)), IMAGE),
    (lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Conv2d(4, 2, 1), nn.Flatten()), IMAGE),
    (lambda: nn.BatchNorm2d(4, eps=0.3, momentum=0.4), IMAGE),
    (lambda: nn.BatchNorm1d(6, eps=1e-3), ROW),
    (lambda: nn.BatchNorm1d(4), SEQUENCE),
    (lambda: nn.BatchNorm1d(4), (4, 4)),
    (lambda: nn.LayerNorm(6, eps=0.2), ROW),
    (lambda: nn.LayerNorm(9), SEQUENCE),
    (lambda: nn.GroupNorm(2, 4, eps=0.1), IMAGE),
    (lambda: nn.GroupNorm(2, 6), ROW),
    (lambda: nn.GroupNorm(2, 4), SEQUENCE),
    (lambda: nn.Upsample(scale_factor=2), IMAGE),
    (lambda: nn.Upsample(scale_factor=(1.0, 3.0), mode="nearest"), IMAGE),
    (lambda: nn.Upsample(size=(12, 15)), IMAGE),
    (lambda: nn.ZeroPad2d((1, 0, 2, 3)), IMAGE),
    (lambda: Named(), ROW),
]


class Named(nn.Sequential):
    """A subclass that changes nothing but how it is made."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(6, 3), nn.Tanh(), Tall())


class Tall(nn.Linear):
    """Likewise."""

    def __init__(self) -> None:
        super().__init__(3, 7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("number", range(len(READ)))
def test_what_is_read_calculates_the_same(number: int, dtype: str) -> None:
    make, shape = READ[number]
    torch.manual_seed(number)
    module = settled(make().to(getattr(torch, dtype)))
    net = from_torch(module, shape)
    # A module without parameters has no dtype, and so float32's.
    dtype = dtype if any(True for _ in module.parameters()) else "float32"
    assert str(net.dtype) == dtype
    assert net.input_shape == shape
    tolerance = 3e-5 if dtype == "float32" else 1e-8
    for count in (1, 4):
        x = rows(shape, count, dtype)
        expected = theirs(module, x)
        for engine in ("numpy", "auto"):
            np.testing.assert_allclose(
                ours(net, x, engine), expected, rtol=tolerance, atol=tolerance * np.abs(expected).max()
            )


class OwnForward(nn.Sequential):
    def forward(self, x: Any) -> Any:
        return x + super().forward(x)


class OwnCall(nn.Sequential):
    def __call__(self, x: Any) -> Any:
        return 2 * super().__call__(x)


class Backwards(nn.Sequential):
    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._modules.values())[::-1])


class Doubled(nn.Linear):
    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


class Clipped(nn.Conv2d):
    def _conv_forward(self, x: Any, weight: Any, bias: Any) -> Any:
        return super()._conv_forward(x, weight.clamp(-0.1, 0.1), bias)


def patched() -> Any:
    module = nn.Linear(6, 6)
    module.forward = lambda x: -x  # type: ignore[method-assign]
    return module


def hooked(kind: str) -> Any:
    module = nn.Sequential(nn.Linear(6, 6), nn.Sequential(nn.ReLU()))
    if kind == "forward":
        module[1][0].register_forward_hook(lambda own, given, out: out + 1)
    elif kind == "pre":
        module[0].register_forward_pre_hook(lambda own, given: (2 * given[0],))
    else:
        module[1].register_forward_hook(lambda own, given, options, out: -out, with_kwargs=True)
    return module


def pruned() -> Any:
    from torch.nn.utils import prune

    module = nn.Sequential(nn.Linear(6, 6))
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    return module


def tied(form: str) -> Any:
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    if form == "parameter":
        second.weight = first.weight
    elif form == "transposed":
        second.weight = nn.Parameter(first.weight.t())
    elif form == "data":
        second.weight.data = first.weight.data
    else:
        second.bias = nn.Parameter(first.weight.data[2])
    return nn.Sequential(first, nn.Tanh(), nn.Sequential(second))


def twice(layer: Any) -> Any:
    return nn.Sequential(layer, nn.Tanh(), nn.Sequential(layer))


def without_statistics() -> Any:
    module = nn.BatchNorm1d(6)
    module.running_mean = module.running_var = None
    return module


def with_a_buffer() -> Any:
    module = nn.Linear(6, 6)
    module.register_buffer("mask", torch.ones(6), persistent=False)
    return module


REFUSED: list[tuple[Callable[[], Any], tuple[int, ...], str]] = [
    (lambda: OwnForward(nn.Linear(6, 6)), ROW, r"module: received OwnForward\("),
    (lambda: nn.Sequential(OwnCall(nn.Linear(6, 6))), ROW, r"from_torch: 0: received OwnCall\("),
    (lambda: Backwards(nn.Linear(6, 6), nn.ReLU()), ROW, r"received Backwards\("),
    (lambda: nn.Sequential(nn.ReLU(), Doubled(6, 2)), ROW, r"from_torch: 1: received Doubled\("),
    (lambda: Clipped(4, 6, 3), IMAGE, r"received Clipped\("),
    (patched, ROW, "a forward of its own"),
    (lambda: hooked("forward"), ROW, r"from_torch: 1\.0: received ReLU\(\), with a hook .*remove\(\)"),
    (lambda: hooked("pre"), ROW, r"from_torch: 0: received Linear\(.*, with a hook"),
    (lambda: hooked("whole"), ROW, r"from_torch: 1: received Sequential"),
    (pruned, ROW, r"from_torch: 0: received Linear.*L1Unstructured.*prune\.remove"),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)), ROW, "a parametrization of weight, .*which keeps"),
    (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6)), ROW, "a parametrization of weight, .*remove_"),
    (lambda: nn.utils.parametrizations.orthogonal(nn.Linear(6, 6)), ROW, "a parametrization of weight, .*remove_"),
    (lambda: nn.utils.spectral_norm(nn.Linear(6, 6)), ROW, r"with a hook .*SpectralNorm.*remove_spectral_norm"),
    (lambda: tied("parameter"), ROW, r"0\.weight and 2\.0\.weight, which are the same numbers in memory"),
    (lambda: tied("transposed"), ROW, r"0\.weight and 2\.0\.weight"),
    (lambda: tied("data"), ROW, r"0\.weight and 2\.0\.weight"),
    (lambda: tied("part"), ROW, r"0\.weight and 2\.0\.bias"),
    (lambda: twice(nn.Linear(6, 6)), ROW, r"Linear\(.*in two places, 0 and 2\.0.*copy\.deepcopy"),
    (lambda: twice(nn.BatchNorm1d(6)), ROW, r"BatchNorm1d\(.*in two places"),
    (lambda: nn.Linear(6, 6).half(), ROW, r"parameters of torch\.float16.*\.float\(\)"),
    (lambda: nn.Linear(6, 6).bfloat16(), ROW, r"parameters of torch\.bfloat16"),
    (lambda: nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6).double()), ROW, r"torch\.float32 and torch\.float64"),
    (lambda: nn.Linear(6, 6, device="meta"), ROW, "on torch's device meta"),
    (lambda: nn.LazyLinear(6), ROW, r"received LazyLinear\("),
    (lambda: nn.DataParallel(nn.Linear(6, 6)), ROW, r"received DataParallel\("),
    (lambda: nn.ModuleList([nn.Linear(6, 6)]), ROW, r"received ModuleList\("),
    (lambda: nn.Sequential(), ROW, "no layers in it"),
    (lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), IMAGE, "with padding_mode='reflect'"),
    (lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"), IMAGE, "with padding_mode='circular'"),
    (lambda: nn.Conv1d(4, 6, 3, padding=1, padding_mode="replicate"), SEQUENCE, "with padding_mode='replicate'"),
    (lambda: nn.MaxPool2d(2, ceil_mode=True), IMAGE, "with ceil_mode=True"),
    (lambda: nn.MaxPool2d(2, dilation=(1, 2)), IMAGE, r"with dilation=\(1, 2\)"),
    (lambda: nn.MaxPool2d(2, return_indices=True), IMAGE, "with return_indices=True"),
    (lambda: nn.MaxPool1d(2, ceil_mode=True), SEQUENCE, "with ceil_mode=True"),
    (lambda: nn.AvgPool2d(3, padding=1), IMAGE, "with count_include_pad=True"),
    (lambda: nn.AvgPool2d(2, divisor_override=3), IMAGE, "with divisor_override=3"),
    (lambda: nn.AvgPool1d(3, padding=1), SEQUENCE, "with count_include_pad=True"),
    (lambda: nn.AdaptiveAvgPool2d(4), IMAGE, "with output_size=4"),
    (lambda: nn.AdaptiveMaxPool2d(1, return_indices=True), IMAGE, "with return_indices=True"),
    (lambda: nn.BatchNorm2d(4, affine=False), IMAGE, "with affine=False"),
    (lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGE, "with track_running_stats=False"),
    (lambda: nn.BatchNorm1d(6, momentum=None), ROW, "with momentum=None"),
    (lambda: nn.BatchNorm1d(6, momentum=0.0), ROW, "momentum=0.0"),
    (lambda: nn.LayerNorm((6, 5)), IMAGE, r"with normalized_shape=\(6, 5\)"),
    (lambda: nn.LayerNorm(6, bias=False), ROW, "with bias=None"),
    (lambda: nn.LayerNorm(6, elementwise_affine=False), ROW, "with elementwise_affine=False"),
    (lambda: nn.LayerNorm(5), IMAGE, r"LayerNorm\(.*inputs of shape \(N, 4, 6, 5\)"),
    (lambda: nn.GroupNorm(2, 4, affine=False), IMAGE, "with affine=False"),
    (lambda: nn.Softmax(dim=1), IMAGE, r"with dim=1 for inputs of shape \(N, 4, 6, 5\)"),
    (lambda: nn.Softmax(dim=0), ROW, "with dim=0"),
    (lambda: nn.Softmax(dim=-2), SEQUENCE, "with dim=-2"),
    (lambda: nn.LogSoftmax(dim=1), ROW, r"received LogSoftmax\("),
    (lambda: nn.Softplus(beta=2), ROW, "with beta=2"),
    (lambda: nn.Softplus(threshold=1), ROW, "with threshold=1"),
    (lambda: nn.LeakyReLU(-0.1), ROW, r"slope=-0\.1"),
    (lambda: nn.Flatten(0), ROW, "outputs that are not one for each row"),
    (lambda: nn.Flatten(0, 1), IMAGE, "outputs that are not one for each row"),
    (lambda: nn.Unflatten(0, (-1, 1)), ROW, "with dim=0"),
    (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE, "with mode='bilinear'"),
    (lambda: nn.Upsample(scale_factor=1.5), IMAGE, r"scale_factor=1\.5"),
    (lambda: nn.Upsample(size=(7, 7)), IMAGE, r"with size=\(7, 7\)"),
    (lambda: nn.Upsample(scale_factor=2.2), (3, 2, 2), r"scale_factor=2\.2"),
    (lambda: nn.ZeroPad2d((-1, 0, 0, 0)), IMAGE, "padding="),
    (lambda: nn.Dropout2d(0.5), IMAGE, r"received Dropout2d\("),
    (lambda: nn.AlphaDropout(0.5), ROW, r"received AlphaDropout\("),
    (lambda: nn.Dropout(1.0), ROW, r"rate=1\.0"),
    (lambda: nn.RMSNorm((4, 9)), SEQUENCE, "normalized_shape"),
    (lambda: nn.RMSNorm(6, elementwise_affine=False), ROW, "elementwise_affine"),
    (lambda: nn.PReLU(), ROW, r"received PReLU\("),
    (lambda: nn.Linear(5, 2), IMAGE, r"Linear\(.*inputs of shape \(N, 4, 6, 5\)"),
    (without_statistics, ROW, r"running_mean"),
    (with_a_buffer, ROW, "mask"),
    (lambda: torch.jit.trace(nn.Linear(6, 6), torch.zeros(1, 6)), ROW, "received"),
    (lambda: nn.Linear, ROW, "received <class"),
    (lambda: {"weight": torch.zeros(2, 2)}, ROW, "received {'weight'"),
]


@pytest.mark.filterwarnings("ignore")  # torch calls some of these old
@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_not_read_is_refused_by_its_name(number: int) -> None:
    make, shape, words = REFUSED[number]
    with pytest.raises(gn.GlassnetError, match=words):
        from_torch(make(), shape)


def test_layers_without_weights_may_be_run_twice() -> None:
    relu, drop = nn.ReLU(), nn.Dropout(0.5)
    inner = nn.Sequential(relu, drop)
    module = settled(nn.Sequential(nn.Linear(6, 5), inner, nn.Linear(5, 4), inner, relu, nn.Linear(4, 3)))
    net = from_torch(module)
    assert [type(layer).__name__ for layer in net.layers].count("ReLU") == 3
    x = rows(ROW)
    np.testing.assert_allclose(ours(net, x, "auto"), theirs(module, x), rtol=1e-4, atol=1e-4)


def test_a_variance_below_0_and_what_no_row_looks_up() -> None:
    norm, words = nn.BatchNorm1d(3), nn.Embedding(9, 3)
    with torch.no_grad():
        norm.running_var[1] = -1
        words.weight[7] = float("inf")
    with pytest.raises(gn.DataError, match="received running_var of dtype float32, some below 0"):
        from_torch(nn.Sequential(nn.Linear(3, 3), norm))
    with pytest.raises(gn.DataError, match="received weight of dtype float32, not all finite"):
        from_torch(nn.Sequential(words, nn.Flatten()), (2,))


@pytest.mark.parametrize("attribute", ["in_features", "weight"])
def test_modules_that_are_not_what_their_class_makes_of_them(attribute: str) -> None:
    module = nn.Sequential(nn.Linear(3, 3))
    setattr(module[0], attribute, "three" if attribute == "in_features" else None)
    with pytest.raises(gn.GlassnetError):
        from_torch(module)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float) -> None:
    module = nn.Sequential(nn.ReLU(), nn.Linear(6, 2))
    with torch.no_grad():
        module[1].bias[1] = value
    with pytest.raises(gn.DataError, match="from_torch: 1: received bias of dtype float32, not all finite"):
        from_torch(module)


def test_shapes_that_do_not_fit_are_named_with_the_layer() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    for shape, place in (((3, 5, 5), "2"), ((2, 5, 5), "0"), ((3, 2, 2), "0")):
        with pytest.raises(gn.ShapeError, match=rf"from_torch: {place}: received rows of shape .*torch refuses"):
            from_torch(module, shape)


def test_a_module_stays_as_it_is() -> None:
    module = settled(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.ReLU(), nn.Linear(5, 2)))
    module.train()
    module[1].eval()
    module[0].weight.requires_grad_(False)
    seen: list[Any] = []
    module[4].register_full_backward_hook(lambda *given: seen.append(given))
    module(torch.randn(8, 6)).sum().backward()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    gradients = {name: None if p.grad is None else p.grad.clone() for name, p in module.named_parameters()}
    modes = [(own.training, own._forward_hooks, len(own._backward_hooks)) for own in module.modules()]
    needed = [p.requires_grad for p in module.parameters()]
    random, numpy_random, count = torch.get_rng_state(), np.random.get_state()[1].copy(), len(seen)  # type: ignore[index]
    with torch.enable_grad():
        from_torch(module)
        assert torch.is_grad_enabled()
    assert modes == [(own.training, own._forward_hooks, len(own._backward_hooks)) for own in module.modules()]
    assert needed == [p.requires_grad for p in module.parameters()]
    assert torch.equal(random, torch.get_rng_state())
    assert np.array_equal(numpy_random, np.random.get_state()[1])  # type: ignore[arg-type]
    assert len(seen) == count
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    for name, p in module.named_parameters():
        assert (p.grad is None) == (gradients[name] is None), name
        assert p.grad is None or torch.equal(p.grad, gradients[name])


def test_the_network_has_weights_of_its_own() -> None:
    module = settled(nn.Sequential(nn.Linear(6, 2)))
    net = from_torch(module)
    before = net.parameters.copy()
    with torch.no_grad():
        module[0].weight.zero_()
    np.testing.assert_array_equal(net.parameters, before)
    net.parameters[...] = 7
    assert not module[0].weight.any()


def test_autocast_and_other_defaults_change_nothing() -> None:
    module = settled(nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 2)))
    expected = from_torch(module).parameters.copy()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(from_torch(module).parameters, expected)
    torch.set_default_dtype(torch.float64)
    try:
        np.testing.assert_array_equal(from_torch(module).parameters, expected)
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.inference_mode():
        np.testing.assert_array_equal(from_torch(module).parameters, expected)


WRONG: list[tuple[str, Callable[[Any], gn.Layer], Any, tuple[int, ...]]] = [
    ("LeakyReLU", lambda m: gn.LeakyReLU(0.02), nn.LeakyReLU(0.01), ROW),
    ("GELU", lambda m: gn.GELU(), nn.GELU(approximate="tanh"), ROW),
    ("SiLU", lambda m: gn.Identity(), nn.SiLU(), ROW),
    ("Tanh", lambda m: gn.Sigmoid(), nn.Tanh(), ROW),
    ("BatchNorm1d", lambda m: gn.BatchNorm(epsilon=2e-5), nn.BatchNorm1d(6), ROW),
    ("LayerNorm", lambda m: gn.LayerNorm(epsilon=2e-5), nn.LayerNorm(6), ROW),
    ("AvgPool2d", lambda m: gn.AveragePool2D(3, stride=3, padding=1), nn.AvgPool2d(3, padding=1), IMAGE),
    ("MaxPool2d", lambda m: gn.AveragePool2D(2), nn.MaxPool2d(2), IMAGE),
    ("Flatten", lambda m: gn.Reshape((30, 4)), nn.Flatten(2), IMAGE),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_reading_that_is_wrong_is_noticed(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    name, wrong, module, shape = WRONG[number]
    monkeypatch.setitem(gn.interop.torch.modules.READERS, name, lambda m, rows: [wrong(m)])
    behind = nn.Sequential(nn.Identity(), nn.Sequential(nn.ReLU(), nn.Identity(), settled(module)))
    with pytest.raises(gn.ConfigurationError, match=rf"from_torch: 1\.2: received .* here and .* there.*of {name}\("):
        from_torch(behind, shape)


def test_layers_in_a_wrong_order_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = settled(nn.Sequential(nn.Linear(6, 6), nn.Tanh()))
    reading = gn.interop.torch.importing._joined
    monkeypatch.setattr(gn.interop.torch.importing, "_joined", lambda layers: reading(layers)[::-1])
    with pytest.raises(
        gn.ConfigurationError, match="from_torch: received .* of the network of 2 layers as of the module"
    ):
        from_torch(module)


class Halved(gn.Dense):
    """A layer of the user's own that would pass for one of glassnet's."""

    def forward(self, run: Any, x: Any, *, training: bool) -> Any:
        y, cache = super().forward(run, x, training=training)
        return y / 2, cache


def test_a_layer_that_passes_for_another_is_refused() -> None:
    net = gn.Sequential(gn.Dense(4), "tanh", Halved(3))
    net.build((6,))
    with pytest.raises(gn.ConfigurationError, match=r"to_torch: layer 2 \(Halved\(3\)\): received a forward pass"):
        to_torch(net)


def test_to_torch_notices_what_the_module_does_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    net = gn.Sequential(gn.Dense(4), "tanh", gn.Dense(3))
    net.build((6,))
    writing = gn.interop.torch.exporting.to_module
    monkeypatch.setattr(gn.interop.torch.exporting, "to_module", lambda network, nn: writing(network, nn)[:2])
    with pytest.raises(gn.ConfigurationError, match="to_torch: received .* here and .* there"):
        to_torch(net)


def test_sequences_there_and_back() -> None:
    module = settled(nn.Sequential(nn.Conv1d(4, 3, 2), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(12, 2)))
    x = rows(SEQUENCE)
    again = to_torch(from_torch(module, SEQUENCE))
    np.testing.assert_allclose(theirs(again, x), theirs(module, x), rtol=1e-5, atol=1e-5)
