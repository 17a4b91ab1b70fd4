"""VGG with 16 layers, and what its published parameters expect of images."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.nn.activations import relu
from funcnet.nn.convolution import conv
from funcnet.nn.dense import dense
from funcnet.nn.dropout import dropout as dropout_layer
from funcnet.nn.flatten import flatten
from funcnet.nn.initializers import he_normal
from funcnet.nn.layer import Layer, of_kind
from funcnet.nn.models.building import check_counts
from funcnet.nn.normalization import batch_norm as batch_norm_layer
from funcnet.nn.pooling import max_pool
from funcnet.nn.sequential import sequential

__all__ = ["vgg16", "vgg_preprocess"]

#: Convolutions of each stage, and how often its channels are those of the first one.
_STAGES = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
#: Mean of ImageNet's images from 0 to 255: blue, green, red.
_MEAN = (103.939, 116.779, 123.68)


def vgg16(
    classes: int = 1000,
    *,
    width: int = 64,
    hidden: int = 4096,
    dropout: float = 0.5,
    batch_norm: bool = False,
    dtype: Any = None,
) -> Layer:
    """Return VGG-16 (configuration D of the paper): thirteen convolutions and three dense layers.

    Parameters
    ----------
    classes : int, default 1000
        Number of logits.
    width : int, default 64
        Channels of the first stage; the others have 2, 4, 8 and 8 times as many.
    hidden : int, default 4096
        Features of the two dense layers before the last one.
    dropout : float, default 0.5
        Share of their features that is dropped in training.
    batch_norm : bool, default False
        Whether each convolution is followed by batch normalisation, which the paper came before.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For images of shape (batch, height, width, 3), 224 by 224 in the paper, of at least 32 by 32: logits of shape
        (batch, classes). Its children are ``stage_0`` to ``stage_4`` and ``head``.

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if the key is missing in training.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
       arXiv:1409.1556.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.vgg16(), (1, 224, 224, 3)).parameters
    138357544
    """
    check_counts("vgg16", classes=classes, width=width, hidden=hidden)
    stages = {}
    for i, (convolutions, factor) in enumerate(_STAGES):
        layers: list[Layer] = []
        for _ in range(convolutions):
            layers.append(conv(factor * width, 3, padding=1, kernel_init=he_normal(), dtype=dtype))
            if batch_norm:
                layers.append(batch_norm_layer(dtype=dtype))
            layers.append(relu())
        stages[f"stage_{i}"] = sequential(*layers, max_pool(2))
    head: list[Layer] = [flatten()]
    for _ in range(2):
        head += [dense(hidden, dtype=dtype), relu(), dropout_layer(dropout)]
    return of_kind("vgg16", sequential(**stages, head=sequential(*head, dense(classes, dtype=dtype))))


def vgg_preprocess(images: Any) -> Any:
    """Return images as the published parameters of VGG expect them: blue first, and without ImageNet's mean.

    Parameters
    ----------
    images : array, shape (..., 3)
        Red, green and blue, from 0 to 255, of a floating-point data type.

    Returns
    -------
    array, shape (..., 3)
        Blue, green and red, less 103.939, 116.779 and 123.68.

    Raises
    ------
    ShapeError
        If the last axis does not have three channels.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.models.vgg_preprocess(np.array([[123.68, 116.779, 113.939]]))
    array([[10.,  0.,  0.]])
    """
    shape = tuple(images.shape)
    if not shape or shape[-1] != 3:
        raise ShapeError(
            "nn.models.vgg_preprocess takes images in colour.",
            found=f"shape {shape}",
            needed="three channels, red, green and blue, on the last axis",
        )
    parts = [images[..., 2 - i] - mean for i, mean in enumerate(_MEAN)]
    return xp.stack(parts, axis=-1)
