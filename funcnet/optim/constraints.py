"""Updates that keep something in order: centred gradients, no NaN, parameters that stay in a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.core import constant
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import Number, Step, build, per_leaf
from funcnet.optim.clipping import norm_of, times
from funcnet.optim.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CountState",
    "NormalizeState",
    "ZeroNansState",
    "centralize",
    "keep_params_nonnegative",
    "normalize_by_update_norm",
    "project",
    "set_to_zero",
    "zero_nans",
]


class CountState(NamedTuple):
    """State of transforms that only count their updates."""

    count: Any


class NormalizeState(NamedTuple):
    """State of `normalize_by_update_norm`."""

    count: Any
    scale_factor: Any
    eps: Any


class ZeroNansState(NamedTuple):
    """State of `zero_nans`: for each parameter, whether its last gradient had a NaN."""

    count: Any
    found_nan: Any


def set_to_zero() -> Transform:
    """Return the transform that makes all updates 0.

    Returns
    -------
    Transform
        Its state is a `CountState`.

    See Also
    --------
    freeze : for some of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.set_to_zero()
    >>> opt.update(np.array([2.0]), opt.init(np.array([1.0])), np.array([1.0]))[0]
    array([0.])
    """

    def rule(step: Step) -> list[Any]:
        return [None if g is None else xp.zeros_like(g) for g in step.grads]

    return build("set_to_zero", CountState, rule, numbers={})


def centralize(*, channel_axis: int = -1) -> Transform:
    """Return the transform that subtracts the mean over all axes but the one of the outputs.

    Parameters
    ----------
    channel_axis : int, default -1
        The axis of the outputs of a layer, which is the last one of this library's kernels; in layouts where it is the
        first one, 0.

    Returns
    -------
    Transform
        Its state is a `CountState`. Gradients with fewer than two dimensions stay as they are.

    Raises
    ------
    ShapeError
        By ``update``: if a gradient has no such axis.

    References
    ----------
    .. [1] H. Yong, J. Huang, X. Hua, L. Zhang, "Gradient centralization: a new optimization technique for deep neural
       networks", ECCV 2020, arXiv:2004.01461.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, g = optim.centralize(), np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> opt.update(g, opt.init(g), g)[0]
    array([[-1., -2.],
           [ 1.,  2.]])
    """

    def rule(g: Any) -> tuple[Any]:
        ndim = len(g.shape)
        if ndim < 2:
            return (g,)
        if not -ndim <= channel_axis < ndim:
            raise ShapeError(
                "optim.centralize got a gradient without the axis of the outputs.",
                found=f"shape {tuple(g.shape)} and channel_axis={channel_axis}",
                needed=f"an axis from {-ndim} to {ndim - 1}",
                write="optim.masked(optim.centralize(channel_axis=...), lambda path: ...) for those that have it",
            )
        axes = tuple([i for i in range(ndim) if i != channel_axis % ndim])
        return (g - xp.mean(g, axis=axes, keepdims=True),)

    return per_leaf("centralize", CountState, rule, numbers={})


def normalize_by_update_norm(scale_factor: leaves.Rate = 1.0, *, eps: leaves.Rate = 1e-6) -> Transform:
    r"""Return the transform that divides all updates by their norm.

    :math:`u = s g / (\|g\| + \epsilon)`, the norm taken over all arrays as one vector.

    Parameters
    ----------
    scale_factor : float, array of shape () or callable, default 1
        The factor s; a function gets the number of updates made before.
    eps : float, array of shape () or callable, default 1e-6
        :math:`\epsilon`, not negative.

    Returns
    -------
    Transform
        Its state has the hyperparameters ``scale_factor`` and ``eps``.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.normalize_by_update_norm(eps=0.0)
    >>> opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([0.6, 0.8])
    """

    def rule(step: Step) -> list[Any]:
        given = [g for g in step.grads if g is not None]
        if not given:
            return step.grads
        factor, eps = step.numbers
        return step.each(times, factor / (norm_of(given, factor.dtype) + eps))

    numbers = {"scale_factor": Number(scale_factor, float("-inf")), "eps": Number(eps)}
    return build("normalize_by_update_norm", NormalizeState, rule, numbers=numbers)


def zero_nans() -> Transform:
    """Return the transform that puts 0 in the place of NaN.

    Returns
    -------
    Transform
        Its state is a `ZeroNansState`, which says where there was one.

    See Also
    --------
    apply_if_finite : leaves out the whole update.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.zero_nans()
    >>> updates, state = opt.update(np.array([np.nan, 1.0]), opt.init(np.zeros(2)), np.zeros(2))
    >>> updates, bool(state.found_nan)
    (array([0., 1.]), True)
    """

    def rule(step: Step) -> list[Any]:
        updates: list[Any] = []
        for i, g in enumerate(step.grads):
            if g is None:
                updates.append(None)
                continue
            bad = xp.isnan(g)
            step.columns[0][i] = xp.any(bad)
            updates.append(xp.where(bad, xp.zeros_like(g), g))
        return updates

    def begin(p: Any) -> Any:
        return xp.any(xp.isnan(xp.zeros_like(p)))

    return build("zero_nans", ZeroNansState, rule, numbers={}, columns={"found_nan": begin})


def keep_params_nonnegative() -> Transform:
    """Return the transform that sets to 0 what would become negative: the last one of a chain.

    Returns
    -------
    Transform
        Its state is a `CountState`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = np.array([1.0, 2.0])
    >>> opt = optim.chain(optim.sgd(1.0), optim.keep_params_nonnegative())
    >>> updates, _ = opt.update(np.array([3.0, 1.5]), opt.init(params), params)
    >>> optim.apply_updates(params, updates)
    array([0. , 0.5])
    """

    def rule(u: Any, p: Any) -> tuple[Any]:
        return (xp.where(p + u < 0, -p, u),)

    return per_leaf("keep_params_nonnegative", CountState, rule, numbers={}, params=True)


def project(projection: Callable[[Any], Any]) -> Transform:
    """Return the transform after which the parameters lie in a set: the last one of a chain.

    Parameters
    ----------
    projection : callable
        From a tree like the parameters to the nearest one in the set, such as those of `optim.projections`.

    Returns
    -------
    Transform
        Its state is a `CountState`. A parameter without a gradient stays as it is.

    Raises
    ------
    ParameterError
        If `projection` is no function.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = np.array([0.5, 0.5])
    >>> opt = optim.chain(optim.sgd(1.0), optim.project(optim.projections.simplex))
    >>> updates, _ = opt.update(np.array([-0.5, 0.1]), opt.init(params), params)
    >>> optim.apply_updates(params, updates)
    array([0.8, 0.2])
    """
    if not callable(projection):
        raise ParameterError(
            "optim.project takes a function.",
            found=f"{type(projection).__name__}: {projection!r}",
            needed="a function from parameters to parameters",
            write="optim.project(optim.projections.non_negative)",
        )

    def rule(step: Step) -> list[Any]:
        moved = [p if g is None else _plus(p, g) for p, g in zip(step.params, step.grads, strict=True)]
        inside = tree.flatten_like(
            step.structure, projection(tree.unflatten(step.structure, moved)), leaves.is_none, name="the projection"
        )
        return [
            None if g is None else cast(q - _beside(p, q), g.dtype)
            for g, p, q in zip(step.grads, step.params, inside, strict=True)
        ]

    return build("project", CountState, rule, numbers={})


def _plus(p: Any, u: Any) -> Any:
    return cast(xp.add(p, u), p.dtype)


def _beside(p: Any, q: Any) -> Any:
    # Traced like the projected one: not every library lets another class of array answer for its operators.
    return constant(p) if p.__class__ is not q.__class__ else p
