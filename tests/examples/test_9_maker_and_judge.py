"""Example 9: the maker draws the ring, all round."""

import glassnet as gn

EXAMPLE = "9_maker_and_judge"


def test_the_maker_draws_a_ring(run_example, assert_drawn, tmp_path):
    result, printed = run_example(EXAMPLE, plot=True, output=tmp_path)
    assert abs(result.radius - 2) < 0.15
    assert result.spread < 0.3
    assert result.emptiest > 0.04
    assert_drawn(result.picture)
    assert f"radius {result.radius:.2f}" in printed


def test_before_the_game_there_is_no_ring(run_example):
    result, _ = run_example(EXAMPLE, steps=1)
    assert abs(result.radius - 2) > 0.5
    assert isinstance(gn.Sequential(gn.Dense(1)).frozen(), gn.Sequential)
