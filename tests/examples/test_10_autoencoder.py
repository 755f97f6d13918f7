"""Example 10: better than principal components, and a code that keeps digits apart."""

EXAMPLE = "10_autoencoder"


def test_codes_explain_more_than_principal_components(run_example, assert_drawn, tmp_path):
    result, printed = run_example(EXAMPLE, epochs=60, plot=True, output=tmp_path)
    assert result.network > result.principal_components + 0.03
    assert result.neighbours > 0.9
    assert_drawn(result.picture)
    assert f"{result.network:.1%}" in printed
