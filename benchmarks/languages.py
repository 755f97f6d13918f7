"""The words of the tables in docs/performance.md, in each of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.cases import Case


@dataclass(frozen=True)
class Language:
    """What differs between the pages; the templates in braces are filled by ``str.format``.

    Attributes:
        file: the page.
        picture: what the picture shows.
        steps_title, whole_title, images_title: headings of the tables.
        case, what, by_hand, call_a_step, loop, floor, over_best, over_loop, over_torch, over_onnxruntime, aim, met:
            columns.
        parts: the parts of an aim, by their names in ``Aim``.
        yes, no: in the last column.
        batch, rows, dropout: of a case.
        networks: what the networks for images and sequences consist of.
        works: what the cases that are no trainings do.
        predict_image, step_memory: the same of a convolutional network by name.
        loop_too: a time or ratio beside the one against jax's compiled loop.
        flat_peak, above_numpy, at_most_above, at_most_torch: of memory and size.
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
    images_title: str
    case: str
    what: str
    by_hand: str
    call_a_step: str
    loop: str
    floor: str
    over_best: str
    over_loop: str
    over_torch: str
    over_onnxruntime: str
    aim: str
    met: str
    parts: Mapping[str, str]
    yes: str
    no: str
    batch: str
    rows: str
    dropout: str
    networks: Mapping[str, str]
    works: Mapping[str, str]
    predict_image: str
    step_memory: str
    loop_too: str
    flat_peak: str
    above_numpy: str
    at_most_above: str
    at_most_torch: str
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
        if case.image and case.batch == 1:
            return self.predict_image.format(case.name.removeprefix("predict-"))
        parts = ["-".join(map(str, case.sizes)) + ("" if case.activation == "relu" else f" {case.activation}")]
        parts = [self.networks[case.name]] if case.name in self.networks else parts
        parts += [self.dropout.format(case.dropout)] if case.dropout else []
        parts.append((self.rows if case.batches == 1 else self.batch).format(case.batch))
        parts.append({"adam": "Adam", "sgd": "SGD"}[case.optimizer])
        parts += [case.dtype] if case.dtype != "float32" else []
        return self.comma.join(parts)


