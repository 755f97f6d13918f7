"""Errors of glassnet's own in Chinese: the frame always, the common sentences about rows where they are known."""

from __future__ import annotations

import re

_KINDS = {
    "numbers": "数值",
    "true and false": "真假值",
    "times": "日期",
    "times of day": "时刻",
    "durations": "时长",
    "words": "文字",
}
_WHERE = (
    (r"(?:.*: )?column ('.*'|\".*\")", r"列 \1"),
    (r"predict: x", "输入的数据"),
    (r"(Table\.apply|predict)", "输入的表格"),
)
_RECEIVED = (
    *(
        (
            rf"the text (.*) in row (\d+), in a column of {kind}(?: \(and .* more such cells\))?",
            rf"第 \2 行的文本 \1，而这一列是{name}",
        )
        for kind, name in _KINDS.items()
    ),
    *((rf"{kind}, such as (.*) in row (\d+)", rf"{name}，例如第 \2 行的 \1") for kind, name in _KINDS.items()),
    (r"an array of shape (.*)", r"形状为 \1 的数组"),
    (r"values of several kinds, (.*) and (.*)", r"同一列中不同种类的值：\1 和 \2"),
    (r"the value (\S+) at (.*)", r"位于 \2 的值 \1"),
)
_EXPECTED = (
    (r"a finite number", "有限的数值"),
    (r"finite numbers", "有限的数值"),
    (r"true or false", "true 或 false"),
    *_KINDS.items(),
    (r"an amount such as (.*)", r"形如 \1 的数值"),
    (r"a date in the form (.*)", r"形如 \1 的日期"),
    (r"a time of day such as (.*)", r"形如 \1 的时刻"),
    (r"a duration such as (.*) or (.*)", r"形如 \1 或 \2 的时长"),
    (r"words as in training: (.*)", r"训练时那样的文字：\1"),
    (r"numbers that (\w+) can hold \(up to (.*)\)", r"\1 能表示的数值（至多 \2）"),
)
_FIX = (
    (r"give the column the form that it had in training.*", "请让这一列保持训练时的形式"),
    (r"mend the cell, or leave it empty where there is no value.*", "请改正这个值；没有值时写 null"),
    (r"scale the data, or use dtype=\"float64\"", "请缩小数值的范围"),
    (r"turn the values into one of these, or leave the column out", "请把这些值改成其中一种"),
)


def in_chinese(where: str, received: str, expected: str, fix: str) -> tuple[str, str, str, str]:
    """The four parts of an error in Chinese, each as it is where there is no sentence for it.

    Example:
        >>> in_chinese("column 'age'", "the text 'old' in row 2, in a column of numbers", "a finite number", "?")[1:3]
        ("第 2 行的文本 'old'，而这一列是数值", '有限的数值')
    """
    return _said(where, _WHERE), _said(received, _RECEIVED), _said(expected, _EXPECTED), _said(fix, _FIX)


def _said(text: str, sentences: tuple[tuple[str, str], ...]) -> str:
    for pattern, chinese in sentences:
        match = re.fullmatch(pattern, text, re.DOTALL)
        if match is not None:
            return match.expand(chinese)
    return text
