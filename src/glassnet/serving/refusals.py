"""What a request that is refused gets: JSON with the four parts of an error, in English or Chinese."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, TypeAlias

from glassnet.core.catalogues import parts_in
from glassnet.core.errors import GlassnetError

BAD_REQUEST, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, TOO_SLOW = 400, 403, 404, 405, 408
TOO_LARGE, NOT_JSON, UNUSABLE, FAILED, BUSY = 413, 415, 422, 500, 503


class Parts(NamedTuple):
    """The four parts of an error in one language."""

    where: str
    received: str
    expected: str
    fix: str


Written: TypeAlias = tuple[str, str, str, str]


class Refusal(Exception):  # noqa: N818 - no fault of this program
    """A request that is not answered.

    Args:
        status: of HTTP.
        english: where, received, expected and fix, as ``GlassnetError`` has them.
        chinese: the same.
    """

    def __init__(self, status: int, english: Written, chinese: Written) -> None:
        super().__init__(status)
        self.status = status
        self.parts = {"en": Parts(*english), "zh": Parts(*chinese)}

    def message(self, language: str) -> str:
        """The four parts in one sentence."""
        own = self.parts[language]
        if language == "zh":
            return f"{own.where}：收到：{own.received}；应为：{own.expected}。解决办法：{own.fix}。"
        return f"{own.where}: received {own.received}, expected {own.expected}. To fix it: {own.fix}."

    def body(self, language: str) -> bytes:
        """JSON: ``{"error": {"where": ..., "received": ..., "expected": ..., "fix": ..., "message": ...}}``."""
        error = self.parts[language]._asdict() | {"message": self.message(language)}
        return as_json({"error": error})


def refusal_of(error: GlassnetError) -> Refusal:
    """An error of glassnet's own about the rows."""
    parts = error.where, error.received, error.expected, error.fix
    own = parts_in(dict(zip(Parts._fields, parts, strict=True)), "zh")
    return Refusal(UNUSABLE, parts, (own["where"], own["received"], own["expected"], own["fix"]))


def failed() -> Refusal:
    """What nobody has foreseen; the log says what."""
    return Refusal(
        FAILED,
        ("predict", "rows that this program failed at", "an answer", "ask who runs the server to look into its log"),
        ("predict", "使程序出错的数据", "能够给出的预测", "请运行服务器的人查看它的日志"),
    )


def as_json(value: Any) -> bytes:
    """Compact JSON in UTF-8.

    Raises:
        ValueError: a number that is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # halves of pairs are letters of no text


def language_of(accepted: str | None) -> str:
    """The language of answers for a header Accept-Language: Chinese where it stands before English, else English.

    Example:
        >>> [language_of(own) for own in ("zh-CN,zh;q=0.9,en;q=0.8", "en-GB,zh;q=0.5", "de, zh;q=0.3", "*", None)]
        ['zh', 'en', 'zh', 'en', 'en']
    """
    weights = {"en": 0.0, "zh": 0.0}
    for entry in (accepted or "")[:1000].lower().split(","):
        name, _, rest = entry.strip().partition(";")
        language = name.strip().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _quality(rest))
    return "zh" if weights["zh"] > weights["en"] else "en"


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0


def shown(value: Any) -> str:
    """A value of a request as JSON, cut short."""
    if isinstance(value, list | dict) and len(value) > 5:
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value):,}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
