"""Which attributes of an object are the user's own, and of what kind their values are."""

from __future__ import annotations

import copyreg
import random
from dis import get_instructions
from functools import cache
from inspect import signature
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from glassnet.core.settings import Configurable
from glassnet.runners.own import is_library_code

GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
"""NumPy's sources of random bits."""
OF_NETWORKS = (
    *("_parameters", "_weights", "_home", "_changed", "_is_closed", "_is_second", "_never_trained", "_declared"),
    *("_in_network", "path", "input_shape", "output_shape"),
)
"""What a network gives its layers."""
INSIDE = "function", "layer"
"""What of the user's stands in an object of the library's."""
SETTINGS = bool, int, float, complex, str, list, tuple, dict, np.ndarray, np.generic, type(None)
"""A constructor's argument of such a kind is in the model's description, as it is by then."""
CONSTANT = type, ModuleType, BuiltinFunctionType, np.ufunc, np.dtype
Digests = dict[str, str]


def own_attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object that neither its constructor's arguments nor the library account for."""
    attributes = dict(getattr(thing, "__dict__", {}))
    return {name: value for name, value in attributes.items() if is_own_attribute(thing, name)}


def is_own_attribute(thing: Any, name: str) -> bool:
    """Whether an attribute of that name, which may not be there yet, is the user's."""
    kind: Any = type(thing)
    if is_library_code(kind):
        return name in INSIDE
    attributes = getattr(thing, "__dict__", {})
    if name in OF_NETWORKS or name in attributes.get("_declared", ()) or name in _set_by_library(kind):
        return False
    if isinstance(thing, Configurable) and name in _arguments_of(kind):
        return not isinstance(attributes.get(name), SETTINGS) and not is_same_by_kind(attributes.get(name))
    return True


@cache
def _arguments_of(kind: Any) -> frozenset[str]:
    """The names of what a class's constructor takes."""
    return frozenset(signature(kind).parameters)


@cache
def _set_by_library(kind: Any) -> frozenset[str]:
    """The attributes that the library's code of a class sets on its objects."""
    names: set[str] = set()
    for base in kind.__mro__:
        if is_library_code(base):
            found = [getattr(part, "__wrapped__", part) for part in vars(base).values()]
            found += [accessor for part in found if isinstance(part, property) for accessor in (part.fget, part.fset)]
            codes = [part.__code__ for part in found if isinstance(part, FunctionType)]
            names |= {i.argval for code in codes for i in get_instructions(code) if i.opname == "STORE_ATTR"}
            names |= {name for name in vars(base) if name.startswith("_") and not name.startswith("__")}
    return frozenset(names)


def name_of(value: Any) -> str:
    """The name of a value's class; of a generator of NumPy's that of its source of bits, too."""
    bits = getattr(value, "bit_generator", None) or getattr(value, "_bit_generator", None)
    return type(value).__qualname__ + ("" if bits is None else f" {type(bits).__name__}")


def state_of_generator(value: Any) -> Any:
    """The state of a generator of random numbers; None for anything else."""
    if type(value) is np.random.Generator and type(value.bit_generator).__name__ in GENERATORS:
        return value.bit_generator.state
    if type(value) is np.random.RandomState:
        return value.get_state(legacy=False)
    if type(value) is random.Random:
        return value.getstate()
    return None


def put_state(generator: Any, state: Any) -> None:
    """Undoes ``state_of_generator``."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)


def is_same_by_kind(value: Any) -> bool:
    """Whether it is nothing that a step changes: a class, a module, a lock, something of the library's."""
    if isinstance(value, CONSTANT) or type(value).__module__ == "_thread":
        return True
    return is_library_code(type(value)) and not getattr(value, "in_python", False)


def is_plain_object(value: Any) -> bool:
    """Whether all that an object keeps stands in its attributes."""
    kind: Any = type(value)
    base: Any = object
    new: Any = vars(copyreg)["__newobj__"]
    if not hasattr(value, "__dict__") or isinstance(value, FunctionType | MethodType):
        return False
    if kind.__reduce_ex__ is not base.__reduce_ex__ or kind.__reduce__ is not base.__reduce__:
        return False
    try:
        made, arguments, state, *further = value.__reduce_ex__(2)
    except Exception:  # noqa: BLE001 - of whatever class
        return False
    is_new = made is new and len(arguments) == 1 and not any(part is not None for part in further)
    return is_new and (state is None or state is vars(value) or state == vars(value))


def new_generator(name: str) -> Any:
    """A generator of that name, None where there is none."""
    kind, _, bits = name.partition(" ")
    if kind == "Generator" and bits in GENERATORS:
        return np.random.Generator(getattr(np.random, bits)())
    if kind == "Random":
        return random.Random()  # noqa: S311 - for no secret
    return np.random.RandomState() if kind == "RandomState" else None
