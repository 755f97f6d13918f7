"""Learners' questions: the code beside each, in either language, prints the answer that the page shows."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"en": "questions.md", "zh": "questions.zh-CN.md"}
KEY_WORDS = {
    "en": (
        "equal units", "without noise", "has no ½", "the softmax, p_k", "log K", "divided by that", "of this batch",
        "vanishing gradients", "too small by this factor", "right for", "tolerance", "the xᵀ in dW",
        "the sum of the slopes", "dead ReLU", "learning rate too high", "learning rate too low", "by heart",
        "error term", "goes to the winner", "slides over",
    ),
    "zh": (
        "相同的单元", "没有噪声", "没有 ½", "正是 softmax，即 p_k", "log K", "除以这个概率",
        "这个小批量自己的", "梯度消失",
        "小了这么一个因子", "类别不平衡", "容差", "dW = xᵀ dy 里的 xᵀ", "等于斜率之和", "死亡的 ReLU", "学习率过高",
        "学习率过低", "背了下来", "误差项", "都给赢家", "滑过整张图",
    ),
}  # fmt: skip
"""What each answer turns on."""


class Question(NamedTuple):
    """A section of the page."""

    code: str
    answers: list[str]


class Terminal(io.StringIO):
    """Somebody sees what is printed, so that ``fit`` gives its hints."""

    def isatty(self) -> bool:
        return True


def read(language: str) -> tuple[str, list[Question]]:
    """The code that all questions begin with, and the questions."""
    opening, *sections = re.split(r"^## ", (DOCS / PAGES[language]).read_text(encoding="utf-8"), flags=re.MULTILINE)
    blocks = [(re.findall(r"```(python|text)\n(.*?)```", text, flags=re.DOTALL)) for text in (opening, *sections)]
    (((_, setup),), *rest) = blocks
    for (first, _), (second, _) in rest:
        assert (first, second) == ("python", "text")
    return setup, [Question(code, re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)) for (_, code), (_, shown) in rest]


def squeezed(text: str) -> str:
    """Without blanks and line ends, and what moves a terminal's cursor."""
    return re.sub(r"\s|\x1b\[[?\d]*[A-Za-z]", "", text)


@pytest.mark.parametrize("language", PAGES)
@pytest.mark.parametrize("number", range(1, 21))
def test_the_code_gives_the_answer(number: int, language: str) -> None:
    setup, questions = read(language)
    question, found, out = questions[number - 1], dict[str, Any](), Terminal()
    with redirect_stdout(out):
        exec(setup + question.code, found)
    shown = squeezed(out.getvalue())
    for answer in question.answers:
        assert squeezed(answer) in shown, answer
    assert squeezed(KEY_WORDS[language][number - 1]) in squeezed("".join(question.answers))


def test_both_pages_have_twenty_questions_with_the_same_code() -> None:
    (english_setup, english), (chinese_setup, chinese) = read("en"), read("zh")
    assert len(english) == len(chinese) == 20
    assert [question.code for question in english] == [question.code for question in chinese]
    assert english_setup.replace('"en"', '"zh"') == chinese_setup
