"""How the names in kernels are written in mathematics: base, what stands above, what stands below."""

from __future__ import annotations

from functools import cache

from glassnet.kernels import KernelInfo

Symbol = tuple[str, str, str]


@cache
def _read(text: str) -> dict[str, Symbol]:
    """Lines of ``name base^above_below``."""
    found = {}
    for entry in text.split(";") if text else ():
        name, written = entry.split()
        base, _, below = written.partition("_")
        base, _, above = base.partition("^")
        found[name] = (base, above, below)
    return found


_SYMBOLS = _read("""
x x; y y; weight W; bias b; dy δ^y; dx δ^x; dweight dW; dbias db; gamma γ; beta β; dgamma dγ; dbeta dβ; mean μ;
inverse_std σ^−1; total S; square_total Q; shift μ_run; running_mean μ_run; running_variance σ²_run; variance σ²;
xhat x̂; dxhat δ^x̂; omega w; weights w; row_weights ω; losses ℓ; value L; logits z; outputs o; targets t;
labels y; probabilities p; doutputs δ^o; t t′; top max; lse lse; r r; p p; q q; u u; du u′; mask mask; index winner;
place winner; decided won; shortcut s; branch b; dshortcut δ^s; dbranch δ^b; part part; dpart δ^part;
parameters θ; gradients g; m m; v v; velocity v; square_sum G; mean_square v; momentum_product Π; mhat m̂; vhat v̂;
ahead ahead; now now; learning_rate η; beta1 β_1; beta2 β_2; epsilon ε; momentum μ; next_momentum μ_next; rho ρ;
strength λ; rate rate; limit c; delta δ; slope slope; alpha α; factor c; count m; label_smoothing ε; step t;
floor floor; pi π; rows rows; columns columns; first first
""")


def symbol(name: str, kernel: KernelInfo) -> Symbol:
    """The symbol of an array, setting, index or short form; what has none of its own is written as it is.

    A name that ends in ``_`` is one after an update, or an index of the output: it gets a prime.
    """
    plain = name.removesuffix("_")
    base, above, below = _read(kernel.symbols).get(plain) or _SYMBOLS.get(plain, (plain, "", ""))
    return base, ("′" if plain != name else "") + above, below


def axes(letters: tuple[str, ...], kernel: KernelInfo) -> tuple[str, ...]:
    """The letters of an array's axes as the kernels' docstrings write them; none where one is not known."""
    if not all(letters):
        return ()
    own = _read(kernel.symbols)
    return tuple(own[letter][0] if letter in own else letter.replace("_", "′") for letter in letters)
