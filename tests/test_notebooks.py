"""What notebooks show: results as HTML whose texts are escaped, and a curve that grows while a model learns."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium
from playground_messages import wait

import glassnet as gn
from glassnet.core.notebooks import curves_html, notebook_output


def model() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(3), gn.Tanh(), gn.Dense(1)), "mean_squared_error", gn.SGD(0.1))


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 2)), rng.normal(size=(12, 1))


def running(monkeypatch: pytest.MonkeyPatch, *, kernel: object) -> list[str]:
    """An IPython that keeps what it is told to show, as far as it is asked for here."""
    shown: list[str] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=kernel)  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]

    def first(text: str, *, display_id: bool) -> Any:
        assert display_id
        shown.append(text)
        return SimpleNamespace(update=shown.append)

    display.display = first  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_fit_shows_a_curve_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = running(monkeypatch, kernel=object())
    x, y = data()
    history = model().fit(x, y, epochs=5, validation_data=(x, y))
    assert shown
    assert "epoch 5/5" in shown[-1]
    for name in ("loss", "val_loss"):
        assert f"{name} {history[name][-1]:.4g}" in shown[-1]
    assert shown[-1].count("<path") == 3  # the axes and two curves
    before = len(shown)
    model().fit(x, y, verbose=False)
    assert len(shown) == before


def test_ipython_in_a_terminal_and_none_at_all_are_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, kernel=None)
    assert notebook_output() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook_output() is None
    assert "IPython" not in sys.modules


def test_a_curve_leaves_out_what_is_no_number() -> None:
    text = curves_html("<b>", {"loss": [1.0, float("nan"), 3.0, 2.0]}, 1)
    assert "&lt;b&gt;" in text
    assert "nan" not in text
    assert text.count("M56.0") == 1


def results() -> dict[str, Any]:
    x, y = data()
    trained = model()
    trained.fit(x, y, verbose=False)
    frame = {"<i>a</i>": [1, 2, 3, 4], "town": ["<script>", "b", "<script>", "b"], "y": [1.5, 2.5, 3.5, 9.5]}
    named = gn.Model(gn.Sequential(gn.Dense(2), gn.Dense(1)), "mean_squared_error", "sgd")
    named.fit(x, y, verbose=False)
    named.feature_names = "<i>a</i>", "b"
    return {
        "summary": trained.summary(),
        "table": gn.Table.from_data(frame, target="y"),
        "gradients": gn.check_gradients(trained.network, x),
        "diagnosis": gn.diagnose(trained, x, y),
        "diagram": gn.plots.network_diagram(named),
        "trace": gn.trace(trained, x[:2], y[:2]),
        "plan": trained.plan() or trained.summary(),
        "rates": gn.learning_rate_range(trained, x, y),
        "losses": gn.compare_losses(trained, x, y),
    }


LIGHT_OF_LETTERS = """
[...document.querySelectorAll('.glassnet :is(p, td, th, pre, text, span)')].map(own => {
  const pen = document.createElement('canvas').getContext('2d');
  const style = getComputedStyle(own);
  pen.fillStyle = own.tagName === 'text' ? style.fill : style.color;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part, 0) / 765;
})"""
"""How light each text is, from 0 to 1."""


def test_results_show_themselves_in_light_and_dark(tmp_path: Path) -> None:
    found = {name: result._repr_html_() for name, result in results().items()}
    assert "<i>a" not in found["table"] + found["diagram"]
    assert "<script>" not in found["table"]
    assert "&lt;i&gt;a&lt;/i&gt;" in found["diagram"]
    assert "largest relative error" in found["gradients"]
    found["curve"] = curves_html("epoch 2/2", {"loss": [2.0, 1.0], "val_loss": [2.5, 1.5]}, 1)
    body = "".join(f"<section id='{name}'>{html}</section>" for name, html in found.items())
    head = (
        "<!doctype html><meta name=viewport content='width=device-width'>"
        "<style>body { background: Canvas; color: CanvasText } td { text-align: right }</style>"
    )
    with chromium() as browser:
        for theme, preferred in (("light", "dark"), ("dark", "light")):  # a notebook's theme is its own
            window = Opened(browser, viewport={"width": 900, "height": 800}, color_scheme=preferred)
            page = window.show(f"<style>:root {{ color-scheme: {theme} }}</style>{head}{body}", tmp_path)
            assert page.locator("#summary tbody tr").count() == 4
            assert page.evaluate("getComputedStyle(document.querySelector('#summary td')).textAlign") == "left"
            light = page.evaluate(LIGHT_OF_LETTERS)
            assert len(light) > 30
            assert all(own < 0.5 if theme == "light" else own > 0.5 for own in light), (theme, light)
            paper = page.evaluate("getComputedStyle(document.querySelector('#diagram .paper')).fill")
            assert paper == "none"
            assert window.errors == []
            window.context.close()


PAPER = "getComputedStyle(document.body).backgroundColor"


def test_the_frame_of_a_trace_is_as_light_as_the_notebook_around_it(tmp_path: Path) -> None:
    x, y = data()
    frame = gn.trace(model(), x[:2], y[:2])._repr_html_()
    with chromium() as browser:
        window = Opened(browser, color_scheme="light")
        page = window.show(f"<!doctype html><body style='background: #111; color: #ddd'>{frame}", tmp_path)
        inner = page.frames[1]
        wait(lambda: inner.evaluate(PAPER) == "rgb(18, 23, 29)")
        page.evaluate("document.body.style = 'background: #fff; color: #222'")  # the reader chooses another theme
        wait(lambda: inner.evaluate(PAPER) == "rgb(255, 255, 255)")
        page.emulate_media(color_scheme="dark")
        inner.wait_for_timeout(100)
        assert inner.evaluate(PAPER) == "rgb(255, 255, 255)"
        inner.evaluate("postMessage({ glassnetScheme: 'dark' }, '*')")  # nobody but the page around it may say so
        inner.wait_for_timeout(100)
        assert inner.evaluate(PAPER) == "rgb(255, 255, 255)"
        assert window.errors == []
        window.context.close()


def test_what_is_printed_in_a_notebook_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich would show it by itself there, and leave the string empty."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    trained = model()
    x, y = data()
    trained.fit(x, y, verbose=False)
    plan = trained.plan()
    shown = [trained.summary(), gn.trace(trained, x, y), gn.diagnose(trained, x, y), *([plan] if plan else [])]
    assert all(len(str(one)) > 50 for one in shown)
