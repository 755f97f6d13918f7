"""Derivations for ``kernels/classes.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import WEIGHTED, Step

CROSS_ENTROPY_FORWARD = {
    "losses": (
        Step(
            "The loss of a row is −log of the probability of its own class. The softmax is e^z_k/Σ_j e^z_j, and the "
            "logarithm turns the quotient into a difference: −log p_y = log Σ_j e^z_j − z_y.",
            "一行的损失是其正确类别概率的负对数。softmax 是 e^z_k/Σ_j e^z_j，取对数把商变成差：−log p_y = log Σ_j e^z"
            "_j − z_y。",
            "lse[n] - logits[n, labels[n]] == -log(exp(logits[n, labels[n]] - lse[n]))",
        ),
        Step(
            "A network that knows nothing gives each of the K classes 1/K, and its loss is log K: what a loss at the "
            "start is to be held against.",
            "什么都不知道的网络给 K 个类别各 1/K 的概率，损失就是 log K：训练开始时的损失应当与它比较。",
            "-log(1 / K) == log(K)",
        ),
    ),
}

SOFTMAX_MEETS_LOGARITHM = (
    Step(
        "ℓ = log Σ_j e^z_j − Σ_k t_k z_k, where the t_k add up to 1. The derivative of the second part is −t_k.",
        "ℓ = log Σ_j e^z_j − Σ_k t_k z_k，其中各 t_k 之和为 1。后一部分的导数是 −t_k。",
    ),
    Step(
        "That of the first is 1/Σ_j e^z_j, from the logarithm, times e^z_k, from the exponential: the softmax, "
        "p_k. Together p_k − t_k: how far the answer is from the truth.",
        "前一部分：对数给出 1/Σ_j e^z_j，指数给出 e^z_k，乘起来正是 softmax，即 p_k。合起来是 p_k − t_k：回答离真"
        "值还差多少。",
        "doutputs[n, k] == row_weights[n] * probabilities[n, k] - row_weights[n] * t[n, k]",
    ),
)
"""Of every cross-entropy after a softmax: why its error term is p − t."""

CROSS_ENTROPY = {
    "doutputs": (
        *SOFTMAX_MEETS_LOGARITHM,
        Step(
            "The parts p_k − t_k of a row add up to 0: what is taken from one class is given to others.",
            "一行里各个 p_k − t_k 之和为 0：从一个类别拿走的，都给了别的类别。",
            "sum[j:K](probabilities[n, j] - t[n, j]) + 1 == 1",
        ),
        WEIGHTED,
    ),
}

SOFT_CROSS_ENTROPY = {
    "doutputs": (
        *SOFTMAX_MEETS_LOGARITHM,
        WEIGHTED,
    ),
}

CROSS_ENTROPY_OF_PROBABILITIES = {
    "doutputs": (
        Step(
            "ℓ = −Σ_k t_k log p_k: only one term knows p_k, and the derivative of the logarithm is 1/p_k. The smaller "
            "the probability of what is right, the steeper.",
            "ℓ = −Σ_k t_k log p_k：只有一项里有 p_k，而对数的导数是 1/p_k。正确类别的概率越小，坡越陡。",
            "doutputs[n, k] == -(row_weights[n] / max(probabilities[n, k], floor)) * t[n, k]",
        ),
        WEIGHTED,
    ),
}

BINARY_CROSS_ENTROPY = {
    "doutputs": (
        Step(
            "ℓ = log(1 + e^z) − t z. The derivative of the first part is e^z/(1 + e^z) = σ(z), that of the second −t: "
            "together σ(z) − t, prediction minus truth.",
            "ℓ = log(1 + e^z) − t z。前一部分的导数是 e^z/(1 + e^z) = σ(z)，后一部分是 −t，合起来 σ(z) − t：预测减真"
            "值。",
            "sigma(logits[n, m]) - targets[n, m] == 1 / (1 + exp(-logits[n, m])) - targets[n, m]",
        ),
        Step(
            "The slope of the sigmoid has gone: log and exponential cancel it. So a unit that is sure and wrong "
            "learns fast, where with a squared error it would hardly move.",
            "sigmoid 的斜率不见了：对数和指数把它消掉了。所以很有把握却答错的单元学得快，用平方误差的话它几乎不动。",
        ),
        WEIGHTED,
    ),
}

BINARY_CROSS_ENTROPY_OF_PROBABILITIES = {
    "doutputs": (
        Step(
            "ℓ = −t log p − (1 − t) log(1 − p): the logarithms give −t/p and (1 − t)/(1 − p).",
            "ℓ = −t log p − (1 − t) log(1 − p)：两个对数分别给出 −t/p 和 (1 − t)/(1 − p)。",
            "doutputs[n, m] == row_weights[n] * (1 - targets[n, m]) / q[n, m] - row_weights[n] * targets[n, m] / p[n, "
            "m]",
        ),
        WEIGHTED,
    ),
}

HINGE = {
    "doutputs": (
        Step(
            "max(0, 1 − t o) is flat where t o ≥ 1: a row that is right by this margin is left alone. Elsewhere it "
            "falls with the slope −t.",
            "max(0, 1 − t o) 在 t o ≥ 1 处是平的：答对且留有这么大余量的行不再管它。其他地方斜率为 −t。",
            "doutputs[n, m] == (-row_weights[n] * targets[n, m] if targets[n, m] * outputs[n, m] < 1 else 0)",
        ),
        WEIGHTED,
    ),
}
