"""The two networks of a DCGAN."""

from __future__ import annotations

from typing import Any

from funcnet.errors import ParameterError
from funcnet.nn.activations import leaky_relu, relu, tanh
from funcnet.nn.convolution import conv, conv_transpose
from funcnet.nn.flatten import flatten
from funcnet.nn.initializers import normal
from funcnet.nn.layer import Layer, of_kind
from funcnet.nn.models.building import check_counts
from funcnet.nn.normalization import batch_norm
from funcnet.nn.sequential import sequential
from funcnet.nn.wrappers import lambda_
from funcnet.ops.broadcasting import reshaped

__all__ = ["dcgan_discriminator", "dcgan_generator"]


def dcgan_generator(channels: int = 3, *, size: int = 64, width: int = 64, dtype: Any = None) -> Layer:
    """Return the generator of a DCGAN: transposed convolutions from noise to images.

    Parameters
    ----------
    channels : int, default 3
        Those of the images.
    size : int, default 64
        Their height and width: a power of two, at least 8.
    width : int, default 64
        Channels of the last layer but one; each layer before has twice as many.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For noise of shape (batch, n), normally distributed: images of shape (batch, size, size, channels) from -1 to 1.
        Its children are ``project``, ``stage_0``, ``stage_1``, ... and ``image``.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    References
    ----------
    .. [1] A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional generative
       adversarial networks", ICLR 2016, arXiv:1511.06434.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.dcgan_generator(), (1, 100)).parameters
    3576704
    """
    check_counts("dcgan_generator", channels=channels, width=width)
    stages = _stages("dcgan_generator", size)

    def part(features: int, **options: Any) -> list[Layer]:
        up = conv_transpose(features, 4, bias=False, kernel_init=normal(0.02), dtype=dtype, **options)
        return [up, batch_norm(scale_init=normal(0.02, mean=1.0), dtype=dtype), relu()]

    single = lambda_(lambda z: reshaped(z, (z.shape[0], 1, 1, z.shape[1])), kind="as_image")
    children: dict[str, Layer] = {"project": sequential(single, *part(width * 2 ** (stages - 1)))}
    for i in range(stages - 1):
        children[f"stage_{i}"] = sequential(*part(width * 2 ** (stages - 2 - i), stride=2, padding=1))
    last = conv_transpose(channels, 4, stride=2, padding=1, bias=False, kernel_init=normal(0.02), dtype=dtype)
    children["image"] = sequential(last, tanh())
    return of_kind("dcgan_generator", sequential(**children))


def dcgan_discriminator(*, size: int = 64, width: int = 64, slope: float = 0.2, dtype: Any = None) -> Layer:
    """Return the discriminator of a DCGAN: convolutions from images to the logit that they are real.

    Parameters
    ----------
    size : int, default 64
        Height and width of the images: a power of two, at least 8.
    width : int, default 64
        Channels of the first layer; each one after has twice as many.
    slope : float, default 0.2
        That of the leaky rectifiers, below 0.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For images of shape (batch, size, size, channels): logits of shape (batch, 1). Its children are ``stage_0``,
        ``stage_1``, ... and ``head``.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    References
    ----------
    .. [1] A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional generative
       adversarial networks", ICLR 2016, arXiv:1511.06434.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.summary(nn.models.dcgan_discriminator(), (1, 64, 64, 3)).parameters
    2765568
    """
    check_counts("dcgan_discriminator", width=width)
    children: dict[str, Layer] = {}
    for i in range(_stages("dcgan_discriminator", size)):
        down = conv(width * 2**i, 4, stride=2, padding=1, bias=False, kernel_init=normal(0.02), dtype=dtype)
        # Not in the first layer: the paper found the training unstable with it.
        norm = [batch_norm(scale_init=normal(0.02, mean=1.0), dtype=dtype)] if i else []
        children[f"stage_{i}"] = sequential(down, *norm, leaky_relu(slope))
    children["head"] = sequential(conv(1, 4, bias=False, kernel_init=normal(0.02), dtype=dtype), flatten())
    return of_kind("dcgan_discriminator", sequential(**children))


def _stages(model: str, size: Any) -> int:
    """Return how often 4 is doubled to give the size."""
    if size.__class__ is not int or size < 8 or size & (size - 1):
        raise ParameterError(
            f"nn.models.{model} takes the height and width of the images.",
            found=f"size={size!r}",
            needed="a power of two, at least 8",
        )
    return size.bit_length() - 3
