"""How batches are cut: the same sums in the same order, however many ranks there are."""

from __future__ import annotations

import pytest

from glassnet.distributed.shards import Node, add_up, ends, number_of_shards, roots


def written(node: Node) -> str:
    """A sum as it is written, with all its brackets."""
    if node.stop - node.start == 1:
        return str(node.start)
    return "({} + {})".format(*map(written, node.halves))


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 7, 8, 12, 31])
def test_any_number_of_ranks_adds_in_the_same_order(shards: int) -> None:
    for ranks in range(1, 10):
        own = roots(shards, ranks)
        assert len(own) == ranks
        nodes = [node for one in own for node in one]
        assert [place for node in nodes for place in range(node.start, node.stop)] == list(range(shards))
        texts = [written(node) for node in nodes]

        known = dict(zip(nodes, texts, strict=True))
        assert add_up(Node(0, shards), known.get, "({} + {})".format) == written(Node(0, shards))


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_a_power_of_two_of_ranks_sends_one_sum_each(ranks: int) -> None:
    assert {len(own) for own in roots(8, ranks)} == {1}


def test_shards_depend_on_rows_alone() -> None:
    assert [number_of_shards(rows) for rows in (1, 3, 4, 64, 512, 513, 1024)] == [1, 3, 4, 4, 4, 5, 8]
    assert [number_of_shards(rows, mixes_rows=True) for rows in (1, 31, 32, 64, 1024)] == [1, 1, 2, 4, 8]
    assert ends(10, 4) == (0, 2, 5, 7, 10)
