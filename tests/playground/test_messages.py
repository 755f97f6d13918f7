"""What the page may say, how often, and what waits to be answered."""

from __future__ import annotations

import json
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet.playground.messages import FIELDS, Allowance, Message, read_message
from glassnet.playground.worker import Worker


@settings(deadline=None)  # other work goes on beside
@given(
    st.text(max_size=60)
    | st.builds(
        lambda k, v: json.dumps({"kind": k} | v),
        st.sampled_from(list(FIELDS)),
        st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=2),
    )
)
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        message = read_message(text)
    except gn.DataError:
        return
    assert message.kind in FIELDS
    assert sorted(message.values) == sorted(FIELDS[message.kind])


def test_an_allowance_grows_again() -> None:
    allowance = Allowance(per_second=1000.0, in_advance=2.0)
    assert [allowance.take() for _ in range(2)] == [True, True]
    time.sleep(0.01)
    assert allowance.take()
    slow = Allowance(per_second=0.001, in_advance=1.0)
    assert [slow.take() for _ in range(3)] == [True, False, False]


def test_a_worker_whose_queue_is_full_refuses_and_can_be_closed() -> None:
    free, started = threading.Event(), threading.Event()

    def send(_: bytes) -> None:
        started.set()
        free.wait()

    worker = Worker(send)
    worker.start()
    started.wait()
    with pytest.raises(gn.DataError, match="more messages"):
        any(worker.put(Message("pause")) for _ in range(1000))  # type: ignore[func-returns-value]
    worker.close()  # while the thread is busy
    free.set()
    worker.thread.join(timeout=10)
    assert not worker.thread.is_alive()
