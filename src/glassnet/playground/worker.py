"""What trains the network of a page of tables and points, answers its messages, and sends what it draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, GlassnetError, shown
from glassnet.core.settings import whole
from glassnet.playground.advice import Stall, cures_of
from glassnet.playground.changes import LIVE, Change
from glassnet.playground.code import python_code
from glassnet.playground.examples import Table
from glassnet.playground.frames import Frames, pack
from glassnet.playground.messages import FASTEST, FIELDS
from glassnet.playground.past import Past
from glassnet.playground.resume import retrace
from glassnet.playground.session import Session
from glassnet.playground.settings import Setting
from glassnet.playground.thread import FRAME_SECONDS, PageThread
from glassnet.tracing.page import steps_of

SECONDS_TO_RESUME = 20.0
"""So long a training is told again, for a page that comes back."""


class Worker(PageThread):
    """One page's network, in a thread of its own.

    Args:
        send: as for every ``PageThread``.
        table: the table that the page begins with, or None.
        ended: as for every ``PageThread``.
    """

    fields = FIELDS

    def __init__(
        self,
        send: Callable[[bytes], None],
        table: Table | None = None,
        ended: Callable[[PageThread], None] | None = None,
    ) -> None:
        super().__init__(send, ended)
        self._table = table
        self._pace = 30.0
        self._due = 0.0  # epochs that the pace asks for and that are not done yet
        self._setting = Setting(dataset="table", hidden=(8, 4)) if table is not None else Setting()
        self._session: Session | None = None
        self._past: Past | None = None
        self._frames: Frames | None = None
        self._stall, self._is_advised = Stall(), False
        self._told: tuple[Change, ...] = ()  # the changes that the page knows

    def _open(self) -> None:
        self._on_configure(self._setting.to_dict())

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
        self._look_after(session, seconds)

    def _look_after(self, session: Session, seconds: float) -> None:
        """Where nothing happens for a while, says what may be wrong; once in a training."""
        assert self._frames is not None
        if self._is_advised or not self._stall.saw(session.epochs, self._frames.loss, seconds):
            return
        self._is_advised = True
        self._advise()

    def _advise(self) -> None:
        session = self._current()
        assert self._past is not None
        scores = session.scores()
        dead = len(self._past.deaths()) / max(1, session.filters + sum(session.setting.hidden))
        cures = [asdict(cure) for cure in cures_of(session, scores, dead)]
        loss = scores.loss[0] if np.isfinite(scores.loss[0]) else None
        if cures:
            self._send(pack({"kind": "advice", "cures": cures, "loss": loss, "epochs": session.epochs}))

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
        if self._frames is not None and self._past is not None:
            self._past.keep()
            changes = self._current().changes
            if changes is not self._told:
                self._told = changes
                self._send(pack({"kind": "changes", "changes": [change.to_dict() for change in changes]}))
            self._send(self._frames.frame(is_playing=self._playing))

    def _begin(self, setting: Setting) -> None:
        """A fresh network; where it cannot be made, the one before stays."""
        session = Session(setting, self._table)
        self._take(session, Past(session))

    def _take(self, session: Session, past: Past) -> None:
        self._setting, self._session, self._past = session.setting, session, past
        self._frames = Frames(session, past)
        self._due = 1.0
        self._stall, self._is_advised = Stall(), False
        self._send(self._frames.structure())
        self._show()

    def _on_configure(self, setting: object) -> None:
        self._begin(Setting.from_dict(setting))

    def _on_reset(self) -> None:
        self._playing = False
        self._begin(self._setting if self._session is None else self._session.now)

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

    def _on_change(self, name: str, value: float, place: int) -> None:
        session = self._current()
        if name in LIVE and not session.model.optimizer.steps and not session.changes:
            self._begin(self._setting.having(name, value))  # nothing has been learned with another value
            return
        session.change(name, value, place)
        self._show()

    def _on_look(self, place: int) -> None:
        self._current()
        assert self._past is not None
        self._playing = False
        self._past.go_to(place)
        self._show()

    def _on_resume(self, setting: object, changes: object, epochs: object, batch: object) -> None:
        """Tells a training again, to the same bits, for a page whose connection was lost."""
        start = Setting.from_dict(setting)
        if not isinstance(changes, list):
            raise DataError(
                where="message", received=f"changes: {shown(changes, 40)}", expected="a list", fix="send what was sent"
            )
        plan = [Change.from_dict(change) for change in changes]
        goal = whole(epochs, "epochs", "message", low=0), whole(batch, "batch", "message", low=0)
        session = Session(start, self._table)
        past = Past(session)
        is_done = retrace(session, past, plan, goal, SECONDS_TO_RESUME)
        self._playing = False
        self._send(pack({"kind": "resumed"}))
        self._take(session, past)
        if not is_done:
            self._send(pack({"kind": "error", "code": "resumed_partly", "count": session.epochs, "most": goal[0]}))

    def _on_table(self, content: bytes, name: str) -> None:
        before = self._table
        self._table = Table(content, name)
        try:
            before_setting = self._setting if self._session is None else self._session.now
            self._begin(replace(before_setting, dataset="table", target="", axes=(0, 1), loss=""))
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
