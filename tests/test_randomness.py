"""The counter-based generator: known answers, a second implementation in plain integers, and independence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.core.randomness import generator, philox_4x32, random_words, stream_id

# Known-answer vectors of the Random123 distribution (kat_vectors, philox4x32 10): counter, key, result.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]

word = st.integers(0, 2**32 - 1)


def words(text: str) -> tuple[int, ...]:
    """Hexadecimal words as numbers."""
    return tuple(int(part, 16) for part in text.split())


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox-4x32-10 as printed in Salmon et al. 2011, section 3.3, in plain integers."""
    (l0, r0, l1, r1), (k0, k1) = counter, key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * l0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * l1, 2**32)
        l0, r0, l1, r1 = high1 ^ r0 ^ k0, low1, high0 ^ r1 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return l0, r0, l1, r1


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, answer: str):
    result = philox_4x32(words(counter), words(key))
    assert result.dtype == np.uint32
    assert result.shape == (1, 4)
    assert tuple(result[0].tolist()) == words(answer)
    assert philox(words(counter), words(key)) == words(answer)


def test_known_answers_as_one_vector():
    for key in {row[1] for row in KNOWN_ANSWERS}:
        rows = [row for row in KNOWN_ANSWERS if row[1] == key] * 3
        columns = np.array([words(counter) for counter, _, _ in rows], dtype=np.uint64).T
        answers = [list(words(answer)) for _, _, answer in rows]
        assert philox_4x32(tuple(columns), words(key)).tolist() == answers


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.tuples(word, word, word, word), st.tuples(word, word))
def test_any_block_equals_plain_integers(counter, key):
    assert tuple(philox_4x32(counter, key)[0].tolist()) == philox(counter, key)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), word)
def test_words_are_the_documented_blocks(seed: int, step: int, stream: int):
    """Block b has the counter (b, step low, step high, stream) and the key (seed low, seed high)."""
    expected = [
        w
        for b in range(3)
        for w in philox((b, step % 2**32, step >> 32, stream), (seed % 2**32, seed >> 32))
    ]  # fmt: skip
    assert random_words(12, seed=seed, step=step, stream=stream).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 1000])
def test_fewer_words_are_the_beginning_of_more(count: int):
    many = random_words(1003, seed=3, step=5, stream=7)
    few = random_words(count, seed=3, step=5, stream=7)
    assert few.shape == (count,)
    assert few.dtype == np.uint32
    np.testing.assert_array_equal(few, many[:count])


def test_seed_step_and_stream_each_change_the_words():
    settings_of_words = [
        {"seed": 0, "step": 0, "stream": 0},
        {"seed": 1, "step": 0, "stream": 0},
        {"seed": 2**32, "step": 0, "stream": 0},
        {"seed": 0, "step": 1, "stream": 0},
        {"seed": 0, "step": 2**32, "stream": 0},
        {"seed": 0, "step": 2**32 + 1, "stream": 0},
        {"seed": 0, "step": 2**40, "stream": 0},
        {"seed": 0, "step": 0, "stream": 1},
        {"seed": 0, "step": 0, "stream": stream_id("3.residual.1")},
    ]
    drawn = [random_words(64, **values) for values in settings_of_words]
    for i, first in enumerate(drawn):
        for second in drawn[:i]:
            assert np.count_nonzero(first == second) <= 1  # by chance 64 · 2⁻³² of them


def test_words_are_uniform_and_bits_fair():
    drawn = random_words(200_000, seed=11, step=13, stream=17).astype(np.float64) / 2**32
    n = len(drawn)
    assert abs(drawn.mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    counts = np.bincount((drawn * 64).astype(int), minlength=64)
    chi_square = np.sum((counts - n / 64) ** 2) / (n / 64)
    assert 63 - 5 * np.sqrt(126) < chi_square < 63 + 5 * np.sqrt(126)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 5 / np.sqrt(n)


def test_generators_depend_on_their_arguments_alone():
    first = generator(0, "shuffle", 3).random(4)
    np.testing.assert_array_equal(first, generator(0, "shuffle", 3).random(4))
    others = [generator(1, "shuffle", 3), generator(0, "split", 3), generator(0, "shuffle", 4), generator(0, "shuffle")]
    drawn = [first, *(g.random(4) for g in others)]
    assert len({tuple(values) for values in drawn}) == 5


def test_generators_leave_the_global_state_alone():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    generator(0, "shuffle").random(10)
    random_words(10, seed=0, step=0, stream=0)
    assert np.random.random() == expected


def test_stream_of_a_name():
    """CRC-32's check value: that of "123456789" is cbf43926."""
    assert stream_id("123456789") == 0xCBF43926
    paths = [f"{i}.{part}.{j}" for i in range(30) for part in ("residual", "shortcut", "layers") for j in range(30)]
    assert Counter(map(stream_id, paths)).most_common(1)[0][1] == 1
