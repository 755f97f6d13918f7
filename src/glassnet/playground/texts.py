"""A language model small enough to watch: it learns lines of text letter by letter, and says what it expects next."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.kernels.attention import attention_weights_forward
from glassnet.layers import GRU, LSTM, Dense, Embedding, Layer, PositionalEncoding
from glassnet.model import Model
from glassnet.network import Sequential, TransformerBlock
from glassnet.optimizers import Adam
from glassnet.plots.recurrences import FORWARD, is_gate, panels_of
from glassnet.plots.seen import row_seen
from glassnet.text import Characters

NETWORKS = ("attention", "lstm", "gru")
MOST_LINES, LONGEST, MOST_LETTERS = 400, 31, 120
"""Lines of text, letters in a line, and different letters."""
FRUITS = """apple apricot avocado banana blackberry blueberry cherry clementine coconut cranberry currant date
elderberry fig gooseberry grape grapefruit guava kiwi kumquat lemon lime lychee mandarin mango mulberry nectarine
orange papaya peach pear persimmon pineapple plum pomegranate quince raspberry strawberry tangerine watermelon"""
SHOWN_UNITS = 24
MOST_EPOCHS = 20
"""So many are done at once."""


@dataclass(frozen=True)
class Map:
    """A picture of what goes on inside: lines downwards, steps to the right.

    Attributes:
        name: a head's number, or that of a gate in ``panels_of``.
        kind: "attention", with steps downwards too; "gate" from 0 to 1; or "signed".
        values: (rows, steps).
    """

    name: str
    kind: str
    values: Array


@dataclass(frozen=True)
class Look:
    """What the model makes of the beginning of a text.

    Attributes:
        prefix: the beginning.
        steps: what it read, step by step: "" for the boundary, then letters.
        shares: the probability of each letter to come, by the vocabulary's numbers, the boundary's last (V,).
        maps: what went on inside.
    """

    prefix: str
    steps: tuple[str, ...]
    shares: Array
    maps: tuple[Map, ...]


class TextSession:
    """A language model in training.

    Args:
        texts: lines, each a text of its own; blank ones are left out.
        network: one of ``NETWORKS``.
        seed: of weights, order and writing.

    Raises:
        DataError: no lines, too many, too long, too many different letters.
        ConfigurationError: another network.
    """

    def __init__(self, texts: str, network: str = "attention", seed: int = 0) -> None:
        self.network = one_of(network, "network", "playground", NETWORKS)
        self.lines = _lines(texts)
        self.vocabulary = Characters.from_data(self.lines)
        self.context = max(map(len, self.lines)) + 1
        size = len(self.vocabulary)
        inside: dict[str, list[Layer]] = {
            "attention": [PositionalEncoding(), TransformerBlock(4, 24, causal=True)],
            "lstm": [LSTM(32, return_sequences=True)],
            "gru": [GRU(32, return_sequences=True)],
        }
        net = Sequential(Embedding(size, 24), *inside[network], Dense(size))
        self.model = Model(net, "cross_entropy", Adam(0.01), ["perplexity"], seed=seed)
        self.model.vocabulary = self.vocabulary
        self._x, self._y = self.vocabulary.next_tokens(self.lines, self.context)
        self._rng = np.random.default_rng(seed)
        self._seconds_per_epoch = 0.02
        net.build((self.context,), seed=seed)
        self.measured = self.model.evaluate(self._x, self._y)

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return self.model.epochs_trained

    def train_for(self, seconds: float) -> None:
        """Trains for about that long, by the pace of the last time; at least one epoch."""
        epochs = int(np.clip(seconds / self._seconds_per_epoch, 1, MOST_EPOCHS))
        started = perf_counter()
        history = self.model.fit(self._x, self._y, epochs=epochs, batch_size=16, verbose=False)
        self._seconds_per_epoch = (perf_counter() - started) / epochs
        self.measured = {name: history[name][-1] for name in ("loss", "perplexity")}

    def look(self, prefix: str) -> Look:
        """What the model expects behind a beginning, and what goes on in it.

        Raises:
            DataError: a letter that no line has; a beginning as long as the longest line.
        """
        if len(prefix) >= self.context:
            raise DataError(
                where="playground: the beginning",
                received=f"{len(prefix)} letters",
                expected=f"at most {self.context - 1}, as many as the longest line has",
                fix="take fewer letters",
            )
        calls, count, _ = row_seen(self.model, prefix, (attention_weights_forward, *FORWARD), None, "playground")
        (shares,) = self.model.predict_proba([prefix])
        maps: list[Map] = []
        for call in calls:
            if "weights" in call.arrays:
                heads = call.arrays["weights"][0, :, :count, :count].swapaxes(1, 2)  # (H, S, T) -> (H, T, S)
                maps += [Map(str(number), "attention", own) for number, own in enumerate(heads, start=1)]
            else:
                for name, values in panels_of(call).items():
                    maps.append(Map(name, "gate" if is_gate(name) else "signed", values[0, :count, :SHOWN_UNITS].T))
        return Look(prefix, ("", *prefix), np.asarray(shares[count - 1]), tuple(maps))

    def written_on(self, prefix: str) -> str:
        """The beginning and one letter more, drawn by the model's probabilities; as it is where the text is over."""
        shares = self.look(prefix).shares.astype(np.float64)
        letter = int(self._rng.choice(len(shares), p=shares / shares.sum()))
        is_over = letter == self.vocabulary.boundary or len(prefix) + 1 >= self.context
        return prefix if is_over else prefix + self.vocabulary.tokens[letter]


def _lines(texts: str) -> list[str]:
    lines = [line.strip() for line in texts.splitlines() if line.strip()]
    longest = max(range(len(lines)), key=lambda place: len(lines[place]), default=0)
    faults = [
        (not lines, "no text", "some lines of it, each a text of its own"),
        (len(lines) > MOST_LINES, f"{len(lines):,} lines", f"at most {MOST_LINES}"),
        (
            bool(lines) and len(lines[longest]) > LONGEST,
            f"{len(lines[longest]) if lines else 0} letters in line {longest + 1}",
            f"at most {LONGEST} in a line",
        ),
        (len(set("".join(lines))) > MOST_LETTERS, f"{len(set(''.join(lines)))} different letters", f"{MOST_LETTERS}"),
    ]
    for is_wrong, received, expected in faults:
        if is_wrong:
            raise DataError(
                where="playground: the texts", received=received, expected=expected, fix="write one short text a line"
            )
    return lines
