"""What many tests share."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from glassnet.core.catalogues import choose

# No test depends on the locale of the machine; nor do the processes that tests start.
os.environ["GLASSNET_LANGUAGE"] = "en"

# A busy machine makes drawing slow, which is no fault of a test.
settings.register_profile("glassnet", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("glassnet")

# Whoever starts the tests in the background may have Ctrl-C ignored; that would be handed on to what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What collecting made stays to the end: the cycle collector, which many tests call, need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A test that chooses a language chooses it for itself."""
    yield
    choose(None)


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """90 rows of three well separated classes in two dimensions."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    return centres[labels] + 0.4 * rng.normal(size=(90, 2)), labels
