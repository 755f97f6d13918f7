"""Makes docs/gallery.md and its Chinese form, each picture that the library draws, and its images: ``make gallery``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.playground.texts import FRUITS

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = DOCS / "images" / "gallery"
HEAD = """# Gallery

Every picture that glassnet draws, each with the call that makes it. All of them return a matplotlib figure and take
`path="picture.png"` (or .svg, .pdf); the network diagram is SVG of its own. `pip install "glassnet[plots]"`.

Warm is positive and cold is negative, as on the page of a trace; green is what is never negative, such as a share. 0 is
the paper. In a notebook each picture shows itself, light or dark as the notebook is; `model.fit` draws its curve there
while it goes on, and summaries, tables, diagnoses and checks of gradients are shown as tables. Their words follow
[the language](languages.md).

`make gallery` makes this page: the models are a small convolutional network on the built-in digits, a network with two
hidden layers on two spirals, one that predicts a curved surface, and some that read the names of fruits letter by
letter or a noisy signal.

[中文](gallery.zh-CN.md)
"""
HEAD_CHINESE = """# 图册

glassnet 能画的每一种图，连同画它的那行代码。它们都返回 matplotlib 的 figure，也都可以写
`path="picture.png"`（或 .svg、.pdf）；网络图是自己生成的 SVG。先装 `pip install "glassnet[plots]"`。

暖色为正，冷色为负，与追踪页面一样；绿色表示不会为负的量，例如比例。0 就是纸的颜色。
在 notebook 里，图会自己显示出来，深浅随 notebook 的主题；`model.fit` 边训练边画曲线，
网络摘要、表格、诊断和梯度检查显示为表格。图中文字用哪种语言，见[两种语言](languages.zh-CN.md)。

这一页由 `make gallery` 生成。所用的模型：内置手写数字上的一个小卷积网络，两条螺旋上带两个隐藏层的网络，
预测一个曲面的网络，以及几个逐字母读水果名、或读带噪声信号的网络。

[English](gallery.md)
"""
CHINESE = {
    "Learning curves": "学习曲线",
    "Network diagram": "网络图",
    "Diagram of a large network": "大网络的示意图",
    "Decision boundary": "决策边界",
    "Predicted amounts over two inputs": "两个输入上的预测值",
    "Confusion matrix": "混淆矩阵",
    "The surest mistakes": "最有把握的错误",
    "ROC curve": "ROC 曲线",
    "Precision and recall": "精确率与召回率",
    "Calibration": "概率校准",
    "Predicted amounts and errors": "预测值与误差",
    "Filters of the first layer": "第一层的滤波器",
    "Feature maps of one image": "一张图的特征图",
    "A training, watched": "观察一次训练",
    "Activations and δ over time": "激活值与 δ 随时间的变化",
    "Gradient flow": "梯度流",
    "Updates beside weights": "更新量与权重之比",
    "Learning-rate range test": "学习率范围测试",
    "Loss around the weights": "权重周围的损失",
    "Which letter looks at which": "哪个字母注意哪个字母",
    "Gates over time": "各个门随时间的变化",
    "How far back a gradient reaches": "梯度能传回多远",
}
"""The titles in Chinese; one that is missing is an error."""
Entry = tuple[str, str, str, Any]
"""A file's name, a title, the call, and the figure or SVG."""


