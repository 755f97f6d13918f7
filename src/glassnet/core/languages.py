"""The language that glassnet speaks."""

from __future__ import annotations

import os

from glassnet.core.catalogues import VARIABLE, choose, of_name
from glassnet.core.errors import ConfigurationError, shown


def set_language(language: str | None) -> None:
    """Chooses the language of errors, warnings, hints, diagnoses, pictures and pages, for the whole process.

    Without it the environment decides: ``GLASSNET_LANGUAGE``, else the user's locale (``LC_ALL``, ``LC_MESSAGES``,
    ``LANG``). English is what everything else means.

    Args:
        language: ``"en"`` or ``"zh"``, also as a locale, such as ``"zh_CN"``; None for what the environment says.

    Raises:
        ConfigurationError: another one.

    Example:
        >>> set_language("zh")
        >>> try:
        ...     set_language("de")
        ... except ConfigurationError as error:
        ...     print(error)
        set_language：收到：'de'；应为："en"（英语）或 "zh"（中文）。解决办法：从这两个里选一个。
        >>> set_language(None)
    """
    found = of_name(language) if isinstance(language, str) else None
    if language is not None and found is None:
        raise _unknown(language, "set_language")
    choose(found)


def require_known_language() -> None:
    """Refuses a ``GLASSNET_LANGUAGE`` that is not spoken here.

    Raises:
        ConfigurationError: it is set to another one.
    """
    name = os.environ.get(VARIABLE)
    if name and of_name(name) is None:
        raise _unknown(name, VARIABLE)


def _unknown(language: object, where: str) -> ConfigurationError:
    return ConfigurationError(
        where=where,
        received=shown(language, 40),
        expected='"en" (English) or "zh" (Chinese)',
        fix="choose one of the two",
    )
