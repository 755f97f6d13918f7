"""Derivations for ``kernels/attention.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

ATTENTION = {
    "dproducts": (
        Step(
            "y_t is a mean of the values v_s with the weights a_ts. So the weight a_ts is worth dy_t·v_s to the loss: "
            "how well value s would have served here.",
            "y_t 是各个值 v_s 的加权平均，权重是 a_ts。所以权重 a_ts 对损失的作用是 dy_t·v_s：第 s 个值在这里能帮上多"
            "少。",
            "dweights[n, h, s, t] == sum[e](dy[n, t, h, e] * qkv[n, s, 2 * H + h, e])",
        ),
        Step(
            "The weights are a softmax, whose slopes are those of every softmax: a_ts times how far this one lies "
            "above the mean of all. The products were divided by √E, and so is their error term.",
            "权重是 softmax，斜率和所有 softmax 一样：a_ts 乘以它比平均高出多少。点积曾除以 √E，误差项也要除。",
            "dproducts[n, h, s, t] * sqrt(E) == (kept[n, h, s, t] * dweights[n, h, s, t] - weights[n, h, s, t] * "
            "sum[r:T](kept[n, h, r, t] * dweights[n, h, r, t])) * (t < lengths[n])",
        ),
    ),
}

ATTENTION_POOL = {
    "dscores": (
        Step(
            "The weights are a softmax of the scores: a_t times how far dy·x_t lies above its mean over the steps, "
            "dy·y.",
            "权重是得分的 softmax：a_t 乘以 dy·x_t 比各步平均值 dy·y 高出多少。",
            "dscores[n, t] == weights[n, t] * sum[d](dy[n, d] * x[n, t, d]) - weights[n, t] * sum[d](dy[n, d] * y[n, "
            "d])",
        ),
    ),
    "dx": (
        Step(
            "y is Σ_t a_t x_t: the slope with x_t is its weight.",
            "y 等于 Σ_t a_t x_t，对 x_t 的斜率就是它的权重。",
            "dx[n, t, d] == dy[n, d] * weights[n, t]",
        ),
    ),
}
