"""The page of texts: what the small language model expects and shows is what the model is, and a person can play."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from browser import Opened
from playground_messages import unpack, wait

import glassnet as gn
from glassnet.playground.messages import TEXT_FIELDS, read_message
from glassnet.playground.text_worker import TextWorker
from glassnet.playground.texts import NETWORKS, TextSession

TEXTS = "emma\nnoah\n\n  anna \nhannah\nmona\n"


@pytest.mark.parametrize("network", NETWORKS)
def test_what_comes_next_is_what_the_model_predicts(network: str) -> None:
    session = TextSession(TEXTS, network)
    assert session.lines == ["emma", "noah", "anna", "hannah", "mona"]
    before = session.measured["perplexity"]
    for _ in range(6):
        session.train_for(0.1)
    assert session.measured["perplexity"] < before
    look = session.look("ann")
    assert look.steps == ("", "a", "n", "n")
    (expected,) = session.model.predict_proba(["ann"])
    np.testing.assert_allclose(look.shares, expected[-1], rtol=1e-6)
    assert look.shares.sum() == pytest.approx(1, rel=1e-5)
    names = [own.name for own in look.maps]
    if network == "attention":
        assert names == ["1", "2", "3", "4"]
        for own in look.maps:
            np.testing.assert_allclose(own.values.sum(axis=1), 1, rtol=1e-5)
            assert (np.triu(own.values, 1) == 0).all()
    else:
        assert names[-1] == "state h"
        assert all(own.values.shape[1] == 4 for own in look.maps)
    written = [session.written_on("han") for _ in range(5)]
    assert all(text.startswith("han") and len(text) in (3, 4) for text in written)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (" \n", "no text"),
        ("ab\n" + "c" * 40, "40 letters in line 2"),
        ("ab\n" * 500, "500 lines"),
        ("".join(chr(0x4E00 + i) + "\n" * (i % 20 == 19) for i in range(200)), "200 different letters"),
    ],
)
def test_texts_that_cannot_be_learned_are_refused(texts: str, words: str) -> None:
    with pytest.raises(gn.DataError, match=words):
        TextSession(texts)
    with pytest.raises(gn.ConfigurationError, match="network"):
        TextSession(TEXTS, "rnn")


def test_beginnings_that_cannot_be_read_are_refused() -> None:
    session = TextSession(TEXTS, "gru")
    with pytest.raises(gn.DataError, match="'x'"):
        session.look("ax")
    with pytest.raises(gn.DataError, match="7 letters, expected at most 6"):
        session.look("hannaha")
    assert session.written_on("hannah") == "hannah"


def test_the_thread_answers_each_kind_of_message() -> None:
    sent: list[dict[str, Any]] = []
    worker = TextWorker(lambda message: sent.append(unpack(message)[0]))
    worker.start()

    def say(text: str) -> dict[str, Any]:
        count = len(sent)
        worker.put(read_message(text, TEXT_FIELDS))
        wait(lambda: len(sent) > count and sent[-1]["kind"] == "frame")
        return sent[-1]

    try:
        wait(lambda: len(sent) >= 2)
        assert [own["kind"] for own in sent[:2]] == ["structure", "frame"]
        frame = say('{"kind": "begin", "texts": "emma\\nanna", "network": "lstm"}')
        assert frame["prefix"] == "em"  # the one before has letters that these texts have not
        assert sent[-2]["letters"] == 4
        assert sum(share for _, share in frame["next"]) == pytest.approx(1, rel=1e-4)
        assert say('{"kind": "prefix", "prefix": "an"}')["steps"] == ["", "a", "n"]
        frame = say('{"kind": "prefix", "prefix": "xyz"}')
        assert sent[-2]["code"] == "refused"
        assert frame["prefix"] == "an"
        assert say('{"kind": "write"}')["prefix"].startswith("an")
        say('{"kind": "play"}')
        wait(lambda: sent[-1]["epoch"] > 1)
        assert not say('{"kind": "pause"}')["playing"]
        assert say('{"kind": "reset"}')["epoch"] == 0
        say('{"kind": "begin", "texts": "", "network": "gru"}')
        assert "no text" in sent[-2]["received"]
    finally:
        worker.close()
        worker.thread.join(20)
    for text in ('{"kind": "trace", "language": "en"}', '{"kind": "prefix", "prefix": 3}', '{"kind": "write", "x": 1}'):
        with pytest.raises(gn.DataError):
            read_message(text, TEXT_FIELDS)


def test_the_thread_goes_on_where_nothing_can_be_drawn_after_an_error() -> None:
    sent: list[dict[str, Any]] = []

    class Blind(TextWorker):
        def _show(self) -> None:
            raise ValueError("nothing to draw")

    worker = Blind(lambda message: sent.append(unpack(message)[0]))
    worker.start()
    try:
        wait(lambda: [own["kind"] for own in sent] == ["structure", "error"])
        for count in (4, 6):
            worker.put(read_message('{"kind": "prefix", "prefix": "XYZ"}', TEXT_FIELDS))
            wait(lambda count=count: len(sent) == count)
            assert [own["code"] for own in sent[-2:]] == ["refused", "unforeseen"]
    finally:
        worker.close()
        worker.thread.join(20)


def test_a_person_types_a_beginning_and_sees_what_comes_next(open_page: Callable[..., Opened]) -> None:
    opened = open_page()
    page = opened.page
    page.locator("#texts-page").click()
    page.wait_for_selector("body[data-epoch='0']")
    page.locator("#texts").fill("banana\n" * 3 + "bandana")
    page.locator("#begin").click()
    wait(lambda: page.locator("#about").inner_text().startswith("4 texts, 4 different letters"))
    page.locator("#play").click()
    wait(lambda: float(page.locator("#perplexity").inner_text()) < 1.6)
    page.locator("#play").click()
    page.locator("#prefix").fill("ba")
    wait(
        lambda: (
            page.locator("#next li").first.inner_text().split()[:2]
            == ["n", page.locator("#next span").first.inner_text().split()[0]]
        )
    )
    assert float(page.locator("#next span").first.inner_text().split()[0]) > 80
    assert page.locator("#maps figure").count() == 4
    before = page.locator("#maps canvas").first.screenshot()
    page.locator("#prefix").fill("band")
    wait(lambda: page.evaluate("document.body.dataset.prefix") == "band")
    wait(lambda: page.locator("#maps canvas").first.screenshot() != before)
    page.locator("#prefix").fill("q")
    wait(lambda: "'q'" in page.locator("#message").inner_text())
    page.locator("#network").select_option("gru")
    wait(
        lambda: (
            page.locator("#maps figcaption").all_inner_texts()
            == ["reset gate r", "update gate z", "candidate n", "state h"]
        )
    )
    page.locator("#language").click()
    assert page.locator("#next-title").inner_text() == "下一个字符"
    assert page.locator("#maps figcaption").first.inner_text() in ("重置门 r", "reset gate r")
