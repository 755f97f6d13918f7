"""The network diagram: every neuron a circle, every weight a line whose width tells its size."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import glassnet as gn

SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: Path | None = None, title: str = "") -> tuple[ElementTree.Element, gn.Network]:
    weight = np.array([[1.0, -2.0], [0.0, 0.5], [4.0, 1.0]])
    net = gn.Sequential(gn.Dense(2, weight_init=weight), gn.Sigmoid(), gn.Dense(1, use_bias=False))
    net.build((3,), dtype="float64")
    return ElementTree.fromstring(gn.plots.network_diagram(net, path, title=title)), net


def test_circles_and_lines_are_those_of_the_network() -> None:
    svg, _ = drawn()
    assert len(svg.findall(f"{SVG}circle")) == 3 + 2 + 1
    assert len(svg.findall(f"{SVG}line")) == 3 * 2 + 2 * 1


def test_lines_show_sign_and_size() -> None:
    svg, _ = drawn()
    lines = {line.find(f"{SVG}title").text: line for line in svg.findall(f"{SVG}line")[:6]}  # type: ignore[union-attr]
    largest, negative, zero = lines["w[2, 0] = 4"], lines["w[0, 1] = -2"], lines["w[1, 0] = 0"]
    widths = [float(line.get("stroke-width", "")) for line in (zero, negative, largest)]
    assert widths == sorted(widths)
    assert widths[0] < widths[2]
    assert negative.get("stroke") != largest.get("stroke")


def test_the_file_is_what_is_returned_and_titles_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "net.svg"
    svg, net = drawn(path, title="a < b & c")
    assert path.read_text() == gn.plots.network_diagram(net, title="a < b & c")
    assert "a < b & c" in [text.text for text in svg.findall(f"{SVG}text")]
    assert "input" in [text.text for text in svg.findall(f"{SVG}text")]
    assert any("sigmoid" in str(text.text) for text in svg.findall(f"{SVG}text"))


def test_large_networks_are_boxes() -> None:
    wide = gn.Sequential(gn.Dense(65), gn.ReLU())
    wide.build((3,))
    svg = ElementTree.fromstring(gn.plots.network_diagram(wide, title="a < b"))
    texts = [text.text for text in svg.findall(f"{SVG}text")]
    for words in ("a < b", "input (N, 3)", "Dense(65)", "(N, 65), 260 parameters", "ReLU()", "output (N, 65)"):
        assert words in texts


def test_branches_stand_side_by_side() -> None:
    inner = gn.Concat(gn.Conv2D(4, 1), gn.Sequential(gn.Conv2D(3, 3, padding="same"), gn.ReLU()), gn.Identity())
    net = gn.Sequential(gn.Residual(gn.BatchNorm(), gn.ReLU()), inner, gn.GlobalAveragePool(), gn.Dense(2))
    net.build((2, 6, 6))
    svg = ElementTree.fromstring(gn.plots.network_diagram(net))
    texts = {str(text.text): (float(text.get("x", 0)), float(text.get("y", 0))) for text in svg.findall(f"{SVG}text")}
    one, three = texts["Conv2D(4, 1)"], texts["Conv2D(3, 3, padding='same')"]
    assert one[0] < three[0]
    assert one[1] == three[1]
    assert texts["+"][1] < one[1] < texts["concat"][1] < texts["Dense(2)"][1]
    width, height = float(svg.get("width", 0)), float(svg.get("height", 0))
    for box in svg.findall(f"{SVG}rect")[1:]:
        left, top = float(box.get("x", 0)), float(box.get("y", 0))
        assert left >= 0
        assert left + float(box.get("width", 0)) <= width
        assert top + float(box.get("height", 0)) <= height


def test_a_model_is_drawn_as_its_network() -> None:
    for net in (gn.Sequential(gn.Dense(3), "relu", gn.Dense(2)), gn.Sequential(gn.Dense(70), gn.Residual("tanh"))):
        model = gn.Model(net, "mean_squared_error", "sgd")
        with pytest.raises(gn.NotBuiltError):
            gn.plots.network_diagram(model)
        net.build((4,))
        assert gn.plots.network_diagram(model, title="a") == gn.plots.network_diagram(net, title="a")


def test_networks_without_shapes_are_refused() -> None:
    with pytest.raises(gn.NotBuiltError):
        gn.plots.network_diagram(gn.Sequential(gn.Dense(2)))
