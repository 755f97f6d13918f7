"""The words inside pictures, in Chinese; pictures are drawn with English ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHINESE = {
    r"area under the ROC curve (.*)": r"ROC 曲线下面积 \1",
    r"average precision (.*)": r"平均精确率 \1",
    r"expected calibration error (.*)": r"期望校准误差 \1",
    r"guessing, (.*)": r"随机猜测，\1",
    r"model, (.*)": r"模型，\1",
    r"model": "模型",
    r"perfect": "完全可信",
    r"95 % interval": "95 % 区间",
    r"false alarms: share of class 0 taken for 1": "误报率：类别 0 被判为 1 的比例",
    r"hits: share of class 1 found": "命中率：类别 1 被找出的比例",
    r"recall: share of class 1 found": "召回率：类别 1 被找出的比例",
    r"precision: of those taken for 1, the share of it": "精确率：判为类别 1 的里面判对的比例",
    r"share of class 1": "类别 1 的实际比例",
    r"share that was right": "判对的比例",
    r"predicted probability of class 1": "预测的类别 1 概率",
    r"probability of the predicted class": "所判类别的概率",
    r"rows": "行数",
    r"(\d+) of (\d+) right, (.*)": r"\2 行中 \1 行判对，\3",
    r"predicted": "预测类别",
    r"true": "真实类别",
    r"share of the true class": "占真实类别的比例",
    r"mean absolute error (.*)": r"平均绝对误差 \1",
    r"(.*), of ([\d,]+) rows ([\d,]+) drawn": r"\1，\2 行中画出 \3 行",
    r"(.*); the first (\d+) of (\d+) outputs": r"\1；\3 个输出中的前 \2 个",
    r"true amount(.*)": r"真实值\1",
    r"predicted amount(.*)": r"预测值\1",
    r"predicted − true(.*)": r"预测 − 真实\1",
    r"mean (\S+)": r"平均 \1",
    r"epoch": "轮",
    r"training": "训练",
    r"validation": "验证",
    r"loss": "损失",
    r"accuracy": "准确率",
    r"roc auc": "ROC 曲线下面积",
    r"f1": "F1 值",
    r"log loss": "对数损失",
    r"mean squared error": "均方误差",
    r"root mean squared error": "均方根误差",
    r"r2": "R²",
    r"(no|\d+) mistakes? among (\d+) images(.*)": r"\2 张图中判错 \1 张\3",
    r"(.*), the (\d+) surest of them": r"\1，其中最有把握的 \2 张",
}
"""What a text of a picture that fits the first pattern as a whole is called."""
_PATTERNS = [(re.compile(english, re.DOTALL), chinese) for english, chinese in CHINESE.items()]


def chinese(text: str) -> str:
    """The text in Chinese, as far as it is known; names from data stay what they are."""
    for pattern, other in reversed(_PATTERNS):  # the longer ones last: they have a shorter one inside them
        match = pattern.fullmatch(text)
        if match is not None:
            found = match.expand(other)
            inner = match.group(1) if match.groups() and match.group(1) and other.startswith("\\1") else ""
            return found.replace(inner, chinese(inner), 1) if inner and inner != text else found
    return text


def translate(figure: Figure, language: str) -> None:
    """Puts the texts of a figure into the language of its page, but for those of ticks, which are names from data."""
    if language != "zh":
        return
    from matplotlib.text import Text

    ticks = {id(label) for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text() and id(text) not in ticks:
            text.set_text(chinese(text.get_text().replace("\n", " ")))
