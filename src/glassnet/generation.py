"""Texts that a language model writes, a token at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.randomness import generator
from glassnet.core.settings import number, whole
from glassnet.core.shapes import Array
from glassnet.model import Model
from glassnet.model.checks import check_vocabulary
from glassnet.text import Vocabulary
from glassnet.text.vocabulary import as_vocabulary

HOTTEST = 1e6
"""At such a temperature all tokens are as good as equally probable."""
ROUNDING = 64
"""Scores that lie no further apart, in units of the last place of the greatest, are the same but for rounding."""


@suggests
def generate(
    model: Model,
    prompt: str = "",
    *,
    max_tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> str:
    """Lets a language model go on with a text: it draws token after token by the probabilities that the model gives.

    The same model, prompt and settings give the same text. Where the model can (see ``Model.stream``) each token is
    read once; else all of them are read again for each further one.

    Args:
        model: with a ``vocabulary``, whose network reads tokens (N, T) and gives, for each step, scores of the token
            that comes next (N, T, K).
        prompt: how the text begins; "" for a text from its beginning.
        max_tokens: how many tokens to add at most. None for as many as the network's T steps have room for. Of more
            than that a network with a fixed context reads the last T alone, and no longer how the text began; a
            recurrent one goes on with its state.
        temperature: above 1 for bolder texts, below for tamer ones; 0 takes the most probable token each time.
        top_k: draw among so many most probable tokens only; None for all.
        seed: keys what is drawn.

    Returns:
        The prompt and what follows, up to the boundary that ends a text.

    Raises:
        NotBuiltError: the model has seen no data.
        ConfigurationError: a model without a vocabulary, or that is no language model of it; settings that cannot be.
        DataError: a prompt with what the vocabulary has not, or longer than the network's context; a network whose
            scores overflow.

    Source of top_k: A. Fan, M. Lewis, Y. Dauphin, "Hierarchical neural story generation", ACL 2018, section 5.3.

    Example:
        >>> import glassnet as gn
        >>> letters = gn.text.Characters("ab")
        >>> net = gn.Sequential(gn.Embedding(3, 4), gn.GRU(8, return_sequences=True), gn.Dense(3))
        >>> _ = net.build((6,))
        >>> model = gn.Model(net, "cross_entropy", "adam")
        >>> model.vocabulary = letters
        >>> text = gn.generate(model, "ab", max_tokens=5, seed=1)
        >>> text.startswith("ab"), len(text) <= 7
        (True, True)
    """
    vocabulary, steps = _language(model)
    temperature = number(temperature, "temperature", "generate", low=0, high=HOTTEST)
    top_k = len(vocabulary) if top_k is None else whole(top_k, "top_k", "generate")
    rng = generator(whole(seed, "seed", "generate", low=0), "generate")
    numbers = [vocabulary.boundary, *_prompt(prompt, vocabulary, steps)]
    added = steps + 1 - len(numbers) if max_tokens is None else whole(max_tokens, "max_tokens", "generate", low=0)
    next_token = _reader(model, steps)
    start = len(numbers)
    while len(numbers) < start + added:
        probabilities = next_token(numbers)
        if not np.isfinite(probabilities).all():
            raise DataError(
                where="generate",
                received=f"probabilities that are no numbers, after {len(numbers) - 1:,} tokens",
                expected="finite scores of all tokens: those of this network overflow",
                fix="train it anew with a smaller learning rate",
            )
        drawn = _drawn(probabilities, temperature, top_k, rng)
        if drawn == vocabulary.boundary:
            break
        numbers.append(drawn)
    before = vocabulary.decode(numbers[:start])
    return prompt + vocabulary.decode(numbers).removeprefix(before)


def _language(model: Model) -> tuple[Vocabulary, int]:
    """The model's vocabulary, and how many steps its network has.

    Raises:
        ConfigurationError: it is no language model.
    """
    model.require_built("generate")
    model.require_one_output("generate")
    if model.vocabulary is None:
        raise ConfigurationError(
            where="generate",
            received="a model without a vocabulary",
            expected="one that knows which number means which token",
            fix="set model.vocabulary to what the texts were encoded with, such as gn.text.Characters.from_data(texts)"
            "; on the command line glassnet train --task text makes such models",
        )
    vocabulary = as_vocabulary(model.vocabulary)
    check_vocabulary(model.network, vocabulary)
    network, count = model.network, len(vocabulary)
    inputs, outputs = network.input_shape or (), network.output_shape or ()
    if len(inputs) != 1 or outputs != (*inputs, count) or not model.loss.decides_classes:
        raise ConfigurationError(
            where="generate",
            received=f"a network from rows of shape {inputs} to {outputs}, with the loss {shown(model.loss)}",
            expected=f"one from T tokens to a score of each of the {count:,} tokens at each step, (T, {count}), with "
            "CrossEntropy",
            fix=f"end the network in gn.Dense({count}), and let recurrent layers return_sequences",
        )
    return vocabulary, inputs[0]


def _prompt(prompt: str, vocabulary: Vocabulary, steps: int) -> list[int]:
    """The tokens of a prompt that a network has room for, its boundary before it."""
    try:
        numbers = vocabulary.encode(prompt).tolist()
    except DataError as error:
        raise DataError(**error.parts | {"where": "generate: prompt"}) from None
    if len(numbers) >= steps:
        raise DataError(
            where="generate: prompt",
            received=f"{len(numbers):,} tokens, {shown(prompt)}",
            expected=f"at most {steps - 1:,}: a network of {steps:,} steps reads them after the boundary",
            fix="give the end of it alone, which is all that the network would see",
        )
    return [int(number) for number in numbers]


def _reader(model: Model, steps: int) -> Callable[[Sequence[int]], Array]:
    """What gives the probabilities of the next token after some, which are those of the call before and further ones.

    Raises:
        ConfigurationError: the network looks ahead.
    """
    try:
        stream = model.stream()
    except ConfigurationError:
        stream = None
        _require_blind(model, steps)
    limits = [layer.stream_limit for _, layer in model.network.walk() if layer.stream_limit is not None]
    room = 0 if stream is None else min(limits, default=inf)

    def read(numbers: Sequence[int]) -> Array:
        if stream is not None and len(numbers) <= room:
            scores = [stream.step(number) for number in numbers[stream.steps :]][-1]
            return np.asarray(model.loss.probabilities(scores)[0])
        seen = numbers[-steps:]
        x = np.zeros((1, steps), np.int64)
        x[0, : len(seen)] = seen
        return np.asarray(model.predict_proba(x)[0, len(seen) - 1])

    return read


def _require_blind(model: Model, steps: int) -> None:
    """Refuses a network whose answer at a step depends on later ones: it has learned to copy, not to foretell.

    Raises:
        ConfigurationError: it is such a one.
    """
    half = steps // 2
    below = model.network.demands.below
    x = generator(0, "generate: two rows").integers(0, below, (2, steps))
    x[1, :half] = x[0, :half]
    x[1, half:] = (x[0, half:] + 1) % below[half:]
    one, other = np.asarray(model.predict(x))[:, :half]  # not probabilities, in which a small difference drowns
    with np.errstate(invalid="ignore"):  # of scores that overflow, which are refused where they are drawn from
        differ = abs(one - other).max(initial=0) > ROUNDING * np.finfo(one.dtype).eps * abs(one).max(initial=0)
    if differ:
        raise ConfigurationError(
            where="generate",
            received="a network whose answer at a step changes with the tokens behind it",
            expected="one that foretells: each step sees itself and those before it",
            fix="write causal=True in its attention, and no reverse or Bidirectional layers",
        )


def _drawn(probabilities: Array, temperature: float, top_k: int, rng: np.random.Generator) -> int:
    """A token, by its probability; of several that are most probable the first."""
    given = probabilities.astype(np.float64)
    at = rng.random()  # at any temperature, so that the draws behind are the same
    if temperature == 0:
        return int(given.argmax())
    with np.errstate(divide="ignore", over="ignore"):  # -inf is a token that is never drawn
        scores = np.log(given)
        scores = (scores - scores.max()) / temperature  # in this order: near 0 all but the greatest become -inf
    if top_k < len(scores):
        scores[np.argsort(-scores, kind="stable")[top_k:]] = -inf
    shares = np.cumsum(np.exp(scores))
    return int(np.searchsorted(shares, at * shares[-1], side="right"))
