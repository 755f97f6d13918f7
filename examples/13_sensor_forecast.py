"""The warmth of the sea for a year ahead: a recurrent network reads two years of months, and forecasts the next twelve.

A row is a stretch of the series of 24 months; its target are the 12 after them. Each window begins a month after the
one before, so windows overlap: those to test with are the latest, and no month that is tested has been trained with.
The series is brought to mean 0 and deviation 1 by the months before the cut, and forecasts are brought back to °C.

A forecast is worth something if it is nearer to what came than what needs no model: the last month for ever, or the
same month a year before. Temperatures are of the Pacific off Peru, where a warm year is called El Niño, 1950-2010.

Run it:  pip install "glassnet[examples]", then python examples/13_sensor_forecast.py --plot
"""

import argparse
from pathlib import Path

import numpy as np

import glassnet as gn
from glassnet.core.errors import require_extra
from glassnet.core.shapes import Array


def main(
    epochs: int = 30, seed: int = 0, plot: bool = False, output: str | Path = "output"
) -> tuple[gn.Model, gn.data.ForecastErrors, Array]:
    """The model, its errors on months that it has not seen, and its forecast of the next year."""
    series = read_months()
    train, test = gn.data.windows(series, past=24, future=12, time="month").split(test_share=0.25)
    print(f"{len(train)} windows to learn from, {len(test)} later ones to be tested with")

    model = gn.Model(gn.Sequential(gn.GRU(24), gn.Dense(12)), "mean_squared_error", gn.Adam(0.005), seed=seed)
    model.forecasting = train.forecasting  # the unit, which is kept in the model's file
    model.fit(train.x, train.y, epochs=epochs, verbose=False)

    errors = test.errors(model.predict(test.x))
    print(f"off by {errors.mean_absolute_error:.2f} °C on average over the twelve months;")
    for name, error in errors.naive_errors().items():
        print(f"a forecast of {name} by {error:.2f} °C")
    ahead = model.forecast(series)
    print("the year after the end:", " ".join(f"{degrees:.1f}" for degrees in ahead))
    if plot:
        Path(output).mkdir(parents=True, exist_ok=True)
        gn.plots.plot_forecast(errors, path=Path(output) / "13_sensor_forecast.png")
    return model, errors, ahead


def read_months() -> dict[str, Array]:
    """Months and their temperatures in °C, from statsmodels, which has a row for each year."""
    require_extra("statsmodels", extra="examples", expected="the package with the temperatures", where="13_forecast")
    from statsmodels.datasets import elnino

    years = elnino.load_pandas().data.to_numpy()
    months = np.datetime64(f"{years[0, 0]:.0f}-01") + np.arange(years[:, 1:].size)
    return {"month": months, "temperature": years[:, 1:].ravel()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A recurrent network forecasts the sea's temperature.")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the windows (30)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and of the order of rows (0)")
    parser.add_argument("--plot", action="store_true", help="draw the last forecast")
    parser.add_argument("--output", default="output", help="the folder for the picture (output)")
    main(**vars(parser.parse_args()))
