"""Pictures for light and dark: every colour has a twin, letters can be read on either paper, in pages and notebooks."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import Opened, chromium

import glassnet as gn
from glassnet.core.svg import ON_COLOUR, on_dark, svg_of

pytest.importorskip("matplotlib")

from PIL import Image

DARK, LIGHT = (0x12, 0x17, 0x1D), (255, 255, 255)


def pictures() -> dict[str, Any]:
    x = np.random.default_rng(0).normal(size=(40, 2))
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(2)), "cross_entropy", "adam")
    history = model.fit(x, (x[:, 0] > 0).astype(int), epochs=2, validation_split=0.25, verbose=False)
    return {
        "curves": history.plot(),
        "confusion": gn.plots.plot_confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], class_names=["<b>", "dog"]),
        "boundary": gn.plots.plot_decision_boundary(model, x, (x[:, 0] > 0).astype(int), points=20),
        "roc": gn.plots.plot_roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
    }


def luminance(colour: tuple[int, ...]) -> float:
    parts = [own / 255 / 12.92 if own <= 10 else ((own / 255 + 0.055) / 1.055) ** 2.4 for own in colour]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_picture_is_drawn_once_and_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = pictures()["boundary"]
    before = figure.canvas, figure.dpi, figure.get_facecolor(), [axes.patch.get_visible() for axes in figure.axes]
    drawn = list[Any]()
    draw = type(figure).draw
    monkeypatch.setattr(type(figure), "draw", lambda own, renderer: [drawn.append(own), draw(own, renderer)][1])
    first = svg_of(figure)
    assert len(drawn) == 1
    after = figure.canvas, figure.dpi, figure.get_facecolor(), [axes.patch.get_visible() for axes in figure.axes]
    assert after == before
    assert svg_of(figure) == first


def test_every_colour_has_a_twin_that_is_told_from_dark_paper() -> None:
    for name, figure in pictures().items():
        svg = svg_of(figure)
        ElementTree.fromstring(svg)
        used = set(re.findall(r"(?:fill|stroke): var\(--c([0-9a-f]{6}), #\1\)", svg))
        assert used, name
        assert not re.search("(fill|stroke): #", svg), name
        for colour in used:
            assert f"--c{colour}:#" in svg, (name, colour)
            if colour not in ("ffffff", "b0b0b0", "cccccc"):  # the paper; grids and frames, which may be faint
                assert contrast(on_dark(f"#{colour}"), DARK) > (2.2 if colour == "b8bfc6" else 4), (name, colour)


def test_white_is_paper_and_ink_is_light() -> None:
    assert on_dark("#ffffff") == DARK
    assert contrast(on_dark("#22313f"), DARK) > 12
    assert on_dark(ON_COLOUR) == (0xFD, 0xFD, 0xFD)


def test_the_figure_stays_what_it_was() -> None:
    figure = gn.plots.plot_roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    before = figure.axes[0].patch.get_visible(), figure.get_facecolor()
    svg_of(figure)
    assert (figure.axes[0].patch.get_visible(), figure.get_facecolor()) == before


def test_figures_show_themselves_in_notebooks() -> None:
    """As HTML in the notebook's colours, and as a PNG for what shows no HTML; whatever the backend."""
    figure = pictures()["confusion"]
    shown = figure._repr_html_()
    assert shown.count("<svg") == 1
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert "currentColor" in shown
    assert "<style type" not in shown  # matplotlib's rules would hold for the whole notebook
    assert Image.open(io.BytesIO(figure._repr_png_())).size[0] > 200


def test_pictures_of_pages_follow_the_reader(tmp_path: Path) -> None:
    figures = pictures()
    drawn = {name: svg_of(figures[name]) for name in ("confusion", "roc")}
    blocks = gn.Sequential(gn.Residual(gn.Dense(3)), gn.Concat(gn.Dense(1), gn.Dense(2)))
    blocks.build((3,))
    small = gn.Sequential(gn.Dense(2), gn.Tanh(), gn.Dense(1))
    small.build((3,))
    drawn |= {"blocks": gn.plots.network_diagram(blocks), "units": gn.plots.network_diagram(small)}
    images = "".join(
        f'<img id="{name}" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'
        for name, svg in drawn.items()
    )
    style = ":root { color-scheme: light dark } body { background: light-dark(#fff, #12171d) } img { height: 200px }"
    head = f"<!doctype html><style>{style}</style>"
    with chromium() as browser:
        for scheme, paper in (("light", LIGHT), ("dark", DARK)):
            window = Opened(browser, viewport={"width": 900, "height": 500}, color_scheme=scheme)
            page = window.show(head + images, tmp_path)
            for name in drawn:
                png = page.locator(f"#{name}").screenshot()
                pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
                assert tuple(pixels[len(pixels) // 100]) == paper, (scheme, name)  # near the upper edge
                found, counts = np.unique(pixels, axis=0, return_counts=True)
                assert tuple(found[counts.argmax()]) == paper or name == "confusion", (scheme, name)
                ink = max(contrast(tuple(own), paper) for own in found)
                assert ink > 8, (scheme, name)
            assert window.errors == []
            window.context.close()
