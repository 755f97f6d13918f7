"""What trains the language model of a page of texts, and sends what it expects and how it comes to that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.playground.frames import pack
from glassnet.playground.messages import TEXT_FIELDS
from glassnet.playground.texts import FRUITS, LONGEST, Look, TextSession
from glassnet.playground.thread import FRAME_SECONDS, PageThread

MOST_SHOWN = 14
"""Letters whose probabilities are drawn."""
FIRST_PREFIX = "straw"


class TextWorker(PageThread):
    """The language model of one page, in a thread of its own.

    Args:
        send: as for every ``PageThread``.
        ended: as for every ``PageThread``.
    """

    fields = TEXT_FIELDS

    def __init__(self, send: Callable[[bytes], None], ended: Callable[[PageThread], None] | None = None) -> None:
        super().__init__(send, ended)
        self._texts, self._network = "\n".join(FRUITS.split()), "attention"
        self._prefix = FIRST_PREFIX
        self._session: TextSession | None = None

    def _open(self) -> None:
        self._on_begin(self._texts, self._network)

    def _train(self, seconds: float) -> None:
        self._current().train_for(8 * FRAME_SECONDS)
        self._show()

    def _current(self) -> TextSession:
        if self._session is None:
            raise ConfigurationError(
                where="playground",
                received="a wish before there is a network",
                expected="texts that it can learn",
                fix="write some lines",
            )
        return self._session

    def _show(self) -> None:
        """The model as it is, and what it makes of the beginning."""
        if self._session is None:
            return
        session, look = self._session, self._session.look(self._prefix)
        measured = {name: value if np.isfinite(value) else None for name, value in session.measured.items()}
        header: dict[str, Any] = {"kind": "frame", "playing": self._playing, "epoch": session.epochs, **measured}
        maps = [{"name": own.name, "kind": own.kind, "shape": own.values.shape} for own in look.maps]
        header |= {"prefix": look.prefix, "steps": look.steps, "next": _next(session, look), "maps": maps}
        self._send(pack(header, {f"map{place}": own.values for place, own in enumerate(look.maps)}))

    def _on_begin(self, texts: str, network: str) -> None:
        session = TextSession(texts, network)
        self._session, self._texts, self._network = session, texts, network
        self._playing = False
        known = set(session.vocabulary.characters)
        if len(self._prefix) >= session.context or not set(self._prefix) <= known:
            self._prefix = session.lines[0][:2]
        about = {"texts": texts, "network": network, "lines": len(session.lines), "letters": len(known)}
        weights = session.model.network.parameters.size
        self._send(pack({"kind": "structure", **about, "weights": weights, "longest": LONGEST}))
        self._show()

    def _on_reset(self) -> None:
        self._on_begin(self._texts, self._network)

    def _on_play(self) -> None:
        self._current()
        self._playing = True
        self._show()

    def _on_pause(self) -> None:
        self._playing = False
        self._show()

    def _on_prefix(self, prefix: str) -> None:
        self._current().look(prefix)  # which refuses what cannot be read
        self._prefix = prefix
        self._show()

    def _on_write(self) -> None:
        self._prefix = self._current().written_on(self._prefix)
        self._show()


def _next(session: TextSession, look: Look) -> list[tuple[str, float]]:
    """The letters that may come and their probabilities, the likeliest first; "" for the end of the text."""
    tokens = (*session.vocabulary.tokens, "")
    order = np.argsort(-look.shares, kind="stable")[:MOST_SHOWN]
    return [(tokens[place], float(look.shares[place])) for place in order]
