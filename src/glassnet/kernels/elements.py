"""Every kernel's mathematics once more, one element of what it writes at a time.

The equations of the register speak of whole arrays; these say which numbers meet in each single one.
``glassnet.tracing`` reads them to show where a number came from, and tests hold every one of them against what its
kernel writes.

Each line of an entry is ``name[indices] = expression`` in Python's syntax:

- A name that the kernel writes is an output. What it updates in place is ``name`` before and ``name_`` after.
- Any other name is a short form for use in the other lines, such as ``xhat``; one without indices, such as ``h``, is
  put in as it stands.
- ``sum[n, s](...)``, ``mean[...]`` and ``largest[...]`` run over indices; ``sum[i:kernel_height]`` says how far where
  no array does. An index in capitals, ``D``, is the size of its axis; ``h_`` is read h′.
- An array without indices stands for its element in the same place: activations, updates.
- An element outside an array, or at a place that is no whole number, is left out of the sum: that is padding, and the
  gaps that strides leave.
- ``y > 0`` counts as 1 or 0; an array that a call goes without takes its term with it.
- ``...`` is all axes but those named; ``cdf`` is the normal distribution function, ``sigma`` the logistic function,
  ``floor`` is ``losses.log_floor``.
"""

from __future__ import annotations

_SAME_WINDOW = """
h = h_ * stride_height + i * dilation_height - pad_top
w = w_ * stride_width + j * dilation_width - pad_left
"""
_POOL_WINDOW = """
h = h_ * stride_height + i - pad_top
w = w_ * stride_width + j - pad_left
"""
_POOL_BACK = """
h_ = (h + pad_top - i) / stride_height
w_ = (w + pad_left - j) / stride_width
"""
_SOFTMAX = """
probabilities[n, k] = exp(logits[n, k] - top[n]) / sum[j](exp(logits[n, j] - top[n]))
lse[n] = top[n] + log(sum[j](exp(logits[n, j] - top[n])))
top[n] = largest[j](logits[n, j])
"""
_SMOOTHED = (
    "\nt[n, k] = (1 - label_smoothing) * targets[n, k] + label_smoothing / K if label_smoothing else targets[n, k]"
)
_XHAT_OF_ROW = "\nxhat[n, r, d] = (x[n, r, d] - mean[n, r]) * inverse_std[n, r]"
_XHAT_OF_CHANNEL = "\nxhat[n, c, s] = (x[n, c, s] - mean[c]) * inverse_std[c]"
_XHAT_OF_GROUP = "\nxhat[n, c, s] = (x[n, c, s] - mean[n, c * G // C]) * inverse_std[n, c * G // C]"
_ADAM = """
m_ = beta1 * m + (1 - beta1) * gradients
v_ = beta2 * v + (1 - beta2) * gradients ** 2
vhat = v_ / (1 - beta2 ** step)
"""
_GELU = "\nu = sqrt(2 / pi) * (x + 0.044715 * x ** 3)"

