"""The native module's variants for other processors than this one, as far as this one can run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glassnet.compile import native
from glassnet.compile.binding import VARIANTS

module = native()
pytestmark = pytest.mark.skipif(module is None, reason="a pure-Python installation")
LOADED = "" if module is None else module.__name__.removeprefix("glassnet.")
FILES = ("test_image_kernels.py", "test_kernels.py", "test_shapes.py")
OTHERS = VARIANTS[1 : VARIANTS.index(LOADED)] if LOADED else ()  # the first one is of another family of processors


def run(variant: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"GLASSNET_VARIANT": variant, "GLASSNET_FEWER_SHAPES": "4"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.parametrize("variant", OTHERS)
def test_every_kernel(variant: str) -> None:
    """Against NumPy, by the tests that the variant for this processor passes too, with a quarter of their shapes."""
    tests = [str(Path(__file__).parent / name) for name in FILES]
    found = run(variant, "-m", "pytest", "-q", "-n", "0", *tests)
    assert found.returncode == 0, found.stdout[-3000:]
    assert " passed" in found.stdout


def test_an_unknown_variant_is_refused() -> None:
    found = run("_native_sse5", "-c", "from glassnet.compile import native; native()")
    assert found.returncode != 0
    assert "GLASSNET_VARIANT" in found.stderr
    assert "_native_sse5" in found.stderr
