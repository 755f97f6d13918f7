"""Windows of series: what they hold, where they are cut, what comes back, and what is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn

HOURS = np.datetime64("2024-03-01T00:00") + (np.arange(40) * np.timedelta64(1, "h")).astype("timedelta64[us]")
LOAD = np.arange(40.0)
WINDOWS = {"past": 4, "future": 2}


def frame(**more: Any) -> dict[str, Any]:
    """Forty hours of a load as columns."""
    return {"time": HOURS, "load": LOAD} | more


def columns(data: Any, **settings: Any) -> gn.data.Windows:
    """The windows of a dict of columns."""
    return gn.data.windows(data, **WINDOWS, time="time", **settings)


def fitted(windows: gn.data.Windows, **settings: Any) -> gn.Model:
    """A linear model that has learned a little."""
    shape = windows.forecasting.output_shape
    layers = [gn.Flatten(), gn.Dense(int(np.prod(shape))), *([gn.Reshape(shape)] if len(shape) > 1 else [])]
    model = gn.Model(gn.Sequential(*layers), "mean_squared_error", gn.Adam(0.05), **settings)
    model.forecasting = windows.forecasting
    model.fit(windows.x, windows.y, epochs=2, verbose=False)
    return model


def test_each_window_is_a_stretch_of_the_series_and_what_comes_after_it() -> None:
    values = np.column_stack([LOAD, LOAD**2])
    windows = gn.data.windows(values, **WINDOWS, targets=1)
    assert windows.x.shape == (35, 4, 2)
    assert windows.y.shape == (35, 2)
    mean, scale = windows.forecasting.mean[0], windows.forecasting.scale[0]
    for row, start in enumerate(windows.starts):
        np.testing.assert_allclose(windows.x[row] * scale + mean, values[start - 4 : start], atol=1e-9)
        np.testing.assert_array_equal(windows.actual[row, :, 0], values[start : start + 2, 1])
    np.testing.assert_allclose(windows.in_unit(windows.y), windows.actual)


def test_several_targets_have_an_axis_of_their_own() -> None:
    windows = gn.data.windows(np.column_stack([LOAD, -LOAD, LOAD**2]), **WINDOWS, targets=["x2", "x0"])
    assert windows.y.shape == (35, 2, 2)
    np.testing.assert_allclose(windows.in_unit(windows.y)[0], [[16, 4], [25, 5]])


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("future", [1, 3])
def test_what_is_tested_is_later_than_all_that_is_trained_with(share: float, future: int) -> None:
    train, test = gn.data.windows({"a": LOAD, "b": LOAD + 1000}, 4, future).split(share)
    for name in ("a", "b"):
        latest, earliest = train.actual[train.names == name].max(), test.actual[test.names == name].min()
        assert latest < earliest
        assert latest + 1 == earliest  # and no step between them is lost
        assert earliest - (name == "b") * 1000 == round(40 * (1 - share))


def test_the_scaling_is_that_of_the_steps_that_are_trained_with() -> None:
    series = np.concatenate([np.arange(30.0), np.full(10, 1e6)])
    train, test = gn.data.windows(series, **WINDOWS).split(0.25)
    assert train.forecasting is test.forecasting
    assert train.forecasting.mean[0, 0] == pytest.approx(np.arange(30.0).mean())
    assert train.forecasting.scale[0, 0] == pytest.approx(np.arange(30.0).std())


def test_a_further_part_is_cut_off_in_time_and_keeps_the_scaling() -> None:
    train, _ = gn.data.windows(LOAD, **WINDOWS).split(0.25)
    earlier, later = train.cut(0.2)
    assert earlier.actual.max() < later.actual.min()
    assert later.actual.max() == train.actual.max()
    assert earlier.forecasting is later.forecasting is train.forecasting


def test_series_with_dates_are_cut_at_one_moment() -> None:
    late = np.arange(10, 40)
    data = {
        "time": np.concatenate([HOURS, HOURS[late], HOURS[:30]]),
        "shop": ["a"] * 40 + ["b"] * 30 + ["c"] * 30,
        "load": np.concatenate([LOAD, LOAD[late], LOAD[:30]]),
    }
    train, test = columns(data, by="shop").split(0.25)
    assert {name: train.actual[train.names == name].max() for name in "abc"} == dict.fromkeys("abc", 29.0)
    assert {name: test.actual[test.names == name].min() for name in "ab"} == dict.fromkeys("ab", 30.0)
    assert set(test.names) == {"a", "b"}  # c has ended by then


def test_each_series_has_its_own_unit_and_forecasts_come_back_in_it() -> None:
    series = {"small": np.sin(LOAD), "large": 1e6 + 1e5 * np.sin(LOAD)}
    train, test = gn.data.windows(series, **WINDOWS).split(0.25)
    half = len(train) // 2
    np.testing.assert_allclose(train.x[:half], train.x[half:], atol=1e-9)
    found = fitted(train).forecast({"large": series["large"][-4:], "small": series["small"]})
    assert list(found) == ["large", "small"]
    np.testing.assert_allclose((found["large"] - 1e6) / 1e5, found["small"], atol=1e-5)
    errors = test.errors(test.y).by_series()
    assert errors["large"].naive_errors()["the last value"] > 1e4 > errors["small"].naive_errors()["the last value"]


def test_a_forecast_is_the_prediction_for_the_last_window_and_the_file_keeps_it(tmp_path: Any) -> None:
    windows = columns(frame(heat=LOAD[::-1]), targets="load")
    model = fitted(windows)
    expected = windows.in_unit(model.predict(windows.x))[-1, :, 0]
    shorter = {name: own[:-2] for name, own in frame(heat=LOAD[::-1]).items()}
    np.testing.assert_array_equal(model.forecast(shorter), expected)
    model.save(tmp_path / "model.safetensors")
    again = gn.load(tmp_path / "model.safetensors")
    assert repr(again.forecasting) == repr(model.forecasting)
    np.testing.assert_array_equal(again.forecast(shorter), expected)
    assert again.fingerprint() == model.fingerprint()
    model.forecasting = gn.data.windows(LOAD + 1, **WINDOWS).forecasting
    assert again.fingerprint("predictions") != model.fingerprint("predictions")


def test_the_obvious_forecasts_go_on_with_the_last_value_and_with_the_last_period() -> None:
    daily = LOAD % 24
    windows = columns(frame() | {"load": daily})
    assert windows.forecasting.period == 24
    _, test = windows.split(0.25)
    errors = test.errors(test.y)
    assert errors.naive_errors()["24 steps before"] == 0
    starts = test.starts
    np.testing.assert_array_equal(errors.naive["the last value"][:, 1, 0], daily[starts - 1])
    assert set(windows.errors(windows.y).naive) == {"the last value"}  # not all of them have 24 steps before
    weekly = gn.data.windows(LOAD % 3, 4, 7, period=3)
    np.testing.assert_array_equal(weekly.errors(weekly.y).naive["3 steps before"], weekly.actual)


def test_rows_are_taken_in_the_order_of_their_dates_and_that_is_said() -> None:
    order = np.random.default_rng(0).permutation(40)
    with pytest.warns(gn.DataWarning, match=r"row \d+ \(2024-03-0. ..:..\) comes after a later one; all rows are"):
        windows = columns({"time": HOURS[order], "load": LOAD[order]})
    np.testing.assert_array_equal(windows.actual, columns(frame()).actual)


@pytest.mark.parametrize(
    ("stamps", "step", "period"),
    [
        (HOURS, "1 hour", 24),
        (np.datetime64("2024-03-01T00:00") + np.arange(40) * np.timedelta64(15, "m"), "15 minutes", 96),
        (np.datetime64("2024-01-31") + np.arange(40), "1 day", 7),
        (np.arange("2021-01", "2024-05", dtype="datetime64[M]"), "1 month", 12),
        (np.arange("2021-02", "2024-06", dtype="datetime64[M]").astype("datetime64[D]") - 1, "1 month", 12),
        (np.arange("1990-01", "2000-01", 3, dtype="datetime64[M]"), "3 months", 4),
        (np.arange("1950", "1990", dtype="datetime64[Y]"), "12 months", None),
        (np.datetime64("2024-03-01T00:00:00") + np.arange(40) * np.timedelta64(7, "s"), "7 seconds", None),
    ],
    ids=str,
)
def test_the_step_and_what_comes_after(stamps: Any, step: str, period: int | None) -> None:
    stamps = stamps[:40]
    forecasting = columns({"time": stamps[:-2], "load": LOAD[: len(stamps) - 2]}).forecasting
    assert (str(forecasting.step), forecasting.period) == (step, period)
    last = stamps.astype("datetime64[us]")[-3]
    np.testing.assert_array_equal(forecasting.step.after(last, 2), stamps[-2:].astype("datetime64[us]"))


def test_frames_of_pandas_and_polars_and_an_index_of_dates() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    expected = columns(frame()).actual
    np.testing.assert_array_equal(gn.data.windows(pandas.DataFrame(frame()), **WINDOWS).actual, expected)
    np.testing.assert_array_equal(gn.data.windows(polars.DataFrame(frame()), **WINDOWS).actual, expected)
    series = pandas.Series(LOAD, index=pandas.DatetimeIndex(HOURS, tz="Europe/Berlin"))
    windows = gn.data.windows(series, **WINDOWS)
    assert windows.forecasting.period == 24
    with pytest.raises(gn.DataError, match="a step from 2024-03-01 01:00 to 2024-03-01 03:00, row 3"):
        gn.data.windows(series.drop(series.index[3]), **WINDOWS)


GAP, INFINITE = LOAD.copy(), LOAD.copy()
GAP[17], INFINITE[3] = np.nan, np.inf


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gn.data.windows(GAP, **WINDOWS), "nan at step 17 of 40.*finite number at every step"),
        (lambda: gn.data.windows({"a": LOAD, "b": INFINITE}, **WINDOWS), "series 'b': received inf at step 3 of 40"),
        (lambda: columns(frame(heat=GAP)), "column 'heat': received no value in row 17"),
        (lambda: columns(frame(shop=["x"] * 40)), "column 'shop': received words, such as x.*by='shop'.*--series"),
        (lambda: columns(frame(shop=["x"] * 39 + [None]), by="shop"), "column 'shop': received no value in row 39"),
        (lambda: gn.data.windows({"a": LOAD, "b": LOAD[:5]}, **WINDOWS), "series 'b': received 5 steps.*at least 6"),
        (lambda: gn.data.windows(LOAD[:5], **WINDOWS), "received 5 steps, expected at least 6, 4 of the past and 2"),
        (lambda: gn.data.windows({"a": LOAD, "b": np.zeros((40, 2))}, **WINDOWS), "series 'b': received 2 columns"),
        (lambda: gn.data.windows(np.zeros((4, 4, 4)), **WINDOWS), r"shape \(4, 4, 4\)"),
        (lambda: gn.data.windows({}, **WINDOWS), "no series at all"),
        (lambda: gn.data.windows(np.array([]), **WINDOWS), r"shape \(0,\)"),
        (lambda: gn.data.windows(["a", "b"], **WINDOWS), "text"),
        (lambda: gn.data.windows(LOAD, 0, 2), "past=0"),
        (lambda: gn.data.windows(LOAD, 4, 2.5), "future=2.5"),
        (lambda: gn.data.windows(LOAD, 4, 2, period=1), "period=1"),
        (lambda: gn.data.windows(LOAD, 4, 2, targets="load"), "the target 'load'.*one of the columns 'x0'"),
        (lambda: gn.data.windows(LOAD, 4, 2, targets=True), "the target True"),
        (lambda: gn.data.windows(LOAD, 4, 2, targets=[0, "x0"]), "each column once"),
        (lambda: gn.data.windows(LOAD, 4, 2, time="time"), "time='time' for a ndarray.*a frame"),
        (lambda: columns(frame(), targets="laod"), "the target 'laod'.*did you mean 'load'"),
        (lambda: columns(frame(), by="shop"), "by='shop'.*one of the columns 'time', 'load'"),
        (lambda: columns({"time": HOURS[[*range(39), 37]], "load": LOAD}), "02 13:00 twice, in row 37 and row 39"),
        (lambda: columns({"time": np.delete(HOURS, 20), "load": LOAD[:-1]}), "a step from 2024-03-01 19:00 to "
         "2024-03-01 21:00, row 20.*same step everywhere, such as 1 hour"),
        (lambda: columns({"time": [*HOURS.tolist()[:-1], None], "load": LOAD}), "'time': received no value in row 39"),
        (lambda: columns({"time": LOAD, "load": LOAD}), "column 'time': received numbers, such as 0.0 in row 0.*dates"),
        (lambda: columns({"time": HOURS}), "no columns beside 'time'"),
        (lambda: gn.data.windows(LOAD, **WINDOWS).split(0), "test_share=0"),
        (lambda: gn.data.windows(LOAD, **WINDOWS).split(True), "test_share=True"),
        (lambda: gn.data.windows(LOAD, **WINDOWS).split(0.9), "4 steps before the cut, expected at least 6"),
        (lambda: gn.data.windows(LOAD, 4, 8).split(0.1), "4 steps after the cut, expected at least 8"),
        (lambda: gn.data.windows(LOAD, **WINDOWS).in_unit(np.zeros((35, 3))), r"shape \(35, 3\)"),
    ],
)  # fmt: skip
def test_bad_input_is_named(make: Any, words: str) -> None:
    with pytest.raises(gn.GlassnetError, match=f"(?s){words}"):
        make()


def test_series_of_different_steps_and_several_columns_of_dates() -> None:
    days = np.datetime64("2024-03-01") + np.arange(40)
    data = {"time": [*HOURS, *days], "shop": ["a"] * 40 + ["b"] * 40, "load": [*LOAD, *LOAD]}
    with pytest.raises(gn.DataError, match="series 'b': received steps of 1 day, expected steps of 1 hour"):
        columns(data, by="shop")
    with pytest.raises(gn.DataError, match=r"2024-03-01 twice.*by=, --series"):
        columns({name: own for name, own in data.items() if name != "shop"})
    pandas = pytest.importorskip("pandas")
    with pytest.raises(gn.ConfigurationError, match=r"several columns of dates: 'time', 'end'.*time='time'"):
        gn.data.windows(pandas.DataFrame(frame(end=HOURS)), **WINDOWS)


def test_forecasts_of_what_training_did_not_see_are_refused() -> None:
    model = fitted(gn.data.windows({"north": LOAD, "south": LOAD}, **WINDOWS))
    with pytest.raises(gn.DataError, match="the series 'nroth'.*one of 'north', 'south'.*did you mean 'north'"):
        model.forecast({"nroth": LOAD})
    with pytest.raises(gn.DataError, match="a series without a name"):
        model.forecast(LOAD)
    with pytest.raises(gn.DataError, match="series 'south': received 3 steps, expected at least 4"):
        model.forecast({"south": LOAD[:3]})
    model = fitted(columns(frame()))
    with pytest.raises(gn.DataError, match="steps of 2 hours, expected steps of 1 hour, as in training"):
        model.forecast({"time": HOURS[::2], "load": LOAD[::2]})
    with pytest.raises(gn.DataError, match="without the column 'load'"):
        model.forecast({"time": HOURS, "laod": LOAD})


def test_a_model_without_series_and_one_that_does_not_fit_them() -> None:
    windows = gn.data.windows(LOAD, **WINDOWS)
    model = fitted(windows)
    for other, words in ((None, "model.forecasting=None"), ("x", "model.forecasting='x'")):
        model.forecasting = other  # type: ignore[assignment]
        with pytest.raises(gn.ConfigurationError, match=words):
            model.forecast(LOAD)
    model.forecasting = gn.data.windows(LOAD, 5, 2).forecasting
    with pytest.raises(
        gn.ConfigurationError, match=r"network from rows \(4, 1\) to \(2,\), expected one from \(5, 1\)"
    ):
        model.forecast(LOAD)


def test_rows_are_not_held_out_at_random_nor_taken_without_their_scaling(tmp_path: Any) -> None:
    windows = gn.data.windows(LOAD, **WINDOWS)
    model = fitted(windows)
    with pytest.raises(gn.ConfigurationError, match=r"validation_split=0.2 for windows of series.*cut\(0.1\)"):
        model.fit(windows.x, windows.y, validation_split=0.2, verbose=False)
    with pytest.raises(gn.ConfigurationError, match=r"export_onnx.*model of forecasts.*model.forecast\(series\)"):
        model.export_onnx(tmp_path / "model.onnx")
    with pytest.raises(gn.ConfigurationError, match=r"export_c.*model of forecasts"):
        gn.interop.export_c(model, tmp_path / "model.c")
    with pytest.raises(gn.ConfigurationError, match=r"report.*model of forecasts"):
        gn.report(model, windows.x, windows.y, tmp_path / "page.html")


def test_a_file_whose_forecasting_contradicts_its_network_is_not_written(tmp_path: Any) -> None:
    model = fitted(gn.data.windows(LOAD, **WINDOWS))
    model.forecasting = gn.data.windows(LOAD, 5, 2).forecasting
    with pytest.raises(gn.GlassnetError, match="5 steps back, 2 ahead"):
        model.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_picture_and_a_page(tmp_path: Any) -> None:
    train, test = gn.data.windows({"a": LOAD, "b": 100 * LOAD}, **WINDOWS).split(0.25)
    model = fitted(train)
    errors = test.errors(model.predict(test.x))
    figure = gn.plots.plot_forecast(errors, path=tmp_path / "forecast.png")
    assert [axes.get_title() for axes in figure.axes] == ["a · x0", "b · x0"]
    drawn = {line.get_label(): line.get_ydata() for line in figure.axes[1].lines}
    np.testing.assert_array_equal(drawn["what came"], [3800, 3900])
    np.testing.assert_array_equal(drawn["the last value"], [3700, 3700])
    np.testing.assert_array_equal(drawn["the model"], errors.predicted[-1, :, 0])
    text = gn.report(model, test, None, tmp_path / "page.html").read_text(encoding="utf-8")
    for value in (errors.mean_absolute_error, errors.naive_errors()["the last value"]):
        assert gn.plots.figures.readable(value) in text
    with pytest.raises(gn.DataError, match="row=18.*one of 18 windows"):
        gn.plots.plot_forecast(errors, 18)


def test_a_page_scales_windows_as_the_model_was_trained(tmp_path: Any) -> None:
    """Windows that are cut anew have a scaling of their own, with which the model's forecasts would be others."""
    train, test = gn.data.windows({"a": LOAD, "b": 100 * LOAD}, **WINDOWS, period=3).split(0.25)
    model = fitted(train)
    anew = gn.data.windows({"b": 900 * LOAD + 3}, **WINDOWS, period=4)
    assert not np.allclose(anew.forecasting.scale, train.forecasting.scale[1])
    scaled, (mean, scale) = anew.scaled_for(train.forecasting), (train.forecasting.mean[1], train.forecasting.scale[1])
    np.testing.assert_allclose(scaled.x[0, :, 0], (900 * LOAD[:4] + 3 - mean) / scale)
    found = scaled.errors(model.predict(scaled.x))
    np.testing.assert_allclose(found.predicted[-1, :, 0], model.forecast({"b": 900 * LOAD[:-2] + 3})["b"], rtol=1e-5)
    assert "4 steps before" in found.naive
    text = gn.report(model, anew, None, tmp_path / "page.html").read_text(encoding="utf-8")
    assert gn.plots.figures.readable(found.mean_absolute_error) in text
    for other, said in (
        (gn.data.windows({"a": LOAD}, 5, 2), "past=5.*past=4, as in the model's training"),
        (gn.data.windows({"a": LOAD}, 4, 3), "future=3.*future=2"),
        (gn.data.windows({"a": np.column_stack([LOAD, LOAD])}, **WINDOWS), "columns="),
        (gn.data.windows({"c": LOAD}, **WINDOWS), "the series 'c'"),
        (gn.data.windows(LOAD, **WINDOWS), "a series without a name"),
    ):
        with pytest.raises(gn.GlassnetError, match=f"report.*{said}"):
            gn.report(model, other, None, tmp_path / "page.html")
    with pytest.raises(gn.ConfigurationError, match="targets beside windows"):
        gn.report(model, test, test.y, tmp_path / "page.html")


