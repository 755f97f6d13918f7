"""Without a language of their own, traces speak the one that glassnet speaks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import glassnet as gn


@pytest.fixture
def chinese() -> Iterator[None]:
    gn.set_language("zh")
    yield
    gn.set_language(None)


def logged() -> gn.Trace:
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", gn.SGD(0.1))
    return gn.trace(model, np.ones((2, 2)), np.ones((2, 1)))


def test_a_trace_follows_the_language_that_was_chosen(chinese: None) -> None:
    found = logged()
    assert "前向传播" in str(found)
    assert found.to_text() == found.to_text(language="zh")
    assert '<html lang="zh">' in found.to_html()
    assert "forward" in found.to_text(language="en")
    assert '<html lang="en">' in found.to_html(language="en")


def test_without_a_choice_it_is_english() -> None:
    assert logged().to_text() == logged().to_text(language="en")
    with pytest.raises(gn.ConfigurationError, match="language='fr', expected one of 'en', 'zh'"):
        logged().to_html(language="fr")
