"""What the tests and the examples in the sources share."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Examples in the sources that need PyTorch, which is not always there, are skipped without it."""
    if find_spec("torch") is not None:
        return
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.dtest is not None and "torch" in item.dtest.name.split("."):
            item.add_marker(pytest.mark.skip(reason="needs PyTorch"))
