"""The public face: what ``import glassnet`` gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import glassnet as gn

HEAVY = (
    "rich",
    "matplotlib",
    "safetensors",
    "tempfile",
    "tarfile",
    "csv",
    "difflib",
    "html",
    "numpy.typing",
    "argparse",
)


def test_importing_loads_nothing_heavy() -> None:
    """Beyond NumPy's own import; each of these is loaded where it is first needed."""
    code = "import sys, numpy; before = set(sys.modules); import glassnet; print(*sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "glassnet.model" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_every_public_name_is_there_and_explained() -> None:
    for name in gn.__all__:
        public = getattr(gn, name)
        assert name == "__version__" or (public.__doc__ or "").strip(), name


def test_public_names_are_those_of_the_design() -> None:
    """Names that programs written for the library rely on."""
    expected = """
    Model Sequential Residual Concat Dense ReLU Dropout Flatten Reshape NumpyLayer NumpyRunner TracingRunner
    SGD AdaGrad RMSProp Adam AdamW NAdam Lion EarlyStopping Checkpoint ReduceOnPlateau check_gradients trace load
    losses optimizers schedules initializers metrics data plots layers kernels
    """
    assert set(expected.split()) <= set(gn.__all__)
    for module in ("losses", "schedules", "initializers", "metrics", "optimizers"):
        assert isinstance(getattr(gn, module), ModuleType)


def test_dir_shows_the_public_names_and_no_others() -> None:
    """Also before and after rooms are loaded, and in the rooms themselves."""
    code = "import glassnet as gn; first = dir(gn); gn.data, gn.plots, gn.report; print(first == dir(gn), *first)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", *sorted(gn.__all__)]
    for hidden in ("model", "checks", "settings", "Any", "TYPE_CHECKING", "training"):
        assert hidden not in dir(gn)
    for name in dir(gn):
        room = getattr(gn, name)
        if isinstance(room, ModuleType) and hasattr(room, "__all__"):
            assert dir(room) == sorted(room.__all__), name


def test_a_star_import_gives_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from glassnet import *", names)
    assert set(gn.__all__) <= set(names)
