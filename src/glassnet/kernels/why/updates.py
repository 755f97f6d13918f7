"""Derivations for ``kernels/updates.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import DOWNHILL, Step

SGD = {
    "parameters_": (
        DOWNHILL,
        Step(
            "The rate η says how far: too small and nothing happens, too large and the step overshoots the valley.",
            "学习率 η 决定走多远：太小几乎不动，太大会越过谷底。",
            "parameters_ == parameters + learning_rate * -gradients",
        ),
    ),
}

MOMENTUM = {
    "velocity_": (
        Step(
            "v remembers the way so far: each step keeps the share μ of it and adds the new step downhill. Under a "
            "gradient that stays the same it grows to η g/(1 − μ), with 0.9 to ten steps in one; where the gradient "
            "changes its sign, it cancels.",
            "v 记住走过的路：每一步保留其中 μ 那么大一份，再加上新的一步。梯度不变时它会增长到 η g/(1 − μ)，μ 为 0.9 "
            "时一步顶十步；梯度来回变号时，它们相互抵消。",
            "velocity_ == momentum * velocity + learning_rate * -gradients",
        ),
    ),
    "parameters_": (
        DOWNHILL,
        Step(
            "The parameter moves by the velocity, not by the gradient of this batch alone.",
            "参数按速度移动，而不只按这一批的梯度。",
            "parameters_ - parameters == (momentum * velocity_ - learning_rate * gradients if nesterov else velocity_)",
        ),
    ),
}

ADAGRAD = {
    "parameters_": (
        DOWNHILL,
        Step(
            "The step is divided by the root of all squares so far: a parameter that was moved much takes smaller "
            "steps, one that was moved seldom takes larger ones. In the first step it is η g/|g|, whatever the size "
            "of g.",
            "步长除以至今所有梯度平方和的平方根：动得多的参数步子小，动得少的步子大。第一步是 η g/|g|，与 g 的大小无"
            "关。",
            "square_sum_ == square_sum + gradients * gradients",
        ),
    ),
}

RMSPROP = {
    "parameters_": (
        DOWNHILL,
        Step(
            "v is a mean of g² that forgets: 1 − ρ of it is new. Dividing by its root makes the steps of all "
            "parameters about equally long, about η.",
            "v 是会遗忘的 g² 平均：每步有 1 − ρ 是新的。除以它的平方根，各参数的步长就差不多一样，约为 η。",
            "mean_square_ == mean_square + (1 - rho) * (gradients ** 2 - mean_square)",
        ),
    ),
}

ADAM = {
    "m_": (
        Step(
            "m is a mean of the gradients that forgets: 1 − β₁ of it is new.",
            "m 是会遗忘的梯度平均：每步有 1 − β₁ 是新的。",
            "m_ == m + (1 - beta1) * (gradients - m)",
        ),
    ),
    "v_": (
        Step(
            "v is the same of their squares.",
            "v 是梯度平方的同样一种平均。",
            "v_ == v + (1 - beta2) * (gradients ** 2 - v)",
        ),
    ),
    "parameters_": (
        Step(
            "m began at 0. After t steps the gradients in it have the weights (1 − β₁) β₁^i, which add up to 1 − β₁ᵗ "
            "and not to 1: it is too small by this factor. m̂ = m/(1 − β₁ᵗ) mends that, and v̂ likewise.",
            "m 从 0 开始。走了 t 步，其中各梯度的权重是 (1 − β₁) β₁^i，加起来是 1 − β₁ᵗ 而不是 1：它小了这么一个因子。"
            "m̂ = m/(1 − β₁ᵗ) 把它补回来，v̂ 同理。",
            "mhat * (1 - beta1 ** step) == m_",
        ),
        Step(
            "In the first step m̂ is g itself and v̂ is g²: the step is η g/|g|, so η in length whatever the size of "
            "g. ε keeps the division from 0.",
            "第一步 m̂ 就是 g，v̂ 就是 g²：步长是 η g/|g|，无论 g 多大都走 η 这么远。ε 避免除以 0。",
            "parameters - parameters_ == learning_rate * mhat / (sqrt(vhat) + epsilon)",
        ),
    ),
}

NADAM = {
    "parameters_": (
        Step(
            "As Adam, but with a look ahead: the mean of the next step, in which this gradient already counts, takes "
            "the place of the present one.",
            "和 Adam 一样，但向前看一步：用已经算上这个梯度的下一步平均代替当前的平均。",
            "m_ == m + (1 - beta1) * (gradients - m)",
        ),
    ),
}

LION = {
    "parameters_": (
        Step(
            "Only the sign is taken: every parameter moves by η, up or down, as the mean of its gradients says.",
            "只取符号：每个参数都移动 η，方向由梯度的平均决定。",
        ),
    ),
}

PENALTY = Step(
    "The penalty is ½ λ θ² for each weight. Its slope is λ θ, here between θ − 1 and θ + 1. So every step "
    "pulls the weight towards 0, the harder the larger it is.",
    "惩罚项对每个权重是 ½ λ θ²，斜率是 λ θ（这里在 θ − 1 与 θ + 1 之间量）。所以每一步都把权重往 0 拉，权重越"
    "大拉得越用力。",
    "strength / 2 * ((parameters + 1) ** 2 - (parameters - 1) ** 2) / 2 == strength * parameters",
)

L2 = {
    "gradients_": (PENALTY,),
}

L2_OF_BATCH = {
    "gradients_": (
        PENALTY,
        Step(
            "It stands beside the losses of the rows, whose sum is divided by Σw to be a mean: so it is divided too.",
            "它和各行的损失加在一起，而各行之和除以 Σw 才是平均，所以它也要除以 Σw。",
            "gradients_ == gradients + strength * parameters / total[0]",
        ),
    ),
}

L1 = {
    "gradients_": (
        Step(
            "The penalty is λ |θ|. Its slope is λ or −λ, however small the weight is: so small weights are pulled all "
            "the way to 0.",
            "惩罚项是 λ |θ|，斜率是 λ 或 −λ，不管权重多小：所以小的权重会被一直拉到 0。",
            "gradients_ == gradients + strength * (parameters > 0) - strength * (parameters < 0)",
        ),
    ),
}

DECAY = {
    "parameters_": (
        Step(
            "The weight loses the share η λ of itself, beside the gradient and not through it: an optimizer that "
            "scales gradients does not scale this.",
            "权重直接减去自身的 η λ 倍，不经过梯度：会缩放梯度的优化器不会缩放它。",
            "parameters_ == parameters - learning_rate * rate * parameters",
        ),
    ),
}

CLIP_BY_NORM = {
    "gradients_": (
        Step(
            "All gradients together are an arrow. If it is longer than c it is shortened to c, and keeps its "
            "direction: every number is multiplied by the same factor.",
            "所有梯度合起来是一个箭头。比 c 长就缩短到 c，方向不变：每个数都乘同一个因子。",
        ),
    ),
}
