"""Runs the scripts in examples/, whose names start with a digit and so cannot be imported by name."""

import contextlib
import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from matplotlib.image import imread

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def load_example() -> Callable[[str], ModuleType]:
    """Imports an example by the name of its file."""

    def load(name: str) -> ModuleType:
        module_name = f"example_{name}"
        if module_name not in sys.modules:
            spec = importlib.util.spec_from_file_location(module_name, EXAMPLES / f"{name}.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[module_name] = module
        return sys.modules[module_name]

    return load


@pytest.fixture(scope="session")
def run_example(load_example: Callable[[str], ModuleType]) -> Callable[..., tuple[Any, str]]:
    """Runs the ``main`` of an example; gives its result and what it printed."""

    def run(name: str, *arguments: Any, **options: Any) -> tuple[Any, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = load_example(name).main(*arguments, **options)
        return result, printed.getvalue()

    return run


@pytest.fixture(scope="session")
def assert_drawn() -> Callable[[Path], None]:
    """Checks that a picture is a PNG file with something on it."""

    def check(picture: Path) -> None:
        pixels = imread(picture)
        assert picture.suffix == ".png"
        assert min(pixels.shape[:2]) > 100
        assert pixels[..., :3].std() > 0.02

    return check