ENGLISH = Language(
    file="docs/performance.md",
    picture="How many times as long as glassnet each library takes for the same step",
    steps_title="One step of training: forward, loss, backward, update",
    whole_title="Whole runs, prediction and weight",
    images_title="Convolutions and sequences: a step of training, the prediction of one image, memory",
    case="case",
    what="what",
    by_hand="NumPy by hand",
    call_a_step="jax, a call a step",
    loop="jax, whole loop compiled",
    floor="floor",
    over_best="over the best peer",
    over_loop="over jax's whole loop",
    over_torch="over torch",
    over_onnxruntime="over onnxruntime",
    aim="aim",
    met="met?",
    parts={
        "over_best": "{}× best peer",
        "over_loop": "{}× jax's whole loop",
        "over_torch": "{}× torch",
        "over_sklearn": "{}× scikit-learn",
        "over_onnxruntime": "{}× onnxruntime",
        "microseconds": "{}",
        "floor_share": "{} of the floor's speed",
    },
    yes="yes",
    no="no: {}",
    batch="batch {}",
    rows="{} rows",
    dropout="dropout {:g}",
    networks={
        "lstm-small": "sequences of 32 steps of 8 numbers: an LSTM of 32 units, 4 classes",
        "gru-sensor": "sequences of 128 steps of 6 numbers: a GRU of 64 units, 4 classes",
        "lenet": "1×28×28: 5×5 convolutions with 6 and 16 filters, pooling after each, 120-84-10",
        "micro-gpt": "language model of 16 tokens of 27: 16 wide, a block of 4 heads, RMS norms, ReLU, no biases",
        "gpt-small": "language model of 64 tokens of 65: 128 wide, 2 blocks of 4 heads, layer norms, GELU",
        "small-cnn": "1×28×28: 3×3 convolutions with 32 and 64 filters, pooling after each, 128-10",
        "vgg-bn": "3×32×32: pairs of 3×3 convolutions with batch norm, of 32, 64 and 128 filters, pooling after each "
        "pair, 10 outputs",
    },
    works={
        "digits-fit": "20 shuffled epochs of 64-128-10 on the digits, 860 steps with Adam",
        "predict-one": "one row through 64-128-10, called from Python",
        "import": "a process that imports the library",
        "memory": "peak memory after {} and after {} training steps",
        "size": "installed, with everything required",
    },
    predict_image="one image through `{}`, called from Python",
    step_memory="peak memory of training `{}`, above that before the first step",
    loop_too="{} (whole loop: {})",
    flat_peak="flat: no step keeps memory",
    above_numpy="{} (NumPy + {})",
    at_most_above="≤ NumPy + {}",
    at_most_torch="≤ torch",
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
    file="docs/performance.zh-CN.md",
    picture="同样的一步，各个库的用时是 glassnet 的多少倍",
    steps_title="训练一步：前向、损失、反向、更新",
    whole_title="完整训练、预测与体积",
    images_title="卷积网络与序列：训练单步用时、单张图像预测与内存",
    case="用例",
    what="内容",
    by_hand="手写 NumPy",
    call_a_step="jax（每步调用一次）",
    loop="jax（整个循环编译）",
    floor="极限用时",
    over_best="速度比：最快的对手",
    over_loop="速度比：jax 整个循环",
    over_torch="速度比：torch",
    over_onnxruntime="速度比：onnxruntime",
    aim="目标",
    met="达到了吗",
    parts={
        "over_best": "最快对手的 {} 倍",
        "over_loop": "jax 整个循环的 {} 倍",
        "over_torch": "torch 的 {} 倍",
        "over_sklearn": "scikit-learn 的 {} 倍",
        "over_onnxruntime": "onnxruntime 的 {} 倍",
        "microseconds": "{}",
        "floor_share": "极限速度的 {}",
    },
    yes="是",
    no="否：{}",
    batch="批大小 {}",
    rows="{} 行",
    dropout="dropout {:g}",
    networks={
        "lstm-small": "序列 32 步、每步 8 个数，32 个单元的 LSTM，4 类",
        "gru-sensor": "序列 128 步、每步 6 个数，64 个单元的 GRU，4 类",
        "lenet": "输入 1×28×28，两层 5×5 卷积（6、16 个滤波器），每层后接池化，再接 120-84-10",
        "micro-gpt": "语言模型，16 个词元（共 27 种），宽 16，1 个 4 头的块，RMS 归一化、ReLU、无偏置",
        "gpt-small": "语言模型，64 个词元（共 65 种），宽 128，2 个 4 头的块，层归一化、GELU",
        "small-cnn": "输入 1×28×28，两层 3×3 卷积（32、64 个滤波器），每层后接池化，再接 128-10",
        "vgg-bn": "输入 3×32×32，六层带批归一化的 3×3 卷积（32、64、128 个滤波器各两层），每两层后接池化，10 个输出",
    },
    works={
        "digits-fit": "手写数字上训练 64-128-10，打乱次序，20 轮共 860 步，Adam",
        "predict-one": "从 Python 调用，一行数据过一遍 64-128-10",
        "import": "启动一个进程，只导入这个库",
        "memory": "训练 {} 步与 {} 步之后的内存峰值",
        "size": "安装后的大小，含全部依赖",
    },
    predict_image="从 Python 调用，一张图像过一遍 `{}`",
    step_memory="训练 `{}` 的内存峰值，减去第一步之前的占用",
    loop_too="{}（整个循环：{}）",
    flat_peak="持平：没有哪一步留下内存",
    above_numpy="{}（NumPy + {}）",
    at_most_above="≤ NumPy + {}",
    at_most_torch="≤ torch",
    comma="，",
    stop="。",
    notes="表中是 {rounds} 轮测量的中位数。每个库都取它最快的写法，glassnet 用默认设置。“最快的对手”是其他库中最快的"
    "一个，其中 jax 每步调用一次编译好的函数，目标也是照这样定的；jax 把整个循环编译成一次调用时，另外比较。"
    "极限速度是只做其中矩阵乘法的速度",
    repeated="在 {} 中，glassnet 最快的写法是把数据行重复多份，让一轮包含许多步",
    machine="测量于 {date}：{processor}，{cores} 核，{system}，Python {python}，{versions}",
    quick="**这是每项只跑几毫秒的试运行，数字不能引用**",
)
