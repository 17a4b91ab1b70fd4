"""SqueezeNet."""

from __future__ import annotations

from typing import Any

from funcnet.nn.activations import relu
from funcnet.nn.convolution import conv
from funcnet.nn.dropout import dropout as dropout_layer
from funcnet.nn.initializers import he_uniform
from funcnet.nn.layer import Layer, of_kind
from funcnet.nn.merging import concatenate, fan_out
from funcnet.nn.models.building import check_counts
from funcnet.nn.pooling import global_avg_pool, max_pool
from funcnet.nn.sequential import sequential

__all__ = ["squeezenet"]

#: Channels between, in units of an eighth of the width, of the modules between two poolings.
_STAGES = ((2, 2), (4, 4), (6, 6, 8, 8))


def squeezenet(classes: int = 1000, *, width: int = 64, dropout: float = 0.5, dtype: Any = None) -> Layer:
    """Return SqueezeNet 1.1: as accurate as AlexNet, with a fiftieth of its parameters.

    Each of its modules squeezes the channels with a convolution of 1 by 1 and widens them with convolutions of 1 by 1
    and 3 by 3 side by side. Version 1.1, of the same authors, takes less than half the operations of the paper's.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    width : int, default 64
        Channels of the first convolution, a multiple of 8.
    dropout : float, default 0.5
        Share of the features that is dropped before the last convolution in training.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For images of shape (batch, height, width, channels): logits of shape (batch, classes).

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if the key is missing in training.

    References
    ----------
    .. [1] F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
       arXiv:1602.07360, 2016.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.squeezenet(), (1, 224, 224, 3)).parameters
    1235496
    """
    check_counts("squeezenet", classes=classes, width=width)
    unit = max(width // 8, 1)

    def convolution(channels: int, size: int, stride: int = 1, padding: int = 0) -> Layer:
        return conv(channels, size, stride=stride, padding=padding, kernel_init=he_uniform(), dtype=dtype)

    def fire(between: int) -> Layer:
        wide = 4 * between
        return sequential(
            squeeze=convolution(between, 1),
            relu_0=relu(),
            expand=fan_out(convolution(wide, 1), convolution(wide, 3, padding=1)),
            join=concatenate(),
            relu_1=relu(),
        )

    children: dict[str, Layer] = {"stem": sequential(convolution(width, 3, stride=2), relu())}
    for i, stage in enumerate(_STAGES):
        modules = {f"fire_{j}": fire(times * unit) for j, times in enumerate(stage)}
        # With `ceil_mode` nothing at the border is lost.
        children[f"stage_{i}"] = sequential(max_pool(3, stride=2, ceil_mode=True), **modules)
    children["head"] = sequential(dropout_layer(dropout), convolution(classes, 1), relu(), global_avg_pool())
    return of_kind("squeezenet", sequential(**children))
