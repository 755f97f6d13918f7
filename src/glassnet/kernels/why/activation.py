"""Derivations for ``kernels/activation.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import CHAIN, Step

SIGMOID = {
    "dx": (
        CHAIN,
        Step(
            "y = 1/(1 + e⁻ˣ). The derivative of 1/u is −1/u², that of 1 + e⁻ˣ is −e⁻ˣ: together e⁻ˣ/(1 + e⁻ˣ)² = y · "
            "e⁻ˣ/(1 + e⁻ˣ), and the second factor is 1 − y.",
            "y = 1/(1 + e⁻ˣ)。1/u 的导数是 −1/u²，1 + e⁻ˣ 的导数是 −e⁻ˣ，合起来是 e⁻ˣ/(1 + e⁻ˣ)² = y · e⁻ˣ/(1 + e⁻ˣ)，"
            "后一个因子就是 1 − y。",
            "dx == dy * (y - y ** 2)",
        ),
        Step(
            "The slope y (1 − y) is largest in the middle, at y = ½, and never above ¼.",
            "斜率 y (1 − y) 在中间 y = ½ 处最大，永远不超过 ¼。",
            "y * (1 - y) == 1 / 4 - (y - 1 / 2) ** 2",
        ),
        Step(
            "So every sigmoid on the way shrinks the error term to a quarter or less. Six of them one after another "
            "leave at most ¼⁶ = 1/4096 of it, and less where units are near 0 or 1: the gradient vanishes.",
            "所以误差项每经过一个 sigmoid 就至少缩小到四分之一。六个接连起来，最多只剩下 ¼⁶ = 1/4096；单元接近 0 或 1 "
            "时还要更少：这就是梯度消失。",
        ),
    ),
}

TANH = {
    "dx": (
        CHAIN,
        Step(
            "tanh x = (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ), and each of the two parts is the other one's derivative. The quotient "
            "rule then gives 1 − tanh² x = 1 − y².",
            "tanh x = (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)，分子分母互为导数，按商的求导法则得 1 − tanh² x = 1 − y²。",
            "dx == dy * (1 - y) * (1 + y)",
        ),
        Step(
            "The slope is at most 1, in the middle; where y is near −1 or 1 it is near 0, and little is passed on.",
            "斜率最大为 1，在中间；y 接近 −1 或 1 时斜率接近 0，几乎什么也传不下去。",
        ),
    ),
}

RELU = {
    "dx": (
        CHAIN,
        Step(
            "max(x, 0) is x to the right of 0, with the slope 1, and 0 to the left, with the slope 0. At 0 itself "
            "there is a kink; the slope there is taken as 0.",
            "max(x, 0) 在 0 右边就是 x，斜率为 1；在左边恒为 0，斜率为 0。0 处是个折点，斜率取 0。",
            "dx == (dy if y > 0 else 0)",
        ),
        Step(
            "A unit that is 0 for every row gets no gradient from any of them, and so cannot change: it is dead.",
            "如果一个单元对每一行的输出都是 0，它从哪一行都得不到梯度，也就再也变不了：这个单元死了。",
        ),
    ),
}

LEAKY_RELU = {
    "dx": (
        CHAIN,
        Step(
            "To the right of 0 the function is x, to the left slope · x: these factors are its slopes. None is 0, so "
            "a unit never dies.",
            "函数在 0 右边是 x，在左边是 slope · x，斜率就是这两个系数。斜率都不为 0，所以单元不会死。",
            "dx == dy * (1 if x > 0 else slope)",
        ),
    ),
}

CLIP = {
    "dx": (
        CHAIN,
        Step(
            "Between the two bounds the function is x, with the slope 1; beyond them it is flat.",
            "在两个界限之间函数就是 x，斜率为 1；超出界限就是平的。",
            "dx == (dy * (y < high) if y > low else 0)",
        ),
    ),
}

ELU = {
    "dx": (
        CHAIN,
        Step(
            "To the left of 0 the function is α (eˣ − 1), whose slope is α eˣ, which is y + α; to the right it is x.",
            "函数在 0 左边是 α (eˣ − 1)，斜率是 α eˣ，也就是 y + α；在右边就是 x。",
            "dx == dy * (1 if x > 0 else alpha * (exp(min(x, 0)) - 1) + alpha)",
        ),
    ),
}

SELU = {
    "dx": (
        CHAIN,
        Step(
            "This is ELU times λ: to the right λ x, to the left λ α (eˣ − 1). The two numbers are chosen so that "
            "normal inputs keep mean 0 and variance 1.",
            "这是 ELU 乘以 λ：右边 λ x，左边 λ α (eˣ − 1)。这两个数选得恰好让正态输入保持均值 0、方差 1。",
            "dx == 1.0507009873554805 * (dy if x > 0 else dy * 1.6732632423543772 * exp(min(x, 0)))",
        ),
    ),
}

SOFTPLUS = {
    "dx": (
        CHAIN,
        Step(
            "y = log(1 + eˣ): the derivative of log u is 1/u, that of 1 + eˣ is eˣ, together eˣ/(1 + eˣ). That is the "
            "sigmoid σ(x).",
            "y = log(1 + eˣ)：log u 的导数是 1/u，1 + eˣ 的导数是 eˣ，合起来 eˣ/(1 + eˣ)，正是 sigmoid σ(x)。",
            "sigma(x) == 1 / (1 + exp(-x))",
        ),
    ),
}

SILU = {
    "dx": (
        CHAIN,
        Step(
            "y = x σ(x) is a product: its slope is σ(x) + x σ′(x), and σ′ = σ (1 − σ).",
            "y = x σ(x) 是乘积，斜率是 σ(x) + x σ′(x)，其中 σ′ = σ (1 − σ)。",
            "dx == dy * (sigma(x) + x * sigma(x) * (1 - sigma(x)))",
        ),
    ),
}

GELU = {
    "dx": (
        CHAIN,
        Step(
            "y = x Φ(x) is a product: its slope is Φ(x) + x Φ′(x), and the derivative of the normal distribution "
            "function Φ is the normal density φ(x) = e^(−x²/2)/√(2π).",
            "y = x Φ(x) 是乘积，斜率是 Φ(x) + x Φ′(x)；正态分布函数 Φ 的导数是正态密度 φ(x) = e^(−x²/2)/√(2π)。",
            "dx == dy * cdf(x) + dy * x * exp(-(x ** 2) / 2) / sqrt(2 * pi)",
        ),
    ),
}

GELU_TANH = {
    "dx": (
        CHAIN,
        Step(
            "y = ½ x (1 + tanh u) is a product: the slope is ½ (1 + tanh u) + ½ x · (1 − tanh² u) · u′, the last by "
            "the chain rule.",
            "y = ½ x (1 + tanh u) 是乘积：斜率为 ½ (1 + tanh u) + ½ x · (1 − tanh² u) · u′，最后一项来自链式法则。",
            "dx == dy / 2 * (1 + tanh(u)) + dy * x / 2 * (1 - tanh(u)) * (1 + tanh(u)) * du",
        ),
    ),
}

MISH = {
    "dx": (
        CHAIN,
        Step(
            "y = x tanh(u) with u = log(1 + eˣ), and u′ = σ(x): the product rule gives tanh(u) + x (1 − tanh² u) σ(x).",
            "y = x tanh(u)，其中 u = log(1 + eˣ)，u′ = σ(x)：按乘积的求导法则得 tanh(u) + x (1 − tanh² u) σ(x)。",
            "dx == dy * tanh(u) + dy * x * sigma(x) * (1 - tanh(u)) * (1 + tanh(u))",
        ),
    ),
}

HARD_SWISH = {
    "dx": (
        CHAIN,
        Step(
            "Between −3 and 3 the function is x (x + 3)/6, whose slope is (2x + 3)/6; to the left it is 0, to the "
            "right x.",
            "在 −3 与 3 之间函数是 x (x + 3)/6，斜率为 (2x + 3)/6；左边为 0，右边就是 x。",
            "dx == (dy if x >= 3 else 0) + (dy * (x / 3 + 1 / 2) if x > -3 else 0) * (x < 3)",
        ),
    ),
}

IDENTITY = {
    "dx": (
        CHAIN,
        Step(
            "The function is x itself: its slope is 1 everywhere.",
            "函数就是 x 本身，处处斜率为 1。",
            "dx == 1 * dy",
        ),
    ),
}
