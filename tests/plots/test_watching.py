"""Pictures of a watched training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glassnet as gn


@pytest.fixture(scope="module")
def watch() -> gn.Watch:
    rng = np.random.default_rng(0)
    net = gn.Sequential(
        *(part for _ in range(9) for part in (gn.Dense(8), gn.ReLU())), gn.Dense(3), gn.Tanh(), gn.Dense(3)
    )
    watch = gn.Watch(every=2)
    model = gn.Model(net, "cross_entropy", gn.Adam(0.01))
    model.fit(rng.normal(size=(96, 4)), rng.integers(0, 3, 96), epochs=4, callbacks=[watch], verbose=False)
    return watch


def test_everything_in_one_figure(watch: gn.Watch, tmp_path: Path) -> None:
    figure = watch.plot(tmp_path / "watch.png")
    assert (tmp_path / "watch.png").stat().st_size > 20_000
    titles = [axes.get_title(loc="left") for axes in figure.get_axes()]
    assert len(titles) == 2 * 6 + 3  # six of the 21 layers
    assert titles[0] == "0 Dense"
    assert titles[6] == "0 Dense: δ"
    assert titles[-1] == "share of units at rest"
    assert "6 of them looked at" in figure._suptitle.get_text()  # type: ignore[attr-defined]


def test_the_lines_are_the_records(watch: gn.Watch) -> None:
    (axes,) = gn.plots.plot_gradient_flow(watch).get_axes()
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert len(lines) == 10  # of eleven weights
    np.testing.assert_array_equal(lines["0.weight"].get_xdata(), [r.step for r in watch.records])
    np.testing.assert_array_equal(lines["0.weight"].get_ydata(), [r.gradients["0.weight"].rms for r in watch.records])
    (axes,) = gn.plots.plot_update_ratios(watch).get_axes()
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["20.weight"].get_ydata(), [r.update_ratios["20.weight"] for r in watch.records])
    figure = gn.plots.plot_distributions(watch, "gradients")
    median = next(line for line in figure.get_axes()[0].get_lines() if line.get_linewidth() > 1)
    np.testing.assert_array_equal(median.get_ydata(), [r.gradients["0.weight"].quantiles[3] for r in watch.records])


def test_a_single_look_is_drawn_too(tmp_path: Path) -> None:
    watch = gn.Watch(every=1000)
    gn.Model(gn.Dense(2), "sum_squared_error", "sgd").fit(
        np.ones((4, 2)), np.ones((4, 2)), callbacks=[watch], verbose=False
    )
    assert len(watch.records) == 1
    watch.plot(tmp_path / "watch.svg")
    assert (tmp_path / "watch.svg").stat().st_size > 1000


def test_mistakes(watch: gn.Watch) -> None:
    with pytest.raises(gn.ConfigurationError, match=r"callbacks=\[watch\]"):
        gn.Watch().plot()
    with pytest.raises(gn.ConfigurationError, match="quantity='weights'"):
        gn.plots.plot_distributions(watch, "weights")
    with pytest.raises(gn.ConfigurationError, match="mkdir -p"):
        watch.plot("no/such/folder/watch.png")