def test_every_index_of_dates_sets_the_order() -> None:
    """Of periods and of Python's own dates as well; one of other names is no order that could be followed."""
    pandas = pytest.importorskip("pandas")
    order = np.random.default_rng(0).permutation(40)
    days = pandas.date_range("2024-01-01", periods=40)
    for index in (days, days.to_period(), pandas.Index(days.date), pandas.Index(days.to_pydatetime(), dtype=object)):
        for given in (pandas.Series(LOAD, index=index), pandas.DataFrame({"load": LOAD}, index=index)):
            with pytest.warns(gn.DataWarning, match="in the order of the index"):
                found = gn.data.windows(given.iloc[order], **WINDOWS)
            np.testing.assert_array_equal(found.series[0].values[:, 0], LOAD)
            assert str(found.forecasting.step) == "1 day"
    shops = pandas.MultiIndex.from_product([["a", "b"], days[:20]])
    berlin = pandas.Index(days.tz_localize("Europe/Berlin").to_pydatetime(), dtype=object)
    for index in (days.astype(str), shops, days - days[0], berlin):
        for given in (pandas.Series(LOAD, index=index), pandas.DataFrame({"load": LOAD}, index=index)):
            with pytest.raises(gn.DataError, match=r"rows that are called by what are no dates.*to_datetime"):
                gn.data.windows(given, **WINDOWS)
    with_column = pandas.DataFrame({"time": HOURS, "load": LOAD}, index=days.astype(str))
    assert str(gn.data.windows(with_column, **WINDOWS).forecasting.step) == "1 hour"
    assert gn.data.windows(pandas.Series(LOAD, index=np.arange(40) * 2.5), **WINDOWS).forecasting.step is None
    shuffled = pandas.Series(LOAD).iloc[order]
    for given in (shuffled, pandas.DataFrame({"load": shuffled})):
        with pytest.warns(gn.DataWarning, match=r"rows are taken as they stand.*sort_index\(\)"):
            gn.data.windows(given, **WINDOWS)
        gn.data.windows(given.sort_index(), **WINDOWS)
        gn.data.windows(given.reset_index(drop=True), **WINDOWS)
