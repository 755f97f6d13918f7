"""A request's body: JSON, read strictly."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from glassnet.serving.refusals import BAD_REQUEST, TOO_LARGE, Refusal, shown

MOST_DIGITS = 400
"""The limit for one number: more than the longest of float64 has before its point."""


def rows_of(body: bytes, most_rows: int) -> tuple[list[Any], bool]:
    """The rows that a body asks about, ``{"rows": [...]}`` or ``{"row": ...}``, and whether it is the latter.

    Raises:
        Refusal: no JSON; NaN, Infinity and numbers beyond float64, which are none; a name twice in an object; another
            form; no rows or too many.
    """
    found = _read(body)
    if not isinstance(found, dict) or (set(found) != {"rows"} and set(found) != {"row"}):
        names = ", ".join(shown(name) for name in list(found)[:5]) if isinstance(found, dict) else ""
        raise Refusal(
            BAD_REQUEST,
            (
                "body",
                f"an object with {names or 'nothing'}" if isinstance(found, dict) else shown(found),
                'an object with "rows", a list, or "row", a single one',
                'send {"rows": [...]}; GET /model says what a row is',
            ),
            (
                "请求体",
                f"含有 {names or '空内容'} 的对象" if isinstance(found, dict) else shown(found),
                '含有 "rows"（列表）或 "row"（单独一行）的对象',
                '请发送 {"rows": [...]}；一行应是什么样，见 GET /model',
            ),
        )
    if "row" in found:
        return [found["row"]], True
    rows = found["rows"]
    if not isinstance(rows, list) or not rows:
        raise Refusal(
            BAD_REQUEST,
            ("rows", shown(rows), "a list with at least one row", 'send {"rows": [...]}, or {"row": ...} for one'),
            ("rows", shown(rows), "至少含一行的列表", '请发送 {"rows": [...]}；只有一行时发送 {"row": ...}'),
        )
    if len(rows) > most_rows:
        raise Refusal(
            TOO_LARGE,
            ("rows", f"{len(rows):,} rows", f"at most {most_rows:,} in a request", "send them in several requests"),
            ("rows", f"{len(rows):,} 行", f"每个请求至多 {most_rows:,} 行", "请分成几个请求发送"),
        )
    return rows, False


def _read(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(f"bytes that are no UTF-8, at {error.start}", f"不是 UTF-8 的字节（位置 {error.start}）")
    try:
        return json.loads(
            text, parse_constant=_constant, parse_float=_real, parse_int=_whole, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        _refuse(
            f"text that is no JSON ({error.msg} at line {line}, column {column})",
            f"不是 JSON 的文本（第 {line} 行第 {column} 列）",
        )
    except RecursionError:
        _refuse("lists in lists without end", "嵌套过深的列表或对象")


def _constant(name: str) -> NoReturn:
    _refuse(f"{name}, which is no JSON", f"{name}，JSON 中没有这样的数")


def _real(text: str) -> float:
    value = float(text) if len(text) <= MOST_DIGITS else float("inf")
    if value in (float("inf"), -float("inf")):
        _too_long(text)
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        _too_long(text)
    value = int(text)
    if abs(value) >= 2**1023:
        _too_long(text)
    return value


def _too_long(text: str) -> NoReturn:
    start = text if len(text) <= 20 else f"{text[:20]}..."
    _refuse(f"the number {start}, beyond the largest of float64", f"超出 float64 范围的数 {start}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        _refuse(f"the name {shown(twice)} twice in an object", f"同一对象中出现两次的名称 {shown(twice)}")
    return found


def _refuse(english: str, chinese: str) -> NoReturn:
    raise Refusal(
        BAD_REQUEST,
        ("body", english, "JSON (RFC 8259) in UTF-8; null for what is not known", "let a JSON library write the body"),
        ("请求体", chinese, "UTF-8 编码的 JSON（RFC 8259）；未知的值写 null", "请用 JSON 库生成请求体"),
    )
