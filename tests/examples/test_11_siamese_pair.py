"""Example 11: unseen images of digits that it knows, and the tower's weights once."""

EXAMPLE = "11_siamese_pair"


def test_a_pair_is_told_apart_better_than_by_pixels(run_example):
    result, printed = run_example(EXAMPLE)
    assert result.known > 0.9
    assert result.known > result.known_by_pixels + 0.05
    assert f"{64 * 64 + 64 + 64 * 16 + 16 + 16 + 1} parameters" in printed
