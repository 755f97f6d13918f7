"""The words of the README's tables, in each README's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.cases import Case


@dataclass(frozen=True)
class Language:
    """What differs between the READMEs; the templates in braces are filled by ``str.format``.

    Attributes:
        file: the README.
        picture: what the picture shows.
        steps_title, whole_title: headings of the two tables.
        case, what, by_hand, call_a_step, loop, over_best, over_loop, aim, met: columns.
        parts: the parts of an aim, by their names in ``Aim``.
        yes, no: in the last column.
        batch, rows, dropout: of a case.
        works: what the cases that are no trainings do.
        loop_too: a time or ratio beside the one against jax's compiled loop.
        flat_peak, above_numpy, at_most_above: of the last rows.
        comma, stop: between parts of a cell, and after a sentence.
        notes: below the tables.
        repeated: the cases in which glassnet counts with repeated rows.
        machine: what it was measured on.
        quick: instead of trust in the numbers.
    """

    file: str
    picture: str
    steps_title: str
    whole_title: str
    case: str
    what: str
    by_hand: str
    call_a_step: str
    loop: str
    over_best: str
    over_loop: str
    aim: str
    met: str
    parts: Mapping[str, str]
    yes: str
    no: str
    batch: str
    rows: str
    dropout: str
    works: Mapping[str, str]
    loop_too: str
    flat_peak: str
    above_numpy: str
    at_most_above: str
    comma: str
    stop: str
    notes: str
    repeated: str
    machine: str
    quick: str

    def describe(self, case: Case) -> str:
        """The network, batch and optimizer of a case, or its work."""
        if case.name in self.works:
            return self.works[case.name]
        parts = ["-".join(map(str, case.sizes)) + ("" if case.activation == "relu" else f" {case.activation}")]
        parts += [self.dropout.format(case.dropout)] if case.dropout else []
        parts.append((self.rows if case.batches == 1 else self.batch).format(case.batch))
        parts.append({"adam": "Adam", "sgd": "SGD"}[case.optimizer])
        parts += [case.dtype] if case.dtype != "float32" else []
        return self.comma.join(parts)


ENGLISH = Language(
    file="README.md",
    picture="How many times as long as glassnet each library takes for the same step",
    steps_title="One step of training: forward, loss, backward, update",
    whole_title="Whole runs, prediction and weight",
    case="case",
    what="what",
    by_hand="NumPy by hand",
    call_a_step="jax, a call a step",
    loop="jax, whole loop compiled",
    over_best="over the best peer",
    over_loop="over jax's whole loop",
    aim="aim",
    met="met?",
    parts={
        "over_best": "{}× best peer",
        "over_loop": "{}× jax's whole loop",
        "over_torch": "{}× torch",
        "over_sklearn": "{}× scikit-learn",
        "microseconds": "{}",
        "floor_share": "{} of the floor's speed",
    },
    yes="yes",
    no="no: {}",
    batch="batch {}",
    rows="{} rows",
    dropout="dropout {:g}",
    works={
        "digits-fit": "20 shuffled epochs of 64-128-10 on the digits, 860 steps with Adam",
        "predict-one": "one row through 64-128-10, called from Python",
        "import": "a process that imports the library",
        "memory": "peak memory after {} and after {} training steps",
        "size": "installed, with everything required",
    },
    loop_too="{} (whole loop: {})",
    flat_peak="flat: no step keeps memory",
    above_numpy="{} (NumPy + {})",
    at_most_above="≤ NumPy + {}",
    comma=", ",
    stop=". ",
    notes="Medians of {rounds} rounds. Each library counts in its fastest form, glassnet with its default settings. "
    "The best peer is the fastest of the others, jax with one compiled call a step, as the aims were set; jax with the "
    "whole loop compiled into one call is compared apart. The floor is the time of the matrix products alone",
    repeated="In {} glassnet was fastest with the rows repeated, which gives an epoch many steps",
    machine="Measured on {date}: {processor}, {cores} cores, {system}, Python {python}, {versions}",
    quick="**A trial run of a few milliseconds each: not numbers to quote**",
)

CHINESE = Language(
    file="README.zh-CN.md",
    picture="同样的一步，各个库的用时是 glassnet 的多少倍",
    steps_title="训练一步：前向、损失、反向、更新",
    whole_title="整场训练、预测与体积",
    case="用例",
    what="内容",
    by_hand="手写 NumPy",
    call_a_step="jax（每步调用一次）",
    loop="jax（整个循环编译）",
    over_best="速度比：最快的对手",
    over_loop="速度比：jax 整个循环",
    aim="目标",
    met="达到了吗",
    parts={
        "over_best": "最快对手的 {} 倍",
        "over_loop": "jax 整个循环的 {} 倍",
        "over_torch": "torch 的 {} 倍",
        "over_sklearn": "scikit-learn 的 {} 倍",
        "microseconds": "{}",
        "floor_share": "极限速度的 {}",
    },
    yes="是",
    no="否：{}",
    batch="批大小 {}",
    rows="{} 行",
    dropout="dropout {:g}",
    works={
        "digits-fit": "手写数字上训练 64-128-10，打乱次序，20 轮共 860 步，Adam",
        "predict-one": "从 Python 调用，一行数据过一遍 64-128-10",
        "import": "启动一个进程，只导入这个库",
        "memory": "训练 {} 步与 {} 步之后的内存峰值",
        "size": "安装后的大小，含全部依赖",
    },
    loop_too="{}（整个循环：{}）",
    flat_peak="持平：没有哪一步留下内存",
    above_numpy="{}（NumPy + {}）",
    at_most_above="≤ NumPy + {}",
    comma="，",
    stop="。",
    notes="表中是 {rounds} 轮测量的中位数。每个库都取它最快的写法，glassnet 用默认设置。“最快的对手”是其他库中最快的"
    "一个，其中 jax 每步调用一次编译好的函数，目标也是照这样定的；jax 把整个循环编译成一次调用时，另外比较。"
    "极限速度是只做其中矩阵乘法的速度",
    repeated="在 {} 中，glassnet 最快的写法是把数据行重复多份，让一轮包含许多步",
    machine="测量于 {date}：{processor}，{cores} 核，{system}，Python {python}，{versions}",
    quick="**这是每项只跑几毫秒的试运行，数字不能引用**",
)
