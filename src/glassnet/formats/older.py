"""Files of earlier versions: their descriptions as this version writes them.

The format's number stays the same while what is new is added beside what there is, with a meaning for files without it:
no callbacks, no forms of a table, no time of writing. Version 2 alone is another, since a checksum that is missing must
not pass for one that never was. What was called otherwise is renamed here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

_NAMED_TWICE = {"rate": "schedules.Constant", "value": "initializers.Constant"}
"""Before rooms stood in their names, two classes were called Constant; their arguments tell them apart."""


def brought_up(description: Mapping[str, Any], classes: Collection[str]) -> Mapping[str, Any]:
    """The description with classes named as they are now.

    The first files named classes without their room, ``"Dense"`` for ``"layers.Dense"``. Newer ones give such a bare
    name to a user's class alone, which must not be taken for one of glassnet's.

    Args:
        description: of a file, which may hold anything.
        classes: the names that are known, those of the user's own classes among them.
    """
    names = list(_class_names(description))
    if any("." in name for name in names):
        return description
    rooms = {name.rpartition(".")[2]: name for name in classes if "." in name}
    rooms = {bare: name for bare, name in rooms.items() if bare not in classes and bare != "Constant"}
    return _renamed(description, rooms)  # type: ignore[no-any-return]


def _class_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(value.get("class"), str):
        yield value["class"]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _class_names(inner)


def _renamed(value: Any, rooms: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, rooms) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _renamed(inner, rooms) for key, inner in value.items()}
    name, settings = value.get("class"), value.get("settings")
    if name == "Constant" and isinstance(settings, dict) and len(settings) == 1:
        found["class"] = _NAMED_TWICE.get(next(iter(settings)), name)
    elif isinstance(name, str) and "module" not in value:
        found["class"] = rooms.get(name, name)
    return found
