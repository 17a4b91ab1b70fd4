"""Adafactor: second moments of matrices by their rows and columns."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.averaging import ema
from funcnet.optim.building import Number, check_count, per_leaf, zeros
from funcnet.optim.clipping import clip_by_block_rms
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale, scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = [
    "ScaleByFactoredRmsState",
    "ScaleByParamBlockState",
    "adafactor",
    "scale_by_factored_rms",
    "scale_by_param_block_norm",
    "scale_by_param_block_rms",
]


class ScaleByFactoredRmsState(NamedTuple):
    """State of `scale_by_factored_rms`; of an array either the first two or the last are empty."""

    count: Any
    decay_rate: Any
    decay_offset: Any
    eps: Any
    rows: Any
    columns: Any
    nu: Any


class ScaleByParamBlockState(NamedTuple):
    """State of `scale_by_param_block_rms` and `scale_by_param_block_norm`."""

    count: Any
    min_scale: Any


def scale_by_factored_rms(
    *,
    factored: bool = True,
    decay_rate: Rate = 0.8,
    decay_offset: Rate = 0.0,
    min_dim_size_to_factor: int = 128,
    eps: Rate = 1e-30,
) -> Transform:
    r"""Return the transform that divides updates by the root of a mean of their squares, kept by rows and columns.

    With :math:`\beta_t = 1 - (t - t_0)^{-d}` and means over the two largest dimensions of an array,

    .. math::

        R_t &= \beta_t R_{t-1} + (1 - \beta_t) \, \mathrm{mean}_\text{columns}(g_t^2 + \epsilon), \quad
        C_t = \beta_t C_{t-1} + (1 - \beta_t) \, \mathrm{mean}_\text{rows}(g_t^2 + \epsilon) \\
        u_t &= g_t \Big/ \sqrt{\frac{R_t C_t}{\mathrm{mean}(R_t)}}

    Parameters
    ----------
    factored : bool, default True
        Whether to keep rows and columns; else the whole array.
    decay_rate, decay_offset : float, array of shape () or callable
        d and :math:`t_0`, the number of the update before the first; a function gets the number of updates made before.
    min_dim_size_to_factor : int, default 128
        Arrays whose second largest dimension is smaller are kept whole.
    eps : float, array of shape () or callable
        Not negative.

    Returns
    -------
    Transform
        Its state is a `ScaleByFactoredRmsState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018,
       arXiv:1804.04235.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_factored_rms(min_dim_size_to_factor=2)
    >>> params = np.zeros((2, 3))
    >>> updates, state = opt.update(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]), opt.init(params), params)
    >>> updates.round(4)
    array([[1., 1., 1.],
           [1., 1., 1.]])
    >>> state.rows.shape, state.columns.shape, state.nu.shape
    ((2,), (3,), (0,))
    """
    check_count("scale_by_factored_rms", "min_dim_size_to_factor", min_dim_size_to_factor)

    def dims(shape: tuple[int, ...]) -> tuple[int, int] | None:
        if not factored or len(shape) < 2:
            return None
        *_, small, large = sorted(range(len(shape)), key=shape.__getitem__)
        return None if shape[small] < min_dim_size_to_factor else (small, large)

    def mean_over(which: int) -> Any:
        def begin(p: Any) -> Any:
            found = dims(tuple(p.shape))
            return _nothing(p) if found is None else xp.sum(zeros(p), axis=found[which])

        return begin

    def whole(p: Any) -> Any:
        return zeros(p) if dims(tuple(p.shape)) is None else _nothing(p)

    def prepare(t: Any, decay_rate: Any, offset: Any, eps: Any) -> tuple[Any, ...]:
        return 1 - (t - offset) ** -decay_rate, eps

    def rule(g: Any, rows: Any, columns: Any, nu: Any, decay: Any, eps: Any) -> tuple[Any, Any, Any, Any]:
        square = g * g + eps
        found = dims(tuple(g.shape))
        if found is None:
            nu = nu * decay + square * (1 - decay)
            return g / xp.sqrt(nu), rows, columns, nu
        small, large = found
        rows = rows * decay + xp.mean(square, axis=large) * (1 - decay)
        columns = columns * decay + xp.mean(square, axis=small) * (1 - decay)
        mean = xp.mean(rows, axis=small - 1 if small > large else small, keepdims=True)
        of_rows = xp.expand_dims(xp.sqrt(rows / mean), axis=large)
        return g / of_rows / xp.expand_dims(xp.sqrt(columns), axis=small), rows, columns, nu

    return per_leaf(
        "scale_by_factored_rms",
        ScaleByFactoredRmsState,
        rule,
        numbers={
            "decay_rate": Number(decay_rate),
            "decay_offset": Number(decay_offset, float("-inf")),
            "eps": Number(eps),
        },
        columns={"rows": mean_over(1), "columns": mean_over(0), "nu": whole},
        prepare=prepare,
    )


def _nothing(p: Any) -> Any:
    return xp.reshape(zeros(p), (-1,))[:0]


def scale_by_param_block_rms(*, min_scale: Rate = 1e-3) -> Transform:
    r"""Return the transform that multiplies the update of each array by the root mean square of the parameter.

    Parameters
    ----------
    min_scale : float, array of shape () or callable
        The smallest factor; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ScaleByParamBlockState`.

    Raises
    ------
    ParameterError
        If `min_scale` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_param_block_rms()
    >>> params = np.array([3.0, -3.0])
    >>> opt.update(np.array([1.0, 0.5]), opt.init(params), params)[0]
    array([3. , 1.5])
    """

    def rule(u: Any, p: Any, least: Any) -> tuple[Any]:
        root = xp.linalg.vector_norm(p) * max(prod(p.shape), 1) ** -0.5
        return (u * xp.maximum(root, least),)

    numbers = {"min_scale": Number(min_scale)}
    return per_leaf("scale_by_param_block_rms", ScaleByParamBlockState, rule, numbers=numbers, params=True)


def scale_by_param_block_norm(*, min_scale: Rate = 1e-3) -> Transform:
    r"""Return the transform that multiplies the update of each array by the norm of the parameter.

    Parameters
    ----------
    min_scale : float, array of shape () or callable
        The smallest factor; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ScaleByParamBlockState`.

    Raises
    ------
    ParameterError
        If `min_scale` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_param_block_norm()
    >>> params = np.array([3.0, 4.0])
    >>> opt.update(np.array([1.0, 0.5]), opt.init(params), params)[0]
    array([5. , 2.5])
    """

    def rule(u: Any, p: Any, least: Any) -> tuple[Any]:
        return (u * xp.maximum(xp.linalg.vector_norm(p), least),)

    numbers = {"min_scale": Number(min_scale)}
    return per_leaf("scale_by_param_block_norm", ScaleByParamBlockState, rule, numbers=numbers, params=True)


def adafactor(
    learning_rate: Rate | None = None,
    *,
    min_dim_size_to_factor: int = 128,
    decay_rate: Rate = 0.8,
    decay_offset: Rate = 0.0,
    multiply_by_parameter_scale: bool = True,
    clipping_threshold: Rate | None = 1.0,
    momentum: Rate | None = None,
    weight_decay: Rate | None = None,
    mask: Mask = None,
    eps: Rate = 1e-30,
    factored: bool = True,
) -> Transform:
    r"""Adafactor: an adaptive method whose memory grows with the rows and columns of a matrix, not with its elements.

    With :math:`u_t` from `scale_by_factored_rms`, clipped to a root mean square of at most c,

    .. math:: \theta_t = \theta_{t-1} - \eta \max(\mathrm{rms}(\theta_{t-1}), 10^{-3}) \, u_t - w \theta_{t-1}

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, optional
        :math:`\eta`; a function gets the number of updates made before. None: 1.
    min_dim_size_to_factor, decay_rate, decay_offset, eps, factored
        As for `scale_by_factored_rms`.
    multiply_by_parameter_scale : bool, default True
        Whether there is the factor by the size of the parameter.
    clipping_threshold : float, array of shape () or callable, optional
        c; None does not clip.
    momentum : float, array of shape () or callable, optional
        Decay of a mean of the steps; None keeps none.
    weight_decay : float, array of shape () or callable, optional
        :math:`w`, which is not multiplied by the learning rate.
    mask : callable or pytree of bools, optional
        Which parameters decay; see `add_decayed_weights`.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018,
       arXiv:1804.04235.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adafactor(0.1)
    >>> params = np.array([2.0, -2.0])
    >>> opt.update(np.array([3.0, -0.5]), opt.init(params), params)[0].round(4)
    array([-0.2,  0.2])
    """
    parts = [
        scale_by_factored_rms(
            factored=factored,
            decay_rate=decay_rate,
            decay_offset=decay_offset,
            min_dim_size_to_factor=min_dim_size_to_factor,
            eps=eps,
        )
    ]
    if clipping_threshold is not None:
        parts.append(clip_by_block_rms(clipping_threshold))
    parts.append(scale_by_learning_rate(1.0 if learning_rate is None else learning_rate))
    if multiply_by_parameter_scale:
        parts.append(scale_by_param_block_rms())
    if momentum is not None:
        parts.append(ema(momentum, debias=False))
    if weight_decay is not None:
        # Steps are downwards by now, and so must the decay be.
        parts += [scale(-1.0), add_decayed_weights(weight_decay, mask=mask), scale(-1.0)]
    return chain(*parts)
