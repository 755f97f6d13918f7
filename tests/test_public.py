"""The public face: what ``import glassnet`` gives, and what it does not load."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import glassnet as gn
from glassnet.core.errors import MissingExtraError

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
    "glassnet.distributed",
    "statistics",
    "subprocess",
    "mmap",
)


def loaded_by(code: str) -> set[str]:
    """The modules that some code loads beyond NumPy's own import."""
    code = f"import sys, numpy; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_loads_no_room() -> None:
    """The names are there at once: what stands behind them is loaded when one is asked for."""
    loaded = loaded_by("import glassnet")
    ours = {"glassnet", "glassnet.core", *(f"glassnet.core.{name}" for name in ("doors", "forks", "lazy"))}
    # Which is a name for what Python has begun with, and which NumPy loads itself from some version on.
    begun = {"importlib", "importlib._bootstrap", "importlib._bootstrap_external"}
    assert ours <= loaded <= ours | begun, "others beside them, such as ast, whose parser takes milliseconds"


def test_a_model_loads_nothing_heavy() -> None:
    """Each of these is loaded where it is first needed."""
    loaded = loaded_by("import glassnet as gn; gn.Model(gn.Dense(2), 'mean_squared_error', 'adam')")
    assert "glassnet.model" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)
    ours = [name for name in loaded if name.startswith("glassnet")]
    assert len(ours) < 320, "each file takes some 100 µs"


def test_every_public_name_is_at_its_home_whatever_was_imported_before() -> None:
    """The stub is the one list; importing a file of a package sets an attribute there, which must hide no name."""
    for module in walk_packages(gn.__path__, "glassnet."):
        if not module.name.endswith(("__main__", "_native", "_native_avx2", "_native_avx512", "_native_processor")):
            with suppress(MissingExtraError):
                import_module(module.name)
    stub = ast.parse(Path(gn.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    assert stub.body[1:] == imports
    assert sorted(alias.name for node in imports for alias in node.names) == sorted(gn.__all__)
    for node in imports:
        for alias in node.names:
            assert alias.asname == alias.name  # otherwise type checkers would not take it for public
            home = import_module(node.module or "")
            assert getattr(gn, alias.name) is getattr(home, alias.name)
            assert isinstance(getattr(gn, alias.name), ModuleType) == (node.module == "glassnet"), alias.name
    for name in gn.__all__:
        room = getattr(gn, name)
        for inside in getattr(room, "__all__", ()) if isinstance(room, ModuleType) else ():
            assert not isinstance(getattr(room, inside), ModuleType) or room is gn.kernels, (name, inside)


def test_classes_can_be_pickled_before_they_are_asked_for() -> None:
    made = pickle.dumps(gn.Dense(3))
    code = f"import glassnet, pickle; print(pickle.loads({made!r}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "Dense(3)"


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
