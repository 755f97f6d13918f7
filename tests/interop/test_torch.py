"""PyTorch: modules in both directions, and the weights of a state_dict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interop.networks import attempt, models, rows_for, settled
from safetensors.numpy import save_file

import glassnet as gn
from glassnet.interop import from_torch, load_state, to_torch


def outputs(net: gn.Network, rows: np.ndarray) -> np.ndarray:
    return net.forward(gn.NumpyRunner(), rows, training=False)[0]


def theirs(module: Any, rows: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return module(torch.from_numpy(rows)).numpy()


@pytest.mark.parametrize("name", [name for name, _ in models("float64")])
def test_every_layer_that_torch_has(name: str) -> None:
    pytest.importorskip("torch")
    model = dict(models("float64"))[name]
    missing = [layer for _, layer in model.network.walk() if is_missing_there(layer)]
    module, refusal = attempt(lambda: to_torch(model))
    if isinstance(model.network, gn.Graph):
        assert module is None
        assert "received a Graph with the nodes" in refusal
        return
    if module is None or missing:
        assert module is None, missing
        assert f"layer {missing[0].path}: received {missing[0]!r}" in refusal
        return
    rows = rows_for(model)
    expected = model.predict(rows)
    np.testing.assert_allclose(theirs(module, rows), expected, rtol=1e-9, atol=1e-10)
    again, refusal = attempt(lambda: from_torch(module, model.network.input_shape))
    unknown = [type(own).__name__ for own in module.modules() if type(own).__name__ in NOT_READ]
    if again is None or unknown:
        assert again is None, unknown
        assert f"received {unknown[0]}(" in refusal
        return
    # A module without parameters has no dtype, and so float32's.
    tolerance = 1e-9 if again.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(outputs(again, rows), expected, rtol=tolerance, atol=tolerance)


NOT_READ = ("Residual", "Tied")
"""What ``to_torch`` makes and ``from_torch`` does not read."""


def is_missing_there(layer: gn.Layer) -> bool:
    """Sequences lie otherwise there, uneven borders and branches that are joined have no module."""
    name, axes = type(layer).__name__, len(layer.input_shape or ())
    if name in ("MaxPool2D", "AveragePool2D", "ConvTranspose2D"):
        return getattr(layer, "padding", None) == "same"
    if name in ("BatchNorm", "GlobalAveragePool", "GlobalMaxPool"):
        return axes == 2
    if name == "SelfAttention":
        return bool(layer.settings()["rotary"])
    return name in ("Augment", "AveragePool1D", "Concat", "Conv1D", "MaxPool1D")


def test_most_layers_are_there() -> None:
    """That the rule above does not excuse everything."""
    refused = {name for name, model in models() if any(is_missing_there(layer) for _, layer in model.network.walk())}
    kinds = {name.split("-")[0] for name, _ in models()}
    assert kinds - {name.split("-")[0] for name in refused} >= {
        "Dense", "Conv2D", "LayerNorm", "GroupNorm", "Softmax", "UpSample2D", "ZeroPad2D", "Residual", "resnet",
        "vgg_bn", "SimpleRNN", "LSTM", "GRU",
    }  # fmt: skip
    assert len(refused) <= 25


def test_a_module_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 4), nn.Softmax(dim=1),
    ).eval()  # fmt: skip
    rows = np.random.default_rng(0).normal(size=(5, 3, 12, 14)).astype(np.float32)
    net = from_torch(module, (3, 12, 14))
    np.testing.assert_allclose(outputs(net, rows), theirs(module, rows), rtol=1e-4, atol=1e-6)
    assert from_torch(nn.Sequential(nn.Linear(6, 2))).input_shape == (6,)
    with pytest.raises(gn.ShapeError, match="no input_shape"):
        from_torch(module)
    with pytest.raises(gn.ConfigurationError, match=r"1\.0.*LSTMCell"):
        from_torch(nn.Sequential(nn.Linear(6, 2), nn.Sequential(nn.LSTMCell(2, 2))), 6)
    with pytest.raises(gn.NotBuiltError):
        to_torch(gn.Sequential(gn.Dense(2)))


def test_embeddings_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    module = nn.Sequential(nn.Embedding(7, 3, padding_idx=2), nn.Flatten(), nn.Linear(12, 2)).eval()
    numbers = np.random.default_rng(0).integers(0, 7, (5, 4))
    net = from_torch(module, (4,))
    assert repr(net.layers[0]) == "Embedding(7, 3)"
    np.testing.assert_allclose(outputs(net, numbers), theirs(module, numbers), rtol=1e-5, atol=1e-6)
    again = to_torch(net)
    np.testing.assert_allclose(theirs(again, numbers), theirs(module, numbers), rtol=1e-5, atol=1e-6)  # whole numbers
    np.testing.assert_array_equal(again.state_dict()["0.weight"].numpy(), module.state_dict()["0.weight"].numpy())
    with pytest.raises(gn.ConfigurationError, match="max_norm"):
        from_torch(nn.Sequential(nn.Embedding(7, 3, max_norm=1.0)), (4,))


def state_of(net: gn.Network, names: dict[str, str]) -> dict[str, np.ndarray]:
    """As torch.nn would save it."""
    kinds = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}
    found = {}
    for path, array in net.named_parameters():
        layer, _, name = path.rpartition(".")
        values = array.T if array.ndim == 2 else array
        found[f"{names[layer]}.{kinds.get(name, name)}"] = np.ascontiguousarray(values)
    return found


def net_of(seed: int) -> gn.Network:
    net = gn.Sequential(gn.Conv2D(4, 3), gn.BatchNorm(), "relu", gn.Flatten(), gn.Dense(5), "relu", gn.Dense(5))
    net.build((2, 6, 5), seed=seed)
    return settled(net, seed)


def test_a_state_by_order_and_by_name(tmp_path: Path) -> None:
    source, path = net_of(1), tmp_path / "state.safetensors"
    state = state_of(source, {"0": "0", "1": "1", "4": "4", "6": "10"})
    save_file(state | {"1.num_batches_tracked": np.array(3)}, path)
    net = net_of(2)
    load_state(net, path)
    np.testing.assert_array_equal(net.parameters, source.parameters)
    names = {"0": "features.conv", "1": "features.norm", "4": "head.a", "6": "head.b"}
    save_file(state_of(source, names), path)
    net = net_of(3)
    load_state(net, path, names)
    np.testing.assert_array_equal(net.parameters, source.parameters)


def test_states_that_do_not_fit(tmp_path: Path) -> None:
    net, path = net_of(1), tmp_path / "state.safetensors"
    before = net.parameters.copy()
    state = state_of(net_of(2), {"0": "0", "1": "1", "4": "4", "6": "10"})
    save_file(state | {"11.weight": np.zeros(2)}, path)
    with pytest.raises(gn.ConfigurationError, match="5 groups of weights"):
        load_state(net, path)
    save_file(state, path)
    with pytest.raises(gn.ConfigurationError, match="prefix 'conv'"):
        load_state(net, path, {"0": "conv", "1": "1", "4": "4", "6": "10"})
    with pytest.raises(gn.ConfigurationError, match="one for each of the 4 layers"):
        load_state(net, path, {"0": "0"})
    save_file(state | {"10.weight": np.zeros((5, 4), np.float32)}, path)
    with pytest.raises(gn.ShapeError, match=r"10: received weight of shape \(5, 4\)"):
        load_state(net, path)
    del state["10.bias"]
    save_file(state, path)
    with pytest.raises(gn.ShapeError, match="use_bias"):
        load_state(net, path)
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(gn.FileFormatError):
        load_state(net, path)
    with pytest.raises(gn.MissingFileError):
        load_state(net, tmp_path / "missing")
    with pytest.raises(gn.NotBuiltError):
        load_state(gn.Sequential(gn.Dense(1)), path)
    np.testing.assert_array_equal(net.parameters, before)


def test_what_is_shared_and_frozen_is_so_in_torch() -> None:
    pytest.importorskip("torch")
    shared = gn.Dense(4)
    net = gn.Sequential(shared, gn.Tanh(), gn.Residual(shared), gn.BatchNorm(), gn.Dense(3))
    net.build(4)
    net[3].freeze()
    net[4].bias.trainable = False
    module = gn.to_torch(net)
    assert {name: p.requires_grad for name, p in module.named_parameters()} == {
        "0.weight": True,
        "0.bias": True,
        "3.weight": False,
        "3.bias": False,
        "4.weight": True,
        "4.bias": False,
    }
    assert module[2].residual[0].weight is module[0].weight
