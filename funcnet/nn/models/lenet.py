"""LeNet-5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.activation import activation as activation_layer
from funcnet.nn.convolution import conv
from funcnet.nn.dense import dense
from funcnet.nn.flatten import flatten
from funcnet.nn.layer import Layer, of_kind
from funcnet.nn.models.building import called, check_counts, pair_of
from funcnet.nn.pooling import avg_pool, max_pool
from funcnet.nn.sequential import sequential

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["lenet"]


def lenet(
    classes: int = 10,
    *,
    channels: tuple[int, int] = (6, 16),
    hidden: tuple[int, int] = (120, 84),
    activation: str | Callable[[Any], Any] | Layer = "tanh",
    pooling: str = "average",
    padding: Any = 2,
    dtype: Any = None,
) -> Layer:
    """Return LeNet-5, for images of 28 by 28 pixels: two convolutions and three dense layers.

    As it is taught today: every map of the second convolution sees all maps of the first one, pooling has no
    parameters, and the last layer gives logits.

    Parameters
    ----------
    classes : int, default 10
        Number of logits.
    channels, hidden : pair of int
        Channels of the two convolutions, features of the two dense layers before the last one.
    activation : str, callable or Layer, default "tanh"
        See `activation`.
    pooling : {"average", "max"}, default "average"
        What halves the images.
    padding : int, str or sequence, default 2
        That of the first convolution; 0 for images of 32 by 32 pixels, as in the paper.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For images of shape (batch, height, width, channels): logits of shape (batch, classes).

    Raises
    ------
    ParameterError
        If an argument is out of range, or a name unknown.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
       Proceedings of the IEEE 86 (1998).

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.lenet(), (1, 28, 28, 1)).parameters
    61706
    """
    check_counts("lenet", classes=classes, channels=channels, hidden=hidden)
    pools = {"average": avg_pool, "max": max_pool}
    pool = called("lenet", "pooling", pools, pooling)
    one, two = pair_of("lenet", "channels", channels)
    three, four = pair_of("lenet", "hidden", hidden)

    def phi() -> Layer:
        return activation_layer(activation)

    model = sequential(
        conv(one, 5, padding=padding, dtype=dtype),
        phi(),
        pool(2),
        conv(two, 5, dtype=dtype),
        phi(),
        pool(2),
        flatten(),
        dense(three, dtype=dtype),
        phi(),
        dense(four, dtype=dtype),
        phi(),
        dense(classes, dtype=dtype),
    )
    return of_kind("lenet", model)
