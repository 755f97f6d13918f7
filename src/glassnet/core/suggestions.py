"""What somebody most probably means who writes a name that is not glassnet's."""

from __future__ import annotations

from collections.abc import Iterable

from glassnet.core.spellings import ADVICE, ALIASES, ATTRIBUTES, CLASSES, NEAR, SETTINGS

LAYERS: dict[str, str] = {}
"""The classes of activations by the names that may stand for them: each tells its own."""


def advice(setting: str, call: str, value: str) -> str:
    """What to do instead of a setting that glassnet has in another form.

    Args:
        setting: the name that is given, one of ``ADVICE``.
        call: the call without it, as one would type it.
        value: what is given, as one would type it.

    Example:
        >>> advice("activation", "gn.Dense(8)", '"relu"')
        'an activation is a layer of its own: write gn.Dense(8), gn.ReLU()'
    """
    first, _, second = value.strip("()[]").partition(", ")
    if not second:
        first, second = "0.9", "0.999"
    decayed = f"gn.Chain({call}, gn.WeightDecay({value}))"
    if call.startswith("gn.Adam("):
        decayed = _with(call.replace("gn.Adam(", "gn.AdamW(", 1), f"weight_decay={value}")
    return ADVICE[setting].format(
        call=call,
        value=value,
        activation=_activation(value),
        with_betas=_with(call, f"beta1={first}, beta2={second}"),
        decayed=decayed,
    )


def _with(call: str, more: str) -> str:
    return call.removesuffix(")") + ("" if call.endswith("()") else ", ") + more + ")"


def _activation(value: str) -> str:
    """``gn.ReLU()`` for ``"relu"``: the layer of an activation that is written as a setting."""
    name = value.strip("'\"").lower()
    meant = name if name in LAYERS else ALIASES["layer"].get(name, NEAR["layer"].get(name, ""))
    return f"gn.{LAYERS.get(meant, 'ReLU')}()"


def bare(name: str) -> str:
    """A name without capitals and marks, as which two spellings of it are the same.

    Example:
        >>> bare("Cross-Entropy"), bare("cross_entropy"), bare("MSE")
        ('crossentropy', 'crossentropy', 'mse')
    """
    return "".join(letter for letter in name.lower() if letter.isalnum())


def nearest(name: str, known: Iterable[str], family: str = "") -> str | None:
    """The name of a family that somebody most probably means, or None: by tables, spelling, initials and likeness.

    Example:
        >>> known = ["mean_squared_error", "cross_entropy", "huber"]
        >>> nearest("MSELoss", known, "loss"), nearest("cross_entrpy", known, "loss"), nearest("zzz", known, "loss")
        ('mean_squared_error', 'cross_entropy', None)
    """
    from difflib import get_close_matches

    known, asked = list(known), bare(name)
    by_lower = {candidate.lower(): candidate for candidate in known}
    meant = {bare(other): ours for table in (NEAR, ALIASES) for other, ours in table.get(family, {}).items()}
    if meant.get(asked) in known:
        return meant[asked]
    for candidate in known:
        if bare(candidate) == asked:
            return candidate
    by_initials = [full for full in known if "".join(word[:1] for word in full.split("_")) == asked]
    close = by_initials or [by_lower[match] for match in get_close_matches(name.lower(), by_lower, n=1)]
    if not close:
        also = get_close_matches(asked, [other for other, ours in meant.items() if ours in known], n=1, cutoff=0.75)
        close = [meant[also[0]]] if also else []
    return close[0] if close else None


def setting_meant(name: str, known: Iterable[str]) -> str | None:
    """The setting, among those that a call knows, that is meant by another name; None where none is near.

    Example:
        >>> setting_meant("lr", ["momentum", "learning_rate"]), setting_meant("weigth_init", ["weight_init"])
        ('learning_rate', 'weight_init')
    """
    from difflib import get_close_matches

    known, asked = list(known), name.lower()
    same = [ours for ours in known if bare(ours) == bare(name)]
    other = [ours for ours, theirs in SETTINGS.items() if ours in known and asked in theirs.split()]
    if same or other:
        return (same or other)[0]
    if name in ADVICE:
        return None
    close = get_close_matches(asked, known, n=1, cutoff=0.7)
    return close[0] if close else None


def attribute_meant(name: str, known: Iterable[str]) -> str | None:
    """The attribute of an object that is meant by another name; None where none is near.

    Example:
        >>> attribute_meant("requires_grad", ["trainable", "value"]), attribute_meant("trainabel", ["trainable"])
        ('trainable', 'trainable')
        >>> attribute_meant("lr", ["learning_rate"]), attribute_meant("lr", ["learning_rate_scale"])
        ('learning_rate', 'learning_rate_scale')
    """
    known = list(known)
    by_table = (ours for ours, theirs in ATTRIBUTES.items() if ours in known and name.lower() in theirs.split())
    return setting_meant(name, known) or next(by_table, None)


def class_meant(name: str, known: Iterable[str]) -> str | None:
    """What to type for a name that the package does not have, or None.

    Example:
        >>> class_meant("Linear", []), class_meant("Conv2d", ["Conv2D"]), class_meant("zzz", ["Conv2D"])
        ('gn.Dense(units)', 'gn.Conv2D', None)
    """
    from difflib import get_close_matches

    if name in CLASSES:
        return CLASSES[name]
    known = list(known)
    by_bare = {bare(candidate): candidate for candidate in known}
    if bare(name) in by_bare:
        return f"gn.{by_bare[bare(name)]}"
    close = get_close_matches(name, [*known, *CLASSES], n=1, cutoff=0.75)
    return (CLASSES.get(close[0]) or f"gn.{close[0]}") if close else None
