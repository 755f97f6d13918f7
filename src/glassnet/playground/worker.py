"""A thread for each page: it trains, answers messages, and sends what the page draws."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import Empty, Full, Queue
from time import perf_counter
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, DivergenceError, GlassnetError
from glassnet.core.output import logger
from glassnet.core.waiting import NobodyWaits, waited_for
from glassnet.playground.code import python_code
from glassnet.playground.examples import Table, TableError
from glassnet.playground.frames import Frames, pack
from glassnet.playground.messages import FASTEST, Message
from glassnet.playground.session import Session
from glassnet.playground.settings import Setting
from glassnet.tracing.page import steps_of

FRAME_SECONDS = 1 / 40
"""The least time from one frame to the next."""
MOST_WAITING = 100
"""Messages that wait to be answered."""


class PageGoneError(Exception):
    """The page is not there any more."""


class Worker:
    """One page's network, in a thread of its own.

    Args:
        send: takes a message for the page, comes back when it has left, and raises ``PageGoneError`` without a page.
        table: the table that the page begins with, or None.
        ended: is called by the thread when it ends.
    """

    def __init__(
        self, send: Callable[[bytes], None], table: Table | None = None, ended: Callable[[Worker], None] | None = None
    ) -> None:
        self._send, self._ended = send, ended
        self._is_over = False
        self._waiting: Queue[Message | None] = Queue(MOST_WAITING)
        self._table = table
        self._playing = False
        self._pace = 30.0
        self._due = 0.0  # epochs that the pace asks for and that are not done yet
        self._setting = Setting(dataset="table", hidden=(8, 4)) if table is not None else Setting()
        self._session: Session | None = None
        self._frames: Frames | None = None
        self.thread = threading.Thread(target=self._run, name="glassnet playground", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self.thread.start()

    def put(self, message: Message) -> None:
        """Leaves a message to be answered.

        Raises:
            DataError: too many wait already.
        """
        try:
            self._waiting.put_nowait(message)
        except Full:
            raise too_many_messages() from None

    def close(self) -> None:
        """Ends the thread, within the work in progress; comes back at once. To be called where ``put`` is."""
        self._is_over = True
        with suppress(Empty):  # nobody waits for these answers any more
            while True:
                self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    def _run(self) -> None:
        try:
            with waited_for(lambda: not self._is_over), suppress(PageGoneError, NobodyWaits):
                self._work()
        finally:
            if self._ended is not None:
                self._ended(self)

    def _work(self) -> None:
        self._answer(Message("configure", {"setting": self._setting.to_dict()}))
        last = perf_counter()
        while True:
            timeout = max(0.0, last + FRAME_SECONDS - perf_counter()) if self._playing else None
            try:
                message = self._waiting.get(timeout=timeout) if timeout != 0 else self._waiting.get_nowait()
            except Empty:
                now = perf_counter()
                self._guard(self._train, min(0.25, now - last))
                last = now
                continue
            if message is None:
                return
            was_playing = self._playing
            self._answer(message)
            if self._playing and not was_playing:
                last = perf_counter()

    def _answer(self, message: Message) -> None:
        self._guard(getattr(self, f"_on_{message.kind}"), **message.values)

    def _guard(self, action: Callable[..., None], *given: Any, **named: Any) -> None:
        """Does something; whatever goes wrong is told to the page, and the thread goes on."""
        try:
            action(*given, **named)
        except PageGoneError:
            raise
        except GlassnetError as error:
            self._playing = False
            self._send(error_message(error))
            if self._frames is not None:
                self._show()
        except Exception:  # noqa: BLE001 - whatever it is: logged, and told to the page
            logger().exception("the playground failed")
            self._playing = False
            self._send(pack({"kind": "error", "code": "unforeseen"}))

    def _train(self, seconds: float) -> None:
        session = self._current()
        if self._pace >= FASTEST:
            session.train_for(0.8 * FRAME_SECONDS, most_epochs=FASTEST)
        else:
            self._due = min(self._due + self._pace * seconds, self._pace)
            if self._due < 1:
                return
            before = session.epochs
            session.train_for(2 * FRAME_SECONDS, most_epochs=int(self._due))
            self._due = max(0.0, self._due - (session.epochs - before))
        self._show()

    def _current(self) -> Session:
        if self._session is None:
            raise ConfigurationError(
                where="playground",
                received="a wish before there is a network",
                expected="a setting that the data fit",
                fix="choose another data set or target column",
            )
        return self._session

    def _show(self) -> None:
        if self._frames is not None:
            self._send(self._frames.frame(is_playing=self._playing))

    def _begin(self, setting: Setting) -> None:
        """A fresh network; where it cannot be made, the one before stays."""
        session = Session(setting, self._table)
        self._setting, self._session, self._frames = setting, session, Frames(session)
        self._due = 1.0
        self._send(self._frames.structure())
        self._show()

    def _on_configure(self, setting: object) -> None:
        self._begin(Setting.from_dict(setting))

    def _on_reset(self) -> None:
        self._playing = False
        self._begin(self._setting)

    def _on_play(self) -> None:
        self._current()
        self._playing, self._due = True, 1.0
        self._show()

    def _on_pause(self) -> None:
        self._playing = False
        self._show()

    def _on_step(self) -> None:
        self._playing = False
        self._current().step()
        self._show()

    def _on_epoch(self) -> None:
        self._playing = False
        self._current().train(1)
        self._show()

    def _on_pace(self, epochs_per_second: float) -> None:
        self._pace = float(epochs_per_second)

    def _on_table(self, content: bytes, name: str) -> None:
        before = self._table
        self._table = Table(content, name)
        try:
            self._begin(replace(self._setting, dataset="table", target="", axes=(0, 1), loss=""))
        except GlassnetError:
            self._table = before
            raise

    def _on_trace(self, language: str) -> None:
        self._playing = False
        self._show()
        self._send(pack({"kind": "trace", **steps_of(self._current().trace(), language)}))

    def _on_code(self) -> None:
        self._send(pack({"kind": "code", "text": python_code(self._current())}))

    def _on_model(self) -> None:
        content = self._current().model_file()
        self._send(pack({"kind": "model", "bytes": len(content)}, {"file": np.frombuffer(content, np.uint8)}))


def error_message(error: GlassnetError) -> bytes:
    """An error as the page shows it: its four parts, and a code for those that the page has words of its own for."""
    told: dict[str, Any] = {"code": "diverged" if isinstance(error, DivergenceError) else "refused"}
    if isinstance(error, TableError):
        told = {"code": error.code, "count": error.count, "most": error.most, "column": error.column}
    return pack({"kind": "error", **error.parts, **told})


def too_many_messages() -> DataError:
    """The error of a page that sends faster than it may."""
    return DataError(
        where="message",
        received="more messages than can be answered",
        expected="some 40 a second at most",
        fix="wait a moment and try again",
    )
