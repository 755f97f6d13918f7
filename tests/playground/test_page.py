"""The playground as a person meets it: training, gradients, tables, links, code."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import Opened
from playground_messages import CARS, FLOWERS, number, share, train_until, updates, wait

import glassnet as gn
from glassnet.playground import Session, Setting


def test_the_spiral_is_learned(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=spiral&hidden=8,8&activation=tanh").page
    scores = [page.locator(f"#metric-{side}") for side in (0, 1)]
    assert share(scores[0].inner_text()) < 85
    before = page.locator("#surface").screenshot()
    train_until(page, lambda: all(share(score.inner_text()) >= 95 for score in scores))
    assert int(page.locator("#epoch").inner_text().replace(",", "")) > 10
    assert page.locator("#surface").screenshot() != before


def test_a_step_and_its_gradient(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=spiral&hidden=4,3&activation=tanh&batch_size=5&seed=7").page
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    page.keyboard.press("s")
    wait(lambda: updates(page) == 2)
    assert page.locator("#batch").inner_text() == "3 of 60"

    # The same two steps here; then the gradient of one weight by central differences on the batch that comes next.
    session = Session(Setting(hidden=(4, 3), batch_size=5, seed=7))
    session.step()
    session.step()
    rows = session.next_batch()
    x, y = session.rows.x[rows].astype(float), session.rows.targets[rows].astype(float)
    network = session.model.network.copy("float64")
    assert gn.check_gradients(network, x, y, loss="binary_cross_entropy")
    weight = dict(network.named_parameters())["2.weight"]
    values = []
    for shift in (1e-5, -1e-5):
        weight[1, 2] += shift
        values.append(gn.losses.BinaryCrossEntropy()(network.forward(gn.NumpyRunner(), x, training=False)[0], y)[0])
        weight[1, 2] -= shift
    slope = (values[0] - values[1]) / 2e-5

    wire = next(w for w in page.evaluate("playground.middles()") if (w["layer"], w["i"], w["j"]) == (1, 1, 2))
    page.mouse.move(wire["x"], wire["y"])
    hint = page.locator("#hint")
    first, second = hint.inner_text().splitlines()
    # Where wires cross, the nearest one answers; its name says which it is.
    name = re.search(r"layer (\d+): W\[(\d+), (\d+)\]", first)
    assert name
    if name.groups() == ("2", "1", "2"):
        assert number(first.split("=")[1]) == pytest.approx(float(weight[1, 2]), rel=1e-3)
        assert number(second.split("=")[1]) == pytest.approx(slope, rel=1e-2, abs=1e-6)

    # By the keyboard any wire can be reached.
    page.locator("#wires").focus()
    page.keyboard.press("ArrowRight")
    for _ in range(40):
        if "layer 2: W[1, 2]" in hint.inner_text():
            break
        sideways = {"1": "ArrowRight", "3": "ArrowLeft"}.get(hint.inner_text()[len("layer ")])
        page.keyboard.press(sideways or "ArrowDown")
    else:
        pytest.fail(hint.inner_text())
    assert "layer 2: W[1, 2]" in page.locator("#spoken").inner_text()
    assert number(hint.inner_text().splitlines()[1].split("=")[1]) == pytest.approx(slope, rel=1e-2, abs=1e-6)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "card-value"
    page.locator("#card-gradient").press("Enter")
    panel = page.locator("#panel")
    panel.locator("table.terms").wait_for()
    terms = [number(text) for text in panel.locator("table.terms td.number").all_inner_texts()]
    assert len(terms) == 5  # rows of the batch
    assert sum(terms) == pytest.approx(slope, rel=1e-3, abs=1e-7)
    assert number(panel.locator(".difference .number").inner_text()) == pytest.approx(slope, rel=1e-3, abs=1e-7)
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#walk").is_visible()
    assert updates(page) == 2  # looking took no step


def test_one_step_slowly(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=xor&hidden=3&batch_size=4&activation=relu").page
    page.locator("#slowly").click()
    page.locator("#walk[open]").wait_for()
    seen = []
    while True:
        seen.append(page.locator("#stage-title").inner_text())
        assert page.locator("#stage math").count() > 0
        if page.locator("#next-stage").inner_text() == "Take this step":
            break
        page.locator("#next-stage").click()
    phases = [title.split(" · ")[0] for title in seen]
    assert phases == ["Forward"] * 3 + ["Loss"] + ["Backward"] * 4 + ["Update"] * 4
    assert seen[0] == "Forward · Dense(3)"
    page.locator("#stages button").nth(0).click()
    assert page.locator("#stage-title").inner_text() == seen[0]
    page.locator("#stage figure[data-name='y'] td").first.click()
    assert page.locator("#panel").is_visible()
    page.locator("#stages button").last.click()
    page.locator("#next-stage").click()
    wait(lambda: updates(page) == 1)
    assert not page.locator("#walk").is_visible()
    assert "#step" not in page.evaluate("location.href")


def test_layers_and_units_are_chosen_by_clicks(open_page: Callable[..., Opened]) -> None:
    page = open_page("#dataset=circle&hidden=4,4").page
    page.locator("#more-layers").click()
    page.locator('[data-units="3:1"]').wait_for()
    page.locator('[data-units="3:1"]').click()
    wait(lambda: page.evaluate("playground.structure.units") == [2, 4, 4, 5, 1])
    page.locator('[data-units="1:-1"]').click()
    wait(lambda: page.evaluate("playground.structure.units") == [2, 3, 4, 5, 1])
    for _ in range(3):
        page.locator("#fewer-layers").click()
        page.wait_for_timeout(150)
    wait(lambda: page.evaluate("playground.structure.units") == [2, 1])
    assert page.locator("#layer-count").inner_text() == "no hidden layer"
    assert page.locator("#fewer-layers").is_disabled()
    page.get_by_label("Optimizer").select_option(label="SGD")
    page.get_by_label("Learning rate").select_option(label="0.1")
    wait(
        lambda: (
            "optimizer=sgd" in page.evaluate("location.href") and "learning_rate=0.1" in page.evaluate("location.href")
        )
    )
    for layer in range(6):
        wait(lambda layer=layer: page.locator("#layer-count").inner_text().startswith(("no", str(layer))))
        page.locator("#more-layers").click()
    wait(lambda: page.locator("#more-layers").is_disabled())


def test_a_link_brings_the_setting_back(open_page: Callable[..., Opened]) -> None:
    setting = Setting(
        "moons",
        100,
        0.2,
        0.4,
        (5, 4, 3),
        "leaky_relu",
        "hinge",
        "rmsprop",
        0.003,
        0.001,
        0.01,
        7,
        42,
        inputs=("x1", "x1_x2"),
        batch_norm=True,
        dropout=0.1,
    )
    page = open_page(
        "#"
        + "&".join(
            f"{k}={','.join(map(str, v)) if isinstance(v, list) else str(v).lower()}"
            for k, v in setting.to_dict().items()
        )
    ).page
    wait(lambda: page.evaluate("playground.structure.setting") == setting.to_dict())
    again = open_page("#" + page.evaluate("location.href").partition("#")[2]).page
    wait(lambda: again.evaluate("playground.structure.setting") == setting.to_dict())
    np.testing.assert_allclose(
        again.evaluate("Array.from(playground.frame.arrays.parameters)"), Session(setting).model.network.parameters
    )


def test_a_table_is_uploaded(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page().page
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    page.set_input_files("#file", path)
    wait(lambda: page.evaluate("playground.structure.classes") == ["a", "b", "c"])
    assert page.locator("[data-field=table]").inner_text() == "flowers.csv"
    train_until(page, lambda: share(page.locator("#metric-0").inner_text()) >= 90)
    page.get_by_label("To be learned").select_option(label="width")
    wait(lambda: page.locator("#metric-name").inner_text() == "R²" or page.locator("#message").is_visible())
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n2,2\n4,2\n<img src=x onerror=alert(1)>,3\n,4\n")
    page.set_input_files("#file", bad)
    page.locator("#message").wait_for()
    assert page.locator("#message img").count() == 0
    assert "in a column of numbers" in page.locator("#message").inner_text()
    page.set_input_files("#file", {"name": "flowers.parquet", "mimeType": "", "buffer": b"PAR1"})
    wait(lambda: "flowers.parquet" in page.locator("#message").inner_text())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030", "cp1252"])
def test_a_table_in_any_encoding_is_uploaded_as_it_is(
    encoding: str, open_page: Callable[..., Opened], tmp_path: Path
) -> None:
    text = CARS.replace("Köln", "成都").replace("Länge", "长").replace("ü", "u") if encoding == "gb18030" else CARS
    path = tmp_path / "cars.csv.gz"
    path.write_bytes(gzip.compress(text.encode(encoding)))
    page = open_page().page
    page.set_input_files("#file", path)
    wait(lambda: page.evaluate("playground.structure.setting.dataset") == "table")
    features = page.evaluate("playground.structure.features")
    assert {"长", "Ort=成都"} < set(features) if encoding == "gb18030" else {"Länge", "Ort=München"} < set(features)
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    page.locator("#reading summary").click()
    said = page.locator("#reading-text").inner_text()
    assert "decimal comma" in said
    assert "read as DD.MM.YYYY" in said
    assert f"fields parted by ';', encoding {encoding}" in said
    page.locator("#wires").hover(position={"x": 82, "y": 25})
    wait(lambda: page.locator("#hint").inner_text() == features[0])
    page.locator("[data-field=moons]").click()
    wait(lambda: page.locator("#reading").is_hidden())


def test_the_exported_code_runs_and_says_the_same(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page("#dataset=circle&hidden=5").page
    train_until(page, lambda: updates(page) > 500, pace="100")
    page.locator("#code").click()
    page.locator("#listing[open]").wait_for()
    path = tmp_path / "network.py"
    path.write_text(page.locator("#listing-text").text_content(), encoding="utf-8")
    page.locator("#listing-close").click()
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    for side, line in enumerate(done.stdout.splitlines()):
        loss, accuracy = re.findall(r"[\d.]+", line)
        assert float(loss) == pytest.approx(number(page.locator(f"#loss-{side}").inner_text()), rel=6e-3)
        assert 100 * float(accuracy) == pytest.approx(share(page.locator(f"#metric-{side}").inner_text()), abs=0.06)


def test_the_model_is_saved(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_page("#dataset=moons&hidden=6").page
    page.locator("#step").click()
    wait(lambda: updates(page) == 1)
    with page.expect_download() as waiting:
        page.locator("#model").click()
    path = tmp_path / "model.safetensors"
    waiting.value.save_as(path)
    model = gn.load(path)
    shown = page.evaluate("Array.from(playground.frame.arrays.parameters)")
    np.testing.assert_allclose(model.network.parameters, shown)
    assert model.optimizer.steps == 1
