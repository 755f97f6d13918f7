"""JavaScript modules as one script, for a page that is a single file."""

from __future__ import annotations

import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import (?:\{(?P<names>[^}]*)\}|\* as (?P<whole>\w+)) from "\./(?P<file>\w+)\.js";\n', re.M)
_EXPORT = re.compile(r"^export \{(?P<names>[^}]*)\};\n", re.M)


def bundled(modules: Mapping[str, str], entry: str) -> str:
    r"""The modules that one needs, each in a scope of its own, every one behind those that it imports.

    Args:
        modules: their text by name; of imports and exports they have ``import { a, b as c } from "./name.js";``,
            ``import * as name from "./name.js";`` and ``export { a, b as c };``.
        entry: the name of the one that begins.

    Raises:
        ValueError: a module that there is not, modules that need each other, or another form of import or export.

    Example:
        >>> modules = {"a": 'import { b } from "./b.js";\nb();\n', "b": "const b = alert;\nexport { b };\n"}
        >>> print(bundled(modules, "a"), end="")
        "use strict";
        const $b = (() => {
        const b = alert;
        return { b };
        })();
        const $a = (() => {
        const { b } = $b;
        b();
        })();
    """
    done: list[str] = []
    _add(modules, entry, done, ())
    return '"use strict";\n' + "".join(f"const ${name} = (() => {{\n{_scope(modules[name])}}})();\n" for name in done)


def _add(modules: Mapping[str, str], name: str, done: list[str], around: tuple[str, ...]) -> None:
    if name in around or name not in modules:
        raise ValueError(f"{' > '.join((*around, name))}: " + ("a circle" if name in around else "no such module"))
    if name not in done:
        for found in _IMPORT.finditer(modules[name]):
            _add(modules, found["file"], done, (*around, name))
        done.append(name)


def _scope(text: str) -> str:
    text = _IMPORT.sub(lambda found: f"const {found['whole'] or _picked(found['names'])} = ${found['file']};\n", text)
    exported = _EXPORT.findall(text)
    text = _EXPORT.sub("", text)
    if re.search(r"^(import|export)\b", text, re.M) or len(exported) > 1:
        raise ValueError("a form of import or export that is not known here")
    return text + "".join(f"return {_given(names)};\n" for names in exported)


def _picked(names: str) -> str:
    return f"{{ {', '.join(re.sub(r' as ', ': ', name.strip()) for name in names.split(',') if name.strip())} }}"


def _given(names: str) -> str:
    pairs = [name.strip().split(" as ") for name in names.split(",") if name.strip()]
    return f"{{ {', '.join(own[0] if len(own) == 1 else f'{own[1]}: {own[0]}' for own in pairs)} }}"
