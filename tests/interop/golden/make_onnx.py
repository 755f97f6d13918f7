"""Writes ONNX files as PyTorch and scikit-learn's users have them, and what their makers predict.

Run it with a Python that has torch, onnxscript, scikit-learn and skl2onnx:
``python tests/interop/golden/make_onnx.py``. PyTorch's are written by ``torch.onnx.export(module, (x,), path)`` with
nothing set, some with their weights in a file beside them; scikit-learn's by ``skl2onnx.to_onnx(model, x[:1])``.
``expected.npz`` has rows ``name.x`` and ``name.y``, what the module gives or ``predict_proba`` and ``predict`` do, and
``versions``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


def torch_files() -> dict[str, np.ndarray]:
    """Modules in evaluation, with running statistics of their own."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    modules: dict[str, tuple[Any, tuple[int, ...]]] = {
        "torch_mlp": (nn.Sequential(nn.Linear(4, 8), nn.ReLU6(), nn.Linear(8, 3), nn.Softmax(dim=1)), (5, 4)),
        "torch_activations": (
            nn.Sequential(
                nn.Linear(4, 6), nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.ELU(0.5), nn.LeakyReLU(0.2),
                nn.Hardtanh(-0.5, 0.9), nn.Softplus(), nn.LayerNorm(6), nn.Dropout(0.3), nn.PReLU(),
            ),
            (3, 4),
        ),
        "torch_images": (
            nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(4, 6, 3, stride=2, bias=False), nn.GroupNorm(2, 6), nn.AvgPool2d(2, padding=1),
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2),
            ),
            (2, 3, 12, 10),
        ),
        "torch_sequences": (
            nn.Sequential(
                nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 6, 3),
                nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 2),
            ),
            (2, 3, 12),
        ),
        "torch_words": (nn.Sequential(nn.Embedding(6, 3), nn.Flatten(), nn.Linear(12, 2)), (2, 4)),
    }  # fmt: skip
    found: dict[str, np.ndarray] = {}
    for name, (module, shape) in modules.items():
        for own in module.modules():
            if hasattr(own, "running_var"):
                nn.init.normal_(own.running_mean)
                nn.init.uniform_(own.running_var, 0.5, 2)
        module.eval()
        x = torch.randint(0, 6, shape) if name == "torch_words" else torch.randn(shape)
        path = HERE / f"{name}.onnx"
        torch.onnx.export(module, (x,), str(path), verbose=False)
        beside = Path(f"{path}.data")
        if beside.exists() and not beside.stat().st_size:
            beside.unlink()
        with torch.no_grad():
            found |= {f"{name}.x": x.numpy(), f"{name}.y": module(x).numpy()}
    return found


def torch_sequence_files() -> dict[str, np.ndarray]:
    """Recurrences and encoders, whose number of rows is free."""
    import onnx
    import torch
    from torch import nn

    class Recurrences(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.GRU(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.2)
            self.two = nn.LSTM(8, 3, batch_first=True, bidirectional=True)
            self.end = nn.Linear(6, 2)

        def forward(self, x: Any) -> Any:
            y, _ = self.one(x)
            _, (hidden, _) = self.two(y)
            return self.end(torch.cat((hidden[-2], hidden[-1]), dim=1))

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(4, 2, 6, activation="gelu", norm_first=True, batch_first=True)
            self.words = nn.Embedding(6, 4)
            self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4), enable_nested_tensor=False)
            self.end = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            return self.end(self.encoder(self.words(x), mask, is_causal=True))

    torch.manual_seed(1)
    found: dict[str, np.ndarray] = {}
    for name, module, x in (
        ("torch_recurrences", Recurrences(), torch.randn(3, 5, 3)),
        ("torch_encoder", Encoder(), torch.randint(0, 6, (3, 5))),
    ):
        module.eval()
        free = ({0: torch.export.Dim("rows")},)
        path = str(HERE / f"{name}.onnx")
        torch.onnx.export(module, (x,), path, verbose=False, external_data=False, dynamic_shapes=free)
        proto = onnx.load(path)
        for part in (proto, proto.graph, *proto.graph.node, *proto.graph.value_info):
            del part.metadata_props[:]  # from where in the program each came
        onnx.save(proto, path)
        with torch.no_grad():
            found |= {f"{name}.x": x.numpy(), f"{name}.y": module(x).numpy()}
    return found


def sklearn_files() -> dict[str, np.ndarray]:
    """Classifiers of three and two classes and of several labels, with names and without; regressors; pipelines."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    rng = np.random.default_rng(0)
    x = (rng.normal(size=(60, 4)) * [1, 2, 0.5, 30] + [0, 5, -2, 100]).astype(np.float32)
    three = rng.integers(0, 3, 60)
    settings: dict[str, Any] = {"max_iter": 300, "random_state": 0}
    models: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "sklearn_three": (MLPClassifier((5,), **settings), three, {}),
        "sklearn_two": (MLPClassifier((5,), activation="tanh", **settings), three > 0, {"zipmap": False}),
        "sklearn_words": (
            MLPClassifier((5, 3), activation="logistic", **settings), np.array(["a", "b,c", "d"])[three], {},
        ),
        "sklearn_labels": (MLPClassifier((5,), **settings), np.eye(3, dtype=int)[three], {}),
        "sklearn_number": (MLPRegressor(hidden_layer_sizes=(5,), **settings), x[:, 0], {}),
        "sklearn_numbers": (MLPRegressor(hidden_layer_sizes=(5,), activation="identity", **settings), x[:, :2], {}),
        "sklearn_scaled": (make_pipeline(StandardScaler(), MLPClassifier((5,), **settings)), three, {}),
        "sklearn_ranged": (
            make_pipeline(MinMaxScaler(), MLPRegressor(hidden_layer_sizes=(5,), **settings)), x[:, 0], {},
        ),
    }  # fmt: skip
    found: dict[str, np.ndarray] = {}
    for name, (model, y, options) in models.items():
        model.fit(x, y)
        proto = to_onnx(model, x[:1], options={id(model): options} if options else None)
        (HERE / f"{name}.onnx").write_bytes(proto.SerializeToString())
        answer = model.predict_proba(x) if hasattr(model, "predict_proba") else model.predict(x).reshape(60, -1)
        found |= {f"{name}.x": x, f"{name}.y": answer}
    return found


def main() -> None:
    """Writes all of it."""
    import skl2onnx
    import sklearn
    import torch

    versions = [f"{m.__name__} {m.__version__}" for m in (torch, sklearn, skl2onnx)]
    np.savez_compressed(
        HERE / "expected.npz", versions=np.array(versions), **torch_files(), **torch_sequence_files(), **sklearn_files()
    )


if __name__ == "__main__":
    main()
