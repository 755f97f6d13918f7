"""Networks for images, ready to train: each gives an unbuilt ``Sequential`` for images (N, C, H, W).

They end in ``classes`` logits, for ``loss="cross_entropy"``. Convolutions are 3×3 with a border of zeros ("same")
unless another size is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from glassnet.core.calls import suggests
from glassnet.core.settings import whole
from glassnet.layers import BatchNorm, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU
from glassnet.network import Residual, Sequential
from glassnet.zoo.settings import class_count, dropped, stage_widths


@suggests
def lenet5(classes: int = 10, *, padding: str = "valid") -> Sequential:
    """LeNet-5, with ReLU and max pooling in the place of tanh and trained subsampling.

    (C, 28, 28) -> 6 maps 28×28 (5×5, border 2) -> pool 14×14 -> 16 maps 10×10 (5×5) -> pool 5×5 -> 120 -> 84 ->
    classes; 61,706 parameters for grey 28×28 images of ten classes.

    Args:
        classes: number of outputs K.
        padding: of the second convolution. ``"valid"``, as published, needs images of 12×12 pixels or more; ``"same"``
            keeps its maps' size and takes images from 4×4.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998), figure 2.

    Example:
        >>> net = lenet5()
        >>> net.build((1, 28, 28)), net.parameters.size
        ((10,), 61706)
    """
    return Sequential(
        *(Conv2D(6, 5, padding=2), ReLU(), MaxPool2D(2)),
        *(Conv2D(16, 5, padding=padding), ReLU(), MaxPool2D(2)),
        *(Flatten(), Dense(120), ReLU(), Dense(84), ReLU(), Dense(class_count(classes))),
    )


@suggests
def small_cnn(classes: int = 10, *, dropout: float = 0.0) -> Sequential:
    """Two convolutions and a hidden dense layer: the network of many first lessons.

    (C, 28, 28) -> 32 maps -> pool 14×14 -> 64 maps -> pool 7×7 -> 128 -> classes; 421,642 parameters for grey 28×28
    images of ten classes.

    Args:
        classes: number of outputs K.
        dropout: share of the 128 hidden units that is dropped while training; 0 for none.

    Example:
        >>> net = small_cnn()
        >>> net.build((1, 28, 28)), net.parameters.size
        ((10,), 421642)
    """
    return Sequential(
        *(Conv2D(32, 3, padding="same"), ReLU(), MaxPool2D(2)),
        *(Conv2D(64, 3, padding="same"), ReLU(), MaxPool2D(2)),
        *(Flatten(), Dense(128), ReLU(), *dropped(dropout, "small_cnn"), Dense(class_count(classes))),
    )


@suggests
def vgg_bn(classes: int = 10, widths: Sequence[int] = (32, 64, 128)) -> Sequential:
    """Pairs of 3×3 convolutions with batch normalisation, each pair followed by pooling, in VGG's way.

    (C, 32, 32) -> twice 32 maps -> pool 16×16 -> twice 64 maps -> pool 8×8 -> twice 128 maps -> pool 4×4 -> classes;
    307,946 trained parameters for colour 32×32 images of ten classes.

    Args:
        classes: number of outputs K.
        widths: maps of each pair; every pair halves the image, so S of them need 2^S × 2^S pixels or more.

    Source: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015;
    S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.

    Example:
        >>> vgg_bn().build((3, 32, 32))
        (10,)
    """
    layers: list[Layer] = []
    for width in stage_widths(widths, "vgg_bn"):
        layers += [*_convolution(width), ReLU(), *_convolution(width), ReLU(), MaxPool2D(2)]
    return Sequential(*layers, Flatten(), Dense(class_count(classes)))


@suggests
def resnet(classes: int = 10, widths: Sequence[int] = (16, 32, 64), *, blocks: int = 1) -> Sequential:
    """A small residual network; with three blocks a stage, the ResNet-20 that was published for CIFAR-10.

    (C, 32, 32) -> 16 maps -> 16 maps 32×32 -> 32 maps 16×16 -> 64 maps 8×8 -> mean of each map -> classes; 78,042
    trained parameters for colour 32×32 images of ten classes. Where a block changes the size, its shortcut is a 1×1
    convolution with batch normalisation (the paper's option B).

    Args:
        classes: number of outputs K.
        widths: maps of each stage; each after the first halves the image.
        blocks: residual blocks in a stage, of two convolutions each.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2.

    Example:
        >>> resnet().build((3, 32, 32))
        (10,)
    """
    stages = stage_widths(widths, "resnet")
    layers: list[Layer] = [*_convolution(stages[0]), ReLU()]
    before = stages[0]
    for stage, width in enumerate(stages):
        for block in range(whole(blocks, "blocks", "resnet")):
            stride = 2 if stage > 0 and block == 0 else 1
            fits = stride == 1 and width == before
            branch = [*_convolution(width, stride), ReLU(), *_convolution(width)]
            shortcut = None if fits else Sequential(Conv2D(width, 1, stride=stride, use_bias=False), BatchNorm())
            layers += [Residual(*branch, shortcut=shortcut), ReLU()]
            before = width
    return Sequential(*layers, GlobalAveragePool(), Dense(class_count(classes)))


NETWORKS: Mapping[str, Callable[..., Sequential]] = MappingProxyType(
    {"lenet5": lenet5, "small_cnn": small_cnn, "vgg_bn": vgg_bn, "resnet": resnet}
)
"""Those for images, by name."""


def _convolution(width: int, stride: int = 1) -> list[Layer]:
    """3×3 and normalised; without a bias, which the normalisation would take away again."""
    return [Conv2D(width, 3, stride=stride, padding=1, use_bias=False), BatchNorm()]
