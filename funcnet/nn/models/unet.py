"""U-Net."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.nn.activations import identity, relu
from funcnet.nn.convolution import conv, conv_transpose
from funcnet.nn.initializers import he_normal
from funcnet.nn.layer import Layer, layer_path, of_kind
from funcnet.nn.merging import fan_out
from funcnet.nn.models.building import called, check_counts
from funcnet.nn.normalization import batch_norm as batch_norm_layer
from funcnet.nn.pooling import max_pool
from funcnet.nn.sequential import sequential
from funcnet.nn.spatial import upsample
from funcnet.nn.wrappers import lambda_

__all__ = ["unet"]


def unet(
    classes: int = 2,
    *,
    width: int = 64,
    depth: int = 4,
    padding: str = "SAME",
    batch_norm: bool = False,
    upsampling: str = "transposed",
    dtype: Any = None,
) -> Layer:
    """Return U-Net, which gives each pixel its logits: down to small images with many channels, and up again.

    Each level has two convolutions of 3 by 3 on the way down and two on the way up, which also see what the way down
    had at this level.

    Parameters
    ----------
    classes : int, default 2
        Number of logits of a pixel.
    width : int, default 64
        Channels of the first level; each level below has twice as many.
    depth : int, default 4
        How often the image is halved.
    padding : {"SAME", "VALID"}, default "SAME"
        Whether convolutions keep the size of the image, or use whole windows only, as in the paper, where 572 by 572
        pixels become 388 by 388.
    batch_norm : bool, default False
        Whether each convolution is followed by batch normalisation, which the paper came before.
    upsampling : {"transposed", "nearest", "linear"}, default "transposed"
        What doubles the image: a transposed convolution, or an interpolation and a convolution.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For images of shape (batch, height, width, channels): logits of shape (batch, height, width, classes), smaller
        without padding. Its children are ``level`` and ``head``; a level has ``down``, ``across`` with the ``level``
        below and ``up`` in it, ``join`` and ``out``.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a name unknown.
    ShapeError
        By ``init`` and ``apply``: if with padding the sides of the image are not multiples of ``2**depth``, or the
        image is too small.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image segmentation",
       MICCAI 2015, arXiv:1505.04597.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> model = nn.models.unet(3, width=4, depth=2)
    >>> x = np.ones((1, 16, 16, 1), dtype="float32")
    >>> params, state = model.init(random.key(0), x.shape)
    >>> model.apply(params, state, x)[0].shape
    (1, 16, 16, 3)
    """
    check_counts("unet", classes=classes, width=width, depth=depth)
    same = called("unet", "padding", {"SAME": True, "VALID": False}, padding)
    called("unet", "upsampling", dict.fromkeys(("transposed", "nearest", "linear")), upsampling)

    def twice(channels: int) -> Layer:
        layers: list[Layer] = []
        for _ in range(2):
            layers.append(conv(channels, 3, padding=padding, kernel_init=he_normal(), dtype=dtype))
            if batch_norm:
                layers.append(batch_norm_layer(dtype=dtype))
            layers.append(relu())
        return sequential(*layers)

    def doubled(channels: int) -> Layer:
        if upsampling == "transposed":
            return conv_transpose(channels, 2, stride=2, dtype=dtype)
        return sequential(upsample(2, method=upsampling), conv(channels, 2, padding="SAME", dtype=dtype))

    level = twice(width * 2**depth)
    for i in reversed(range(depth)):
        channels = width * 2**i
        below = sequential(pool=max_pool(2), level=level, up=doubled(channels))
        level = sequential(
            down=twice(channels),
            across=fan_out(skip=identity(), below=below),
            join=lambda_(lambda pair: _joined(pair, same, depth), kind="join"),
            out=twice(channels),
        )
    return of_kind("unet", sequential(level=level, head=conv(classes, 1, dtype=dtype)))


def _joined(pair: Any, same: bool, depth: int) -> Any:
    """Join what came across, cut to the size of the other, with what came from below."""
    skip, up = pair
    if same and skip.shape != up.shape:
        raise ShapeError(
            f"Layer {layer_path('unet')} cannot halve this image so often.",
            found=f"an image of {skip.shape[1]} by {skip.shape[2]} pixels at one of its levels",
            needed=f"sides that are multiples of {2**depth} at the top",
            write="nn.functional.pad or padding='VALID'",
        )
    cut = [slice(None)]
    for n, m in zip(skip.shape[1:-1], up.shape[1:-1], strict=True):
        start = (n - m) // 2
        cut.append(slice(start, start + m))
    return xp.concat([skip[(*cut, slice(None))], up], axis=-1)
