"""Names that a C source may have for itself: those of the languages and of their libraries are left alone."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from glassnet.core.errors import ConfigurationError, shown

PREFIX = "glassnet_"
"""What stands before a name that C, C++ or a library keeps for itself."""
MOST_LETTERS = 200
WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class co_await co_return co_yield compl
    concept const const_cast consteval constexpr constinit continue decltype default delete do double dynamic_cast else
    enum explicit export extern false far final float for friend goto huge if import inline int interface long main max
    min module mutable namespace near new noexcept not not_eq nullptr operator or or_eq override pascal private
    protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast std struct switch template this thread_local throw true try typedef typeid typename typeof
    typeof_unqual union unsigned using virtual void volatile while xor xor_eq arm i386 linux mips sun unix vax
"""
"""Of C up to C23 and of C++ up to C++20, and macros that compilers define beyond them."""
_FAMILIES = re.compile(
    r"_|.*__|.*_(?:t|l|np|r|unlocked)\Z|[A-Z][A-Z0-9_]*\Z|(?:PRI|SCN)"
    r"|(?:atomic|clock|cnd|mtx|posix|pthread|re|sa|sched|sem|shm|si|thrd|timer|tss)_|f(?:32|64)x?[a-z]"
    rf"|{PREFIX}|(?:.*_)?layer(?:_|\Z)|(?:in|out)put_(?:mean|scale)"
)
"""Types, variants of functions, macros, which are in capitals, what standards keep for later, and names made here."""
_VARIANTS = re.compile(r"[fl]\Z"), re.compile(r"(?:32|64|128)x?\Z"), re.compile(r"f(?:32|64|128)x?\Z")
"""What stands behind the name of a function for numbers of another length."""


@cache
def _library() -> frozenset[str]:
    """The names of functions, and of macros and types in small letters, of C99, POSIX and glibc.

    A program that has such a function of its own calls it in the library's place, if it is compiled at all.
    """
    return frozenset(Path(__file__).with_name("library_names.txt").read_text("ascii").split())


def is_reserved(name: str) -> bool:
    """Whether C, C++ or a library of theirs may have the name for something else."""
    return (
        name in WORDS.split()
        or _FAMILIES.match(name) is not None
        or not _library().isdisjoint((name, *(variant.sub("", name) for variant in _VARIANTS)))
    )


def function_name(wanted: str, taken: frozenset[str]) -> str:
    """A name for a function that programs call.

    Args:
        wanted: the name that it has wherever C, C++ and their libraries leave it free; else with ``PREFIX`` before it.
        taken: the source's own names.

    Raises:
        ConfigurationError: it is no identifier.

    Example:
        >>> own = frozenset({"dense"})
        >>> [function_name(name, own) for name in ("predict", "int", "expf", "dense", "_Bool", "read")]
        ['predict', 'glassnet_int', 'glassnet_expf', 'glassnet_dense', 'glassnet_Bool', 'glassnet_read']
    """
    if not isinstance(wanted, str) or not re.fullmatch(rf"[A-Za-z_]\w{{,{MOST_LETTERS}}}", wanted, re.ASCII):
        raise ConfigurationError(
            where="export_c",
            received=f"function={shown(wanted)}",
            expected=f"a C identifier: letters, digits and underscores, no digit first, at most {MOST_LETTERS}",
            fix='write function="predict"',
        )
    if wanted not in taken and not is_reserved(wanted):
        return wanted
    return PREFIX + (re.sub("__+", "_", wanted).strip("_").removeprefix(PREFIX) or "function")


def constant_name(layer: str, name: str) -> str:
    r"""A name for an array, which can be nothing else's.

    Example:
        >>> constant_name("0.residual.1", "weight"), constant_name("t\n*/", "_Float")
        ('weight_layer_0_residual_1', 'Float_layer_t')
    """
    letters = re.sub(r"[^A-Za-z0-9]+", "_", f"{name}_layer_{layer}")
    return letters.strip("_").lstrip("0123456789_")[:MOST_LETTERS]