def spirals(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    turn, arm = rng.uniform(0.3, 3 * np.pi, rows), rng.integers(0, 2, rows)
    points = np.stack([turn * np.cos(turn + np.pi * arm), turn * np.sin(turn + np.pi * arm)], axis=1)
    return points / 6 + 0.04 * rng.normal(size=(rows, 2)), arm


def language_model(*layers: gn.Layer) -> gn.Model:
    letters = gn.text.Characters.from_data(FRUITS.split())
    net = gn.Sequential(gn.Embedding(len(letters), 16), *layers, gn.Dense(len(letters)))
    model = gn.Model(net, "cross_entropy", gn.Adam(0.01))
    model.vocabulary = letters
    model.fit(*letters.next_tokens(FRUITS.split(), context=13), epochs=150, batch_size=16, verbose=False)
    return model


def remembering_models(x: np.ndarray, y: np.ndarray) -> dict[str, gn.Model]:
    layers = {"SimpleRNN": gn.SimpleRNN(16), "LSTM": gn.LSTM(16), "LSTM, forget_bias=4": gn.LSTM(16, forget_bias=4)}
    found = {}
    for name, layer in layers.items():
        found[name] = gn.Model(gn.Sequential(layer, gn.Dense(2)), "cross_entropy", gn.Adam(0.003))
        found[name].fit(x, y, epochs=1, verbose=False)
    return found


def pictures() -> Iterator[Entry]:
    digits = gn.data.digits()
    training, test = gn.data.split(digits, 0.25)
    x, y, xt, yt = training.x / 16, training.y, test.x / 16, test.y
    layers = (gn.Reshape((1, 8, 8)), gn.Conv2D(16, 3, padding="same"), gn.ReLU(), gn.MaxPool2D(2), gn.Flatten())
    cnn = gn.Model(gn.Sequential(*layers, gn.Dense(10)), "cross_entropy", gn.Adam(3e-3), metrics=["accuracy"])
    watch = gn.Watch(every=10)
    history = cnn.fit(x, y, epochs=12, validation_data=(xt, yt), callbacks=[watch], verbose=False)
    points, arms = spirals()
    net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(8), gn.Tanh(), gn.Dense(1))
    spiral = gn.Model(net, "binary_cross_entropy", gn.Adam(0.02), metrics=["accuracy"])
    spiral.fit(points, arms[:, None], epochs=300, verbose=False)
    heights = np.sin(3 * points[:, :1]) + points[:, 1:] + 0.1 * np.random.default_rng(1).normal(size=(len(points), 1))
    surface = gn.Model(gn.Sequential(gn.Dense(32), gn.Tanh(), gn.Dense(1)), "mean_squared_error", gn.Adam(0.01))
    surface.fit(points, heights, epochs=150, verbose=False)
    plots = gn.plots

    yield "learning-curves", "Learning curves", "history.plot()", history.plot()
    call = "plots.network_diagram(network)"
    yield "network-diagram", "Network diagram", call, plots.network_diagram(spiral.network)
    large = gn.Sequential(
        gn.Conv2D(16, 3, padding="same"), gn.Residual(gn.Conv2D(16, 3, padding="same"), gn.BatchNorm())
    )
    large.add(gn.ReLU())
    large.build((3, 32, 32))
    yield "block-diagram", "Diagram of a large network", call, plots.network_diagram(large)
    call = "plots.plot_decision_boundary(model, x, y)"
    yield "decision-boundary", "Decision boundary", call, plots.plot_decision_boundary(spiral, points, arms)
    yield "surface", "Predicted amounts over two inputs", call, plots.plot_decision_boundary(surface, points, heights)
    call = "plots.plot_confusion_matrix(model, x, y)"
    yield "confusion-matrix", "Confusion matrix", call, plots.plot_confusion_matrix(cnn, xt, yt)
    yield (
        "mistakes",
        "The surest mistakes",
        "plots.plot_mistakes(model, x, y)",
        plots.plot_mistakes(cnn, xt, yt, count=6),
    )
    noisy = points + 0.15 * np.random.default_rng(2).normal(size=points.shape)
    yield "roc", "ROC curve", "plots.plot_roc(model, x, y)", plots.plot_roc(spiral, noisy, arms)
    call = "plots.plot_precision_recall(model, x, y)"
    yield "precision-recall", "Precision and recall", call, plots.plot_precision_recall(spiral, noisy, arms)
    yield "calibration", "Calibration", "plots.plot_calibration(model, x, y)", plots.plot_calibration(cnn, xt, yt)
    call = "plots.plot_residuals(model, x, y)"
    yield "residuals", "Predicted amounts and errors", call, plots.plot_residuals(surface, points, heights)
    yield "filters", "Filters of the first layer", "plots.plot_filters(model)", plots.plot_filters(cnn)
    call = "plots.plot_feature_maps(model, image)"
    yield "feature-maps", "Feature maps of one image", call, plots.plot_feature_maps(cnn, xt[0])
    yield "watch", "A training, watched", "gn.Watch().plot()", watch.plot()
    call = "plots.plot_distributions(watch)"
    yield "distributions", "Activations and δ over time", call, plots.plot_distributions(watch)
    yield "gradient-flow", "Gradient flow", "plots.plot_gradient_flow(watch)", plots.plot_gradient_flow(watch)
    yield "update-ratios", "Updates beside weights", "plots.plot_update_ratios(watch)", plots.plot_update_ratios(watch)
    test_of_rates = gn.learning_rate_range(cnn, x, y)
    call = "plots.plot_learning_rate_range(gn.learning_rate_range(model, x, y), rate=0.003)"
    figure = plots.plot_learning_rate_range(test_of_rates, rate=0.003)
    yield "learning-rate-range", "Learning-rate range test", call, figure
    call = "plots.plot_loss_surface(model, x, y)"
    yield "loss-surface", "Loss around the weights", call, plots.plot_loss_surface(spiral, points, arms[:, None])
    call = 'plots.plot_attention(model, "strawberry")'
    reader = language_model(gn.PositionalEncoding(), gn.TransformerBlock(2, 16, causal=True))
    yield "attention", "Which letter looks at which", call, plots.plot_attention(reader, "strawberry")
    call = 'plots.plot_gates(model, "strawberry")'
    reader = language_model(gn.LSTM(16, return_sequences=True))
    yield "gates", "Gates over time", call, plots.plot_gates(reader, "strawberry")
    signal = np.random.default_rng(0).normal(size=(200, 50, 1))
    began = (signal[:, 0, 0] > 0).astype(int)
    call = 'plots.plot_gradient_by_step({"SimpleRNN": rnn, "LSTM": lstm}, x, y)'
    figure = plots.plot_gradient_by_step(remembering_models(signal, began), signal, began)
    yield "gradient-by-step", "How far back a gradient reaches", call, figure


def section(title: str, call: str, file: Path) -> str:
    """One picture on the page."""
    return f"## {title}\n\n```python\n{call}\n```\n\n![{title}](images/gallery/{file.name})\n"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    english, chinese = [HEAD], [HEAD_CHINESE]
    for name, title, call, figure in pictures():
        if isinstance(figure, str):
            file = IMAGES / f"{name}.svg"
            file.write_text(figure)
        else:
            file = IMAGES / f"{name}.png"
            figure.savefig(file, dpi=110)
        english.append(section(title, call, file))
        chinese.append(section(CHINESE[title], call, file))
        print(file.relative_to(DOCS.parent))
    (DOCS / "gallery.md").write_text("\n".join(english), encoding="utf-8")
    (DOCS / "gallery.zh-CN.md").write_text("\n".join(chinese), encoding="utf-8")


if __name__ == "__main__":
    main()
