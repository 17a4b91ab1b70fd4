"""Residual networks of 18 to 152 layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.activations import relu
from funcnet.nn.convolution import conv
from funcnet.nn.dense import dense
from funcnet.nn.initializers import ones, variance_scaling, zeros
from funcnet.nn.layer import Layer, of_kind
from funcnet.nn.merging import residual
from funcnet.nn.models.building import called, check_counts
from funcnet.nn.normalization import batch_norm
from funcnet.nn.pooling import global_avg_pool, max_pool
from funcnet.nn.sequential import sequential

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


__all__ = ["resnet", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]

#: How many times as many channels as its convolutions a block returns.
_EXPANSION = {"basic": 1, "bottleneck": 4}


def resnet(
    blocks: Sequence[int],
    *,
    block: str = "bottleneck",
    classes: int = 1000,
    width: int = 64,
    stem: str = "imagenet",
    version: str = "1.5",
    zero_init: bool = False,
    dtype: Any = None,
) -> Layer:
    r"""Return a residual network: stages of blocks :math:`x \leftarrow \mathrm{relu}(f(x) + s(x))`.

    In a basic block f is two convolutions of 3 by 3, in a bottleneck three: 1 by 1, 3 by 3, and 1 by 1 to four times as
    many channels; batch normalisation follows each. The shortcut s is a convolution of 1 by 1 with normalisation where
    the shape changes, and the identity elsewhere. Each stage but the first halves the image and doubles the channels.

    Parameters
    ----------
    blocks : sequence of int
        Number of blocks of each stage.
    block : {"bottleneck", "basic"}, default "bottleneck"
        Which block.
    classes : int, default 1000
        Number of logits.
    width : int, default 64
        Channels of the stem and of the first stage's convolutions.
    stem : {"imagenet", "small"}, default "imagenet"
        What comes first: a convolution of 7 by 7 with stride 2 and a pooling, or for small images, as those of CIFAR, a
        convolution of 3 by 3 only.
    version : {"1.5", "1"}, default "1.5"
        Whether a bottleneck halves the image in its convolution of 3 by 3, which is more accurate, or in the first one
        of 1 by 1, as in the paper.
    zero_init : bool, default False
        Whether the last normalisation of each block starts with the factor 0, so that each block starts as its
        shortcut.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For images of shape (batch, height, width, channels): logits of shape (batch, classes). Its children are
        ``stem``, ``stage_0``, ``stage_1``, ... with ``block_0``, ``block_1``, ... inside, and ``head``.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a name unknown.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.

    Examples
    --------
    >>> from funcnet import nn
    >>> model = nn.models.resnet([1, 1], block="basic", classes=10, width=8, stem="small")
    >>> nn.summary(model, (1, 32, 32, 3)).parameters
    5266
    """
    check_counts("resnet", blocks=list(blocks), classes=classes, width=width)
    expansion = called("resnet", "block", _EXPANSION, block)
    small = called("resnet", "stem", {"imagenet": False, "small": True}, stem)
    first_strides = called("resnet", "version", {"1.5": False, "1": True}, version)
    last_scale = zeros if zero_init else ones

    def part(channels: int, size: int, stride: int = 1, scale: Callable[..., Any] = ones) -> list[Layer]:
        return [_conv(channels, size, stride, dtype), batch_norm(scale_init=scale, dtype=dtype)]

    def one_block(channels: int, stride: int, changes: bool) -> Layer:
        out = expansion * channels
        if block == "basic":
            body = [*part(channels, 3, stride), relu(), *part(out, 3, 1, last_scale)]
        else:
            a, b = (stride, 1) if first_strides else (1, stride)
            body = [*part(channels, 1, a), relu(), *part(channels, 3, b), relu(), *part(out, 1, 1, last_scale)]
        shortcut = sequential(*part(out, 1, stride)) if changes else None
        return sequential(residual(sequential(*body), shortcut), relu())

    children: dict[str, Layer] = {}
    start = part(width, 3) if small else part(width, 7, 2)
    children["stem"] = sequential(*start, relu(), *([] if small else [max_pool(3, stride=2, padding=1)]))
    before = width
    for i, count in enumerate(blocks):
        channels, stride = width * 2**i, 1 if i == 0 else 2
        stage = {}
        for j in range(count):
            changes = j == 0 and (stride != 1 or before != expansion * channels)
            stage[f"block_{j}"] = one_block(channels, stride if j == 0 else 1, changes)
        before = expansion * channels
        children[f"stage_{i}"] = sequential(**stage)
    children["head"] = sequential(global_avg_pool(), dense(classes, dtype=dtype))
    return of_kind("resnet", sequential(**children))


def _conv(channels: int, size: int, stride: int, dtype: Any) -> Layer:
    make = variance_scaling(2.0, "fan_out", "normal")
    return conv(channels, size, stride=stride, padding=size // 2, bias=False, kernel_init=make, dtype=dtype)


def resnet18(classes: int = 1000, **options: Any) -> Layer:
    """Return the residual network of 18 layers, of basic blocks.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    **options
        ``width``, ``stem``, ``version``, ``zero_init`` and ``dtype`` of `resnet`.

    Returns
    -------
    Layer
        See `resnet`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.resnet18(), (1, 224, 224, 3)).parameters
    11689512
    """
    return resnet((2, 2, 2, 2), block="basic", classes=classes, **options)


def resnet34(classes: int = 1000, **options: Any) -> Layer:
    """Return the residual network of 34 layers, of basic blocks.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    **options
        ``width``, ``stem``, ``version``, ``zero_init`` and ``dtype`` of `resnet`.

    Returns
    -------
    Layer
        See `resnet`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.resnet34(), (1, 224, 224, 3)).parameters
    21797672
    """
    return resnet((3, 4, 6, 3), block="basic", classes=classes, **options)


def resnet50(classes: int = 1000, **options: Any) -> Layer:
    """Return the residual network of 50 layers, of bottlenecks.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    **options
        ``width``, ``stem``, ``version``, ``zero_init`` and ``dtype`` of `resnet`.

    Returns
    -------
    Layer
        See `resnet`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.resnet50(), (1, 224, 224, 3)).parameters
    25557032
    """
    return resnet((3, 4, 6, 3), classes=classes, **options)


def resnet101(classes: int = 1000, **options: Any) -> Layer:
    """Return the residual network of 101 layers, of bottlenecks.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    **options
        ``width``, ``stem``, ``version``, ``zero_init`` and ``dtype`` of `resnet`.

    Returns
    -------
    Layer
        See `resnet`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.resnet101(), (1, 224, 224, 3)).parameters
    44549160
    """
    return resnet((3, 4, 23, 3), classes=classes, **options)


def resnet152(classes: int = 1000, **options: Any) -> Layer:
    """Return the residual network of 152 layers, of bottlenecks.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    **options
        ``width``, ``stem``, ``version``, ``zero_init`` and ``dtype`` of `resnet`.

    Returns
    -------
    Layer
        See `resnet`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.resnet152(), (1, 224, 224, 3)).parameters
    60192808
    """
    return resnet((3, 8, 36, 3), classes=classes, **options)