ELEMENTS: dict[str, str] = {
    "dense_forward": "y[n, m] = sum[d](x[n, d] * weight[d, m]) + bias[m]",
    "dense_backward": """
        dweight[d, m] = sum[n](x[n, d] * dy[n, m])
        dbias[m] = sum[n](dy[n, m])
        dx[n, d] = sum[m](dy[n, m] * weight[d, m])
    """,
    "identity_forward": "y = x",
    "identity_backward": "dx = dy",
    "relu_forward": "y = max(x, 0)",
    "relu_backward": "dx = dy * (y > 0)",
    "leaky_relu_forward": "y = x if x > 0 else slope * x",
    "leaky_relu_backward": "dx = dy if x > 0 else slope * dy",
    "clip_forward": "y = min(max(x, low), high)",
    "clip_backward": "dx = dy * (y > low) * (y < high)",
    "elu_forward": "y = x if x > 0 else alpha * expm1(x)",
    "elu_backward": "dx = dy if x > 0 else dy * alpha * exp(x)",
    "gelu_forward": "y = x * cdf(x)",
    "gelu_backward": "dx = dy * (cdf(x) + x * exp(-(x ** 2) / 2) / sqrt(2 * pi))",
    "gelu_tanh_forward": "y = x / 2 * (1 + tanh(u))" + _GELU,
    "gelu_tanh_backward": """
        dx = dy * ((1 + tanh(u)) / 2 + x / 2 * (1 - tanh(u) ** 2) * du)
        du = sqrt(2 / pi) * (1 + 3 * 0.044715 * x ** 2)
    """
    + _GELU,
    "silu_forward": "y = x * sigma(x)",
    "silu_backward": "dx = dy * sigma(x) * (1 + x * (1 - sigma(x)))",
    "sigmoid_forward": "y = 1 / (1 + exp(-x))",
    "sigmoid_backward": "dx = dy * y * (1 - y)",
    "tanh_forward": "y = tanh(x)",
    "tanh_backward": "dx = dy * (1 - y ** 2)",
    "softplus_forward": "y = max(x, 0) + log1p(exp(-abs(x)))",
    "softplus_backward": "dx = dy * sigma(x)",
    "softmax_forward": """
        y[..., k] = exp(x[..., k] - top) / sum[j](exp(x[..., j] - top))
        top = largest[j](x[..., j])
    """,
    "softmax_backward": "dx[..., k] = y[..., k] * (dy[..., k] - sum[j](dy[..., j] * y[..., j]))",
    "dropout_forward": "y = x * mask / (1 - rate)",
    "dropout_backward": "dx = dy * mask / (1 - rate)",
    # Losses.
    "weigh_rows": """
        row_weights[n] = factor * omega[n] / total[0] if mean else factor * omega[n]
        total[0] = sum[n](omega[n])
        omega[n] = weights[n] if weights else 1
    """,
    "weighted_sum": "value[0] = sum[n](row_weights[n] * losses[n])",
    "weigh_value": "value[0] = before[0] + factor * own_value[0] if before else factor * own_value[0]",
    "weigh_gradient": """
        doutputs[n, m] = factor * part[n, w] if (w >= 0) * (w < W) else unwritten
        w = m - start
    """,
    "squared_error_forward": "losses[n] = sum[m]((outputs[n, m] - targets[n, m]) ** 2) / 2",
    "squared_error_backward": "doutputs[n, m] = row_weights[n] * (outputs[n, m] - targets[n, m])",
    "absolute_error_forward": "losses[n] = sum[m](abs(outputs[n, m] - targets[n, m]))",
    "absolute_error_backward": "doutputs[n, m] = row_weights[n] * sign(outputs[n, m] - targets[n, m])",
    "huber_forward": """
        losses[n] = sum[m](r[n, m] ** 2 / 2 if abs(r[n, m]) <= delta else delta * (abs(r[n, m]) - delta / 2))
        r[n, m] = outputs[n, m] - targets[n, m]
    """,
    "huber_backward": "doutputs[n, m] = row_weights[n] * min(max(outputs[n, m] - targets[n, m], -delta), delta)",
    "quantile_forward": """
        losses[n] = sum[m](max(quantile * r[n, m], (quantile - 1) * r[n, m]))
        r[n, m] = targets[n, m] - outputs[n, m]
    """,
    "quantile_backward": """
        doutputs[n, m] = row_weights[n] * ((1 - quantile) * (r[n, m] > 0) - quantile * (r[n, m] < 0))
        r[n, m] = outputs[n, m] - targets[n, m]
    """,
    "poisson_forward": """
        losses[n] = sum[m](exp(outputs[n, m]) - targets[n, m] - targets[n, m] * u[n, m])
        u[n, m] = outputs[n, m] - log(max(targets[n, m], floor))
    """,
    "poisson_backward": "doutputs[n, m] = row_weights[n] * (exp(outputs[n, m]) - targets[n, m])",
    "gamma_forward": """
        losses[n] = sum[m](targets[n, m] * exp(-outputs[n, m]) - 1 + outputs[n, m] - log(targets[n, m]))
    """,
    "gamma_backward": "doutputs[n, m] = row_weights[n] * (1 - targets[n, m] * exp(-outputs[n, m]))",
    "binary_cross_entropy_forward": """
        losses[n] = sum[m](max(logits[n, m], 0) + log1p(exp(-abs(logits[n, m]))) - targets[n, m] * logits[n, m])
    """,
    "binary_cross_entropy_backward": "doutputs[n, m] = row_weights[n] * (sigma(logits[n, m]) - targets[n, m])",
    "binary_cross_entropy_of_probabilities_forward": """
        losses[n] = -sum[m](targets[n, m] * log(p[n, m]) + (1 - targets[n, m]) * log(q[n, m]))
        p[n, m] = max(probabilities[n, m], floor)
        q[n, m] = max(1 - probabilities[n, m], floor)
    """,
    "binary_cross_entropy_of_probabilities_backward": """
        doutputs[n, m] = row_weights[n] * ((1 - targets[n, m]) / q[n, m] - targets[n, m] / p[n, m])
        p[n, m] = max(probabilities[n, m], floor)
        q[n, m] = max(1 - probabilities[n, m], floor)
    """,
    "cross_entropy_forward": """
        losses[n] = sum[k](t[n, k] * (lse[n] - logits[n, k])) if label_smoothing else lse[n] - logits[n, labels[n]]
        t[n, k] = (1 - label_smoothing) * (k == labels[n]) + label_smoothing / K
    """
    + _SOFTMAX,
    "cross_entropy_backward": """
        doutputs[n, k] = row_weights[n] * (probabilities[n, k] - t[n, k])
        t[n, k] = (1 - label_smoothing) * (k == labels[n]) + label_smoothing / K if label_smoothing else k == labels[n]
    """,
    "soft_cross_entropy_forward": "losses[n] = sum[k](t[n, k] * (lse[n] - logits[n, k]))" + _SMOOTHED + _SOFTMAX,
    "soft_cross_entropy_backward": "doutputs[n, k] = row_weights[n] * (probabilities[n, k] - t[n, k])" + _SMOOTHED,
    "cross_entropy_of_probabilities_forward": (
        "losses[n] = -sum[k](t[n, k] * log(max(probabilities[n, k], floor)))" + _SMOOTHED
    ),
    "cross_entropy_of_probabilities_backward": (
        "doutputs[n, k] = -row_weights[n] * t[n, k] / max(probabilities[n, k], floor)" + _SMOOTHED
    ),
    "hinge_forward": "losses[n] = sum[m](max(0, 1 - targets[n, m] * outputs[n, m]))",
    "hinge_backward": "doutputs[n, m] = -row_weights[n] * targets[n, m] * (targets[n, m] * outputs[n, m] < 1)",
    # No kernels: layers that only look at their input in another shape.
    "view_forward": "y = x",
    "view_backward": "dx = dy",
    # How branches meet.
    "residual_forward": "y = shortcut + branch",
    "residual_backward": "dx = dshortcut + dbranch",
    "concat_forward": """
        y[a, v] = part[a, p] if (p >= 0) * (p < P) else unwritten
        p = v - start
    """,
    "concat_backward": "dpart[a, p] = dy[a, p + start]",
    "unpack_forward": "y[n, w] = x[n, w + start]",
    "unpack_backward": """
        dx[n, v] = dy[n, w] if (w >= 0) * (w < W) else unwritten
        w = v - start
    """,
    "multiply_forward": "y = a * b",
    "multiply_backward": """
        da = dy * b
        db = dy * a
    """,
    "subtract_forward": "y = a - b",
    "subtract_backward": "db = -dy",
    "absolute_difference_forward": "y = abs(a - b)",
    "absolute_difference_backward": """
        da = dy * sign(a - b)
        db = -dy * sign(a - b)
    """,
    "row_dot_forward": "y[n, i] = sum[d](a[n, d] * b[n, d])",
    "row_dot_backward": """
        da[n, d] = dy[n, 0] * b[n, d]
        db[n, d] = dy[n, 0] * a[n, d]
    """,
    "squared_distance_forward": "y[n, i] = sum[d]((a[n, d] - b[n, d]) ** 2)",
    "squared_distance_backward": """
        da[n, d] = dy[n, 0] * 2 * (a[n, d] - b[n, d])
        db[n, d] = -dy[n, 0] * 2 * (a[n, d] - b[n, d])
    """,
    "columns_forward": "y[n, i] = x[n, columns[i]]",
    "columns_backward": "dx[n, d] = sum[i](dy[n, i] * (columns[i] == d))",
    # Lookups.
    "embedding_forward": "y[a, m] = weight[x[a], m]",
    "embedding_backward": "dweight[k, m] = sum[a](dy[a, m] * (x[a] == k))",
    "zero_gradient": "dx = 0",
    "accumulate": "dx_ = dx + dpart",
    # Convolutions: groups=1 where a filter sees every channel, K == C.
    "conv2d_forward": """
        y[n, f, h_, w_] = sum[k, i, j](weight[f, k, i, j] * x[n, c, h, w]) + bias[f]
        c = k if K == C else f * (C // K) // F * K + k
    """
    + _SAME_WINDOW,
    "conv2d_backward": """
        dweight[f, k, i, j] = sum[n, h_, w_](dy[n, f, h_, w_] * x[n, c, h, w])
        dbias[f] = sum[n, h_, w_](dy[n, f, h_, w_])
        dx[n, c, h, w] = sum[q:F * K // C, i, j](weight[f, k, i, j] * dy[n, f, h_, w_])
        c = k if K == C else f * (C // K) // F * K + k
        f = q if K == C else c // K * (F * K // C) + q
        k = c if K == C else c % K
        h_ = (h + pad_top - i * dilation_height) / stride_height
        w_ = (w + pad_left - j * dilation_width) / stride_width
    """
    + _SAME_WINDOW,
    "conv_transpose2d_forward": """
        y[n, f, h_, w_] = sum[q:C * K // F, i, j](weight[c, k, i, j] * x[n, c, h, w]) + bias[f]
        c = q if K == F else f // K * (C * K // F) + q
        k = f if K == F else f % K
        h = (h_ + pad_top - i * dilation_height) / stride_height
        w = (w_ + pad_left - j * dilation_width) / stride_width
    """,
    "conv_transpose2d_backward": """
        dweight[c, k, i, j] = sum[n, h, w](x[n, c, h, w] * dy[n, f, h_, w_])
        dbias[f] = sum[n, h_, w_](dy[n, f, h_, w_])
        dx[n, c, h, w] = sum[k, i, j](weight[c, k, i, j] * dy[n, f, h_, w_])
        f = k if K == F else c // (C * K // F) * K + k
        h_ = h * stride_height + i * dilation_height - pad_top
        w_ = w * stride_width + j * dilation_width - pad_left
    """,
    "conv1d_forward": """
        y[n, t_, f] = sum[i, k](weight[i, k, f] * x[n, t, d]) + bias[f]
        d = k if K == D else f * (D // K) // F * K + k
        t = t_ * stride + i * dilation - pad
    """,
    "conv1d_backward": """
        dweight[i, k, f] = sum[n, t_](dy[n, t_, f] * x[n, t, d])
        dbias[f] = sum[n, t_](dy[n, t_, f])
        dx[n, t, d] = sum[i, q:F * K // D](weight[i, k, f] * dy[n, t_, f])
        d = k if K == D else f * (D // K) // F * K + k
        f = q if K == D else d // K * (F * K // D) + q
        k = d if K == D else d % K
        t = t_ * stride + i * dilation - pad
        t_ = (t + pad - i * dilation) / stride
    """,
    "upsample2d_forward": """
        y[n, c, h_, w_] = x[n, c, h, w]
        h = h_ // (H_ // H)
        w = w_ // (W_ // W)
    """,
    "upsample2d_backward": """
        dx[n, c, h, w] = sum[i:H_ // H, j:W_ // W](dy[n, c, h_, w_])
        h_ = h * (H_ // H) + i
        w_ = w * (W_ // W) + j
    """,
    "zero_pad2d_forward": """
        y[n, c, h_, w_] = x[n, c, h, w]
        h = h_ - top
        w = w_ - left
    """,
    "zero_pad2d_backward": """
        dx[n, c, h, w] = dy[n, c, h_, w_]
        h_ = h + top
        w_ = w + left
    """,
    # Pooling.
    "max_pool2d_forward": "y[n, c, h_, w_] = largest[i:kernel_height, j:kernel_width](x[n, c, h, w])" + _POOL_WINDOW,
    "max_pool2d_backward": """
        dx[n, c, h, w] = sum[i:kernel_height, j:kernel_width](dy[n, c, h_, w_] * decided)
        decided = index[n, c, h_, w_] == i * kernel_width + j
    """
    + _POOL_BACK,
    "average_pool2d_forward": "y[n, c, h_, w_] = mean[i:kernel_height, j:kernel_width](x[n, c, h, w])" + _POOL_WINDOW,
    "average_pool2d_backward": """
        dx[n, c, h, w] = sum[i:kernel_height, j:kernel_width](dy[n, c, h_, w_] / (rows * columns))
        rows = min(h_ * stride_height - pad_top + kernel_height, H) - max(h_ * stride_height - pad_top, 0)
        columns = min(w_ * stride_width - pad_left + kernel_width, W) - max(w_ * stride_width - pad_left, 0)
    """
    + _POOL_BACK,
    "global_max_pool_forward": "y[n, a, b] = largest[s](x[n, a, s, b])",
    "global_max_pool_backward": "dx[n, a, s, b] = dy[n, a, b] * (place[n, a, b] == s)",
    # Normalisation.
    "channel_sums": """
        total[c] = sum[n, s](x[n, c, s] - shift[c])
        square_total[c] = sum[n, s]((x[n, c, s] - shift[c]) ** 2)
    """,
    "batch_norm_statistics": """
        mean[c] = running_mean[c] + total[c] / count
        inverse_std[c] = 1 / sqrt(variance[c] + epsilon)
        running_mean_[c] = running_mean[c] + momentum * total[c] / count
        running_variance_[c] = (1 - momentum) * running_variance[c] + momentum * count / (count - 1) * variance[c]
        variance[c] = max(square_total[c] / count - (total[c] / count) ** 2, 0)
    """,
    "batch_norm_forward": "y[n, c, s] = gamma[c] * xhat[n, c, s] + beta[c]" + _XHAT_OF_CHANNEL,
    "batch_norm_predict": """
        y[n, c, s] = gamma[c] * (x[n, c, s] - running_mean[c]) / sqrt(running_variance[c] + epsilon) + beta[c]
    """,
    "batch_norm_sums": """
        dgamma[c] = sum[n, s](dy[n, c, s] * xhat[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
    """
    + _XHAT_OF_CHANNEL,
    "batch_norm_backward": """
        dx[n, c, s] = gamma[c] * inverse_std[c] * (
            dy[n, c, s] - dbeta[c] / count - xhat[n, c, s] * dgamma[c] / count)
    """
    + _XHAT_OF_CHANNEL,
    "layer_norm_forward": """
        mean[n, r] = sum[d](x[n, r, d]) / D
        inverse_std[n, r] = 1 / sqrt(sum[d]((x[n, r, d] - mean[n, r]) ** 2) / D + epsilon)
        y[n, r, d] = gamma[d] * xhat[n, r, d] + beta[d]
    """
    + _XHAT_OF_ROW,
    "layer_norm_backward": """
        dx[n, r, d] = inverse_std[n, r] * (dxhat[n, r, d]
            - sum[e:D](dxhat[n, r, e]) / D - xhat[n, r, d] * sum[e:D](dxhat[n, r, e] * xhat[n, r, e]) / D)
        dgamma[d] = sum[n, r](dy[n, r, d] * xhat[n, r, d])
        dbeta[d] = sum[n, r](dy[n, r, d])
        dxhat[n, r, d] = gamma[d] * dy[n, r, d]
    """
    + _XHAT_OF_ROW,
    "group_norm_forward": """
        mean[n, g] = sum[k:C // G, s](x[n, g * (C // G) + k, s]) / (C // G * S)
        inverse_std[n, g] = 1 / sqrt(
            sum[k:C // G, s]((x[n, g * (C // G) + k, s] - mean[n, g]) ** 2) / (C // G * S) + epsilon)
        y[n, c, s] = gamma[c] * xhat[n, c, s] + beta[c]
    """
    + _XHAT_OF_GROUP,
    "group_norm_backward": """
        dx[n, c, s] = inverse_std[n, g] * (dxhat[n, c, s]
            - sum[k:C // G, e:S](dxhat[n, first + k, e]) / (C // G * S)
            - xhat[n, c, s] * sum[k:C // G, e:S](dxhat[n, first + k, e] * xhat[n, first + k, e]) / (C // G * S))
        dgamma[c] = sum[n, s](dy[n, c, s] * xhat[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
        dxhat[n, c, s] = gamma[c] * dy[n, c, s]
        g = c * G // C
        first = g * (C // G)
    """
    + _XHAT_OF_GROUP,
    "scale_forward": "y[n, c, s] = gamma[c] * x[n, c, s] + beta[c]",
    "scale_backward": """
        dx[n, c, s] = gamma[c] * dy[n, c, s]
        dgamma[c] = sum[n, s](dy[n, c, s] * x[n, c, s])
        dbeta[c] = sum[n, s](dy[n, c, s])
    """,
    # Updates.
    "sgd_update": "parameters_ = parameters - learning_rate * gradients",
    "momentum_update": """
        velocity_ = momentum * velocity - learning_rate * gradients
        parameters_ = parameters + momentum * velocity_ - learning_rate * gradients if nesterov else (
            parameters + velocity_)
    """,
    "adagrad_update": """
        square_sum_ = square_sum + gradients ** 2
        parameters_ = parameters - learning_rate * gradients / (sqrt(square_sum_) + epsilon)
    """,
    "rmsprop_update": """
        mean_square_ = rho * mean_square + (1 - rho) * gradients ** 2
        parameters_ = parameters - learning_rate * gradients / (sqrt(mean_square_) + epsilon)
    """,
    "adam_update": _ADAM
    + """
        parameters_ = parameters - learning_rate * mhat / (sqrt(vhat) + epsilon)
        mhat = m_ / (1 - beta1 ** step)
    """,
    "nadam_update": _ADAM
    + """
        parameters_ = parameters - learning_rate * (ahead + now) / (sqrt(vhat) + epsilon)
        ahead = next_momentum * m_ / (1 - momentum_product * next_momentum)
        now = (1 - momentum) * gradients / (1 - momentum_product)
    """,
    "lion_update": """
        parameters_ = parameters - learning_rate * sign(beta1 * m + (1 - beta1) * gradients)
        m_ = beta2 * m + (1 - beta2) * gradients
    """,
    "l2_gradient": "gradients_ = gradients + strength * parameters",
    "l2_gradient_of_batch": "gradients_ = gradients + strength / total[0] * parameters",
    "l1_gradient": "gradients_ = gradients + strength * sign(parameters)",
    "weight_decay": "parameters_ = (1 - learning_rate * rate) * parameters",
    "clip_by_value": "gradients_ = min(max(gradients, -limit), limit)",
    "clip_by_norm": """
        gradients_[p] = gradients[p] * min(1, limit / sqrt(sum[q](gradients[q] ** 2)))
    """,
    "max_norm": """
        weight_[d, m] = weight[d, m] * limit / max(sqrt(sum[e](weight[e, m] ** 2)), limit)
        weight_[f, c, h, w] = weight[f, c, h, w] * limit / max(sqrt(
            sum[k, i, j](weight[f, k, i, j] ** 2) if unit_axis == 0 else sum[k, i, j](weight[k, c, i, j] ** 2)), limit)
        weight_[i, c, f] = weight[i, c, f] * limit / max(sqrt(sum[j, k](weight[j, k, f] ** 2)), limit)
    """,
}
"""By the kernel's name. Augmentation and layers in plain Python have no such lines, nor have random masks."""
