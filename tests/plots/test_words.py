"""Words inside pictures: in the language that was chosen, with a font that has its letters, or in English."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core import drawing

pytest.importorskip("matplotlib")

from figures import assert_texts_are_apart
from matplotlib.figure import Figure
from matplotlib.text import Text

CHINESE = re.compile("[\u4e00-\u9fff]")
NAMES = re.compile(
    r"Conv2D\(2, 3\)|ReLU\(\)|LSTM(\(3\))?|SimpleRNN|(Self)?Attention\(1?\)|ReLU|Dense|Reshape|Flatten|Conv2D|ROC|"
    r"sigmoid|tanh|weight|bias|cat|dog|x\d|δ|Δθ|θ|L|h|c|i|f|g|o|n|N|None"
)
"""What is no English word: names in code, signs of formulas, names from data."""
CROWDED = "plot_watch", "plot_gates", "plot_mistakes"
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.normal(size=(12, 36)), np.arange(12) % 2
ROWS, STEPS = RNG.normal(size=(12, 2)), RNG.normal(size=(12, 5, 2))


@pytest.fixture(autouse=True)
def _fonts() -> Iterator[None]:
    drawing.chinese_font.cache_clear()
    yield
    drawing.chinese_font.cache_clear()


@pytest.fixture(scope="module")
def pictures() -> dict[str, Callable[[], Figure]]:
    """Every function that draws with matplotlib, on something small."""
    plots, watch, models = gn.plots, gn.Watch(), {}
    layers: dict[str, tuple[Any, Any]] = {
        "images": (IMAGES, [gn.Reshape((1, 6, 6)), gn.Conv2D(2, 3), gn.ReLU(), gn.Flatten(), gn.Dense(2)]),
        "rows": (ROWS, [gn.Dense(3), gn.ReLU(), gn.Dense(2)]),
        "gates": (STEPS, [gn.LSTM(3), gn.Dense(2)]),
        "attention": (STEPS, [gn.SelfAttention(1), gn.GlobalAveragePool(), gn.Dense(2)]),
        "pool": (STEPS, [gn.Attention(), gn.Dense(2)]),
    }
    for name, (x, parts) in layers.items():
        models[name] = gn.Model(gn.Sequential(*parts), "cross_entropy", "adam", metrics=["accuracy"])
        watching = [watch] if name == "images" else []
        models[name].fit(x, LABELS, verbose=False, callbacks=watching)
    history = models["rows"].fit(ROWS, LABELS, epochs=2, validation_data=(ROWS, LABELS), verbose=False)
    amounts = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "adam")
    amounts.fit(ROWS, ROWS[:, :1], verbose=False)
    windows = gn.data.windows(np.sin(np.arange(40.0)), past=8, future=3)
    shares = np.clip(LABELS * 0.4 + 0.3 + 0.2 * RNG.normal(size=12), 0, 1)
    test = gn.learning_rate_range(models["rows"], ROWS, LABELS)
    return {
        "History.plot": history.plot,
        "Watch.plot": watch.plot,
        "plot_attention": lambda: plots.plot_attention(models["attention"], STEPS[0]),
        "plot_attention, pooled": lambda: plots.plot_attention(models["pool"], STEPS[0]),
        "plot_calibration": lambda: plots.plot_calibration(LABELS, shares),
        "plot_confusion_matrix": lambda: plots.plot_confusion_matrix(LABELS, LABELS[::-1], class_names=["cat", "dog"]),
        "plot_decision_boundary": lambda: plots.plot_decision_boundary(models["rows"], ROWS, LABELS, points=5),
        "plot_decision_boundary, amounts": lambda: plots.plot_decision_boundary(amounts, ROWS, points=5),
        "plot_distributions": lambda: plots.plot_distributions(watch, "gradients"),
        "plot_feature_maps": lambda: plots.plot_feature_maps(models["images"], IMAGES[0]),
        "plot_filters": lambda: plots.plot_filters(models["images"]),
        "plot_forecast": lambda: plots.plot_forecast(windows.errors(windows.y)),
        "plot_gates": lambda: plots.plot_gates(models["gates"], STEPS[0]),
        "plot_gradient_by_step": lambda: plots.plot_gradient_by_step(models["gates"], STEPS, LABELS),
        "plot_gradient_flow": lambda: plots.plot_gradient_flow(watch),
        "plot_learning_rate_range": lambda: plots.plot_learning_rate_range(test, rate=0.1),
        "plot_loss_surface": lambda: plots.plot_loss_surface(models["rows"], ROWS, LABELS, points=3),
        "plot_mistakes": lambda: plots.plot_mistakes(models["images"], IMAGES, LABELS, count=2),
        "plot_precision_recall": lambda: plots.plot_precision_recall(LABELS, shares),
        "plot_residuals": lambda: plots.plot_residuals(ROWS, ROWS + 1),
        "plot_roc": lambda: plots.plot_roc(LABELS, shares),
        "plot_update_ratios": lambda: plots.plot_update_ratios(watch),
        "plot_watch": lambda: plots.plot_watch(watch),
    }


def words(figure: Figure) -> list[str]:
    """All that is written in a picture, ticks aside."""
    ticks = {id(own) for axes in figure.axes for own in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    found = [own for own in figure.findobj(Text) if isinstance(own, Text) and id(own) not in ticks]
    return [own.get_text() for own in found if own.get_text() and not own.get_text().startswith("$")]


def english(figure: Figure) -> list[str]:
    """Texts with words that are neither Chinese nor names."""
    return [text for text in words(figure) if re.search("[A-Za-z]", NAMES.sub("", text))]


def test_every_picture_is_among_them(pictures: dict[str, Callable[[], Figure]]) -> None:
    drawn = {name for name in gn.plots.__all__ if name.startswith("plot_")}
    assert drawn <= {name.partition(",")[0] for name in pictures}


def test_pictures_speak_chinese(pictures: dict[str, Callable[[], Figure]]) -> None:
    if drawing.chinese_font() is None:
        pytest.skip("no font with Chinese letters")
    for name, draw in pictures.items():
        gn.set_language("zh")
        figure = draw()
        assert any(CHINESE.search(text) for text in words(figure)), name
        assert not english(figure), (name, english(figure))
        if name in CROWDED:
            assert_texts_are_apart(figure)
        gn.set_language("en")
        assert not any(CHINESE.search(text) for text in words(draw())), name


def test_diagrams_speak_chinese() -> None:
    gn.set_language("zh")
    net = gn.Sequential(gn.Dense(2), gn.ReLU(), gn.Dense(1))
    net.build((3,))
    drawn = gn.plots.network_diagram(net)
    assert all(own in drawn for own in (">输入<", ">第 2 层<", ">正权重<", "<title>单元 0，偏置 0</title>"))
    blocks = gn.Sequential(gn.Residual(gn.Dense(3)), gn.Concat(gn.Dense(1), gn.Dense(2)), gn.Softmax())
    blocks.build((3,))
    drawn = gn.plots.network_diagram(blocks)
    assert all(own in drawn for own in (">输入 (N, 3)<", ">拼接<", ">(N, 1), 4 个参数<", ">输出 (N, 3)<"))


def test_names_from_data_stay_what_they_are_and_have_letters() -> None:
    """A class called "training" is no word of ours; one in Chinese is drawn without boxes in English, too."""
    if drawing.chinese_font() is None:
        pytest.skip("no font with Chinese letters")
    gn.set_language("zh")
    figure = gn.plots.plot_confusion_matrix([0, 1], [0, 1], class_names=["training", "猫"])
    assert [own.get_text() for own in figure.axes[0].get_yticklabels()] == ["training", "猫"]
    gn.set_language("en")
    figure = gn.plots.plot_confusion_matrix([0, 1], [0, 1], class_names=["training", "猫"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of letters that its font has not
        assert_texts_are_apart(figure)


def test_without_a_font_words_stay_english_and_one_warning_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_installed", lambda: None)
    gn.set_language("zh")
    with pytest.warns(UserWarning, match="apt install fonts-noto-cjk") as caught:
        figures = [gn.plots.plot_roc([0, 1], [0.2, 0.8]) for _ in range(2)]
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "Noto Sans CJK SC" in str(caught[0].message)
    assert CHINESE.search(str(caught[0].message))
    assert all(figure.get_suptitle() == "area under the ROC curve 1.000" for figure in figures)
    with drawing.for_a_page("zh"):  # whose reader's browser has fonts
        assert gn.plots.plot_roc([0, 1], [0.2, 0.8]).get_suptitle() == "ROC 曲线下面积 1.000"


def test_a_font_with_one_box_for_all_letters_is_none() -> None:
    from matplotlib.font_manager import fontManager

    files = {entry.name: entry.fname for entry in fontManager.ttflist}
    assert not drawing._has_signs(files["DejaVu Sans"])
    assert not drawing._has_signs(__file__)
    if "Last Resort High-Efficiency" in files:
        assert not drawing._has_signs(files["Last Resort High-Efficiency"])


def test_a_picture_of_a_page_speaks_the_language_of_the_page() -> None:
    with drawing.for_a_page("zh"):
        assert drawing.worded("true class") == "真实类别"
    assert drawing.worded("true class") == "true class"
    gn.set_language("zh")
    with drawing.for_a_page("en"):
        assert drawing.worded("true class") == "true class"
