"""Why a formula is as it is: derivations in short steps, and those that many kernels have in common.

A step is a sentence, in English and in Chinese, and often a line of mathematics that holds for the element in
question: ``left == right``, or more sides, in the language of the element lines (``glassnet.kernels.registry``), with
the indices of the element's own line. Traces put the numbers of the batch into it, and tests work out both sides for
every element of every call. So a line says what is equal at those numbers; a slope ∂y/∂x stands in the sentence, its
value in the line.
"""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """One step of a derivation.

    Attributes:
        en: the sentence.
        zh: the same in Chinese.
        line: what holds for each element, or "".
    """

    en: str
    zh: str
    line: str = ""


CHAIN = Step(
    "The loss L feels x only through y. So the chain rule gives ∂L/∂x = ∂L/∂y · ∂y/∂x: the error term that arrives, "
    "dy, times the slope of this function at the number that went in.",
    "损失 L 只通过 y 受 x 影响，所以由链式法则 ∂L/∂x = ∂L/∂y · ∂y/∂x：传到这里的误差项 dy，"
    "乘以这个函数在输入处的斜率。",
)
ROWS_SHARE = Step(
    "All rows are multiplied by this one parameter, so each row has a wish how it should change. The loss is a sum "
    "over the rows, and the slope of a sum is the sum of the slopes.",
    "每一行数据用的都是这同一个参数，每一行都对它该怎么变有自己的意见。损失是各行之和，而和的斜率等于斜率之和。",
)
DOWNHILL = Step(
    "The gradient g = ∂L/∂θ points to where the loss rises fastest. A small step against it lowers the loss, by about "
    "η g² for this number alone.",
    "梯度 g = ∂L/∂θ 指向损失上升最快的方向。逆着它走一小步，损失就会下降，单就这一个数来说大约下降 η g²。",
)
WEIGHTED = Step(
    "ω_n is the weight of row n in the loss of the batch: 1/N for a mean over N rows. The factor is carried from here "
    "on by every error term and every gradient.",
    "ω_n 是第 n 行在这一批损失里的权重：对 N 行求平均就是 1/N。从这里起，每个误差项、每个梯度都带着这个因子。",
)
THROUGH_TIME = Step(
    "h_t acts twice: on what the layer hands on at step t, which sends dy_t, and through U on the next step, which "
    "sends its own error term back. Both are added up, from the last step to the first.",
    "h_t 起两次作用：一次在第 t 步的输出上，传回 dy_t；一次经过 U 影响下一步，传回那一步的误差项。两者相加，从最后一"
    "步算到第一步。",
)
