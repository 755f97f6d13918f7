"""Derivations for ``kernels/augment.py``."""

from __future__ import annotations

from glassnet.kernels.why.step import Step

AUGMENT = {
    "dx": (
        Step(
            "What was drawn for an image stays fixed in this step, and with it every change is linear in the pixels: "
            "y = A x + b with a matrix A of this image alone. The slope of y_i by x_j is A_ij, so dx = Aᵀ dy: each "
            "change is undone in the opposite order, transposed.",
            "对一幅图像抽到的随机数在这一步里是固定的，于是每种改动对像素都是线性的：y = A x + b，A 是只属于这幅图像的"
            "矩阵。y_i 对 x_j 的斜率是 A_ij，所以 dx = Aᵀ dy：各种改动按相反的顺序、逐个转置着传回去。",
        ),
        Step(
            "The cut-out set a square to 0 whatever was there: slope 0, no gradient. Brightness added a number that "
            "knows no pixel: slope 1, nothing to do.",
            "遮挡把一个方块置为 0，与原来的值无关：斜率为 0，没有梯度。亮度加的是与像素无关的数：斜率为 1，不用处理。",
        ),
        Step(
            "Contrast is y_i = c (v_i − mean v) + mean v. v_j stands in its own pixel with the factor c, and in the "
            "mean of all pixels with (1 − c)/(H W): hence c d + (1 − c) mean d.",
            "对比度是 y_i = c (v_i − mean v) + mean v。v_j 以系数 c 进入自己的像素，又以 (1 − c)/(H W) 通过均值进入每"
            "个像素：于是得到 c d + (1 − c) mean d。",
        ),
        Step(
            "A pixel of the moved or turned image is a mean of up to four pixels with weights. Each of these gets the "
            "error term back times its weight, and what several say is added up; mirroring sends it to the mirrored "
            "place. What was pushed over the edge gets nothing.",
            "平移或旋转后图像的一个像素，是至多四个像素的加权平均。误差项乘以各自的权重传回这几个像素，来自多处的相加；"
            "翻转则传回镜像的位置。被移出边界的像素什么也得不到。",
        ),
    ),
}
