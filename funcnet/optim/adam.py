"""Adam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.core import Arg, Spec, Tracer, bind, case, constant, general, owner
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.transform import Transform
from funcnet.transforms import jvp, vjp
from funcnet.transforms.batch import composed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AdamState", "ScaleByAdamState", "adam", "scale_by_adam"]


class ScaleByAdamState(NamedTuple):
    """State of `scale_by_adam`: the number of updates made, hyperparameters, and the two moments."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    mu: Any
    nu: Any


class AdamState(NamedTuple):
    """State of `adam`: that of `scale_by_adam` and the learning rate."""

    count: Any
    learning_rate: Any
    b1: Any
    b2: Any
    eps: Any
    mu: Any
    nu: Any


def _adam_impl(xp: Any, g: Any, mu: Any, nu: Any, scale: Any, a1: Any, a2: Any, eps: Any) -> tuple[Any, Any, Any]:
    wide = g if g.dtype == mu.dtype else xp.astype(g, mu.dtype)
    mu = mu + (wide - mu) * a1
    nu = nu + (wide * wide - nu) * a2
    update = mu / (xp.sqrt(nu) + eps) * scale
    return (update if update.dtype == g.dtype else xp.astype(update, g.dtype)), mu, nu


def _composed(*args: Any) -> tuple[Any, Any, Any]:
    # All traced: not every library lets another class of array answer for its operators.
    return _adam_impl(xp, *[constant(a) if hasattr(a, "shape") and a.__class__ is not Tracer else a for a in args])


def _adam_vjp(index: int, y: Any, *args: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # one signature for all makers
    def pull(g: Any) -> Any:
        def of_one(a: Any) -> Any:
            return _composed(*args[:index], a, *args[index + 1 :])

        _, back = vjp(of_one, args[index])
        return back(tuple(g))[0]

    return pull


def _adam_jvp(ts: Any, y: Any, *args: Any) -> Any:  # noqa: ARG001
    return jvp(_composed, args, ts)[1]


def _adam_shape(g: Any, mu: Any, nu: Any, *scalars: Any) -> tuple[Spec, Spec, Spec]:  # noqa: ARG001
    backend = owner(mu)
    return Spec(g.shape, g.dtype, backend), Spec(mu.shape, mu.dtype, backend), Spec(nu.shape, nu.dtype, backend)


_FACTOR = Arg((), low=0.5, high=0.9)

# One step for one array: gradient, moments, -rate / (1 - b1^t) * sqrt(1 - b2^t), 1 - b1, 1 - b2, eps * sqrt(1 - b2^t).
# One primitive, so that a backend can do it in one pass; derivatives are those of the operations it is made of.
adam_p = general(
    "adam_update",
    _adam_impl,
    vjp=_adam_vjp,
    jvp=_adam_jvp,
    shape=_adam_shape,
    batch=composed(_composed),
    multiple=True,
    dtypes="real floating",
    cases=(
        case((3,), (3,), Arg((3,), low=0.5), _FACTOR, _FACTOR, _FACTOR, _FACTOR),
        case((), (), Arg((), low=0.5), _FACTOR, _FACTOR, _FACTOR, _FACTOR),
        case((2, 0), (2, 0), (2, 0), _FACTOR, _FACTOR, _FACTOR, _FACTOR),
    ),
)


def adam(learning_rate: leaves.Rate, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Transform:
    r"""Adam.

    .. math::

        m_t = b_1 m_{t-1} + (1 - b_1) g_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) g_t^2, \quad
        \theta_t = \theta_{t-1} - \eta \frac{m_t / (1 - b_1^t)}{\sqrt{v_t / (1 - b_2^t)} + \epsilon}

    with t = 1 at the first update. :math:`\epsilon` is added outside of the root and after the correction of the bias,
    as in the paper's algorithm 1, PyTorch and Optax (not the "epsilon hat" of the paper's section 2).

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before, a floating-point array of shape ().
    b1, b2 : float
        Decay of the moments, from 0 to below 1.
    eps : float, default 1e-8
        Not negative.

    Returns
    -------
    Transform
        Its state is an `AdamState`, whose hyperparameters are leaves. The moments have the data types of the
        parameters, but float32 beside float16 and bfloat16, where squares of gradients would underflow; updates have
        that of the gradients.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.
    DtypeError
        By ``init``: if a parameter is not real floating-point.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adam(0.1)
    >>> params = {"w": np.array([1.0, -2.0])}
    >>> updates, state = opt.update({"w": np.array([3.0, -0.5])}, opt.init(params), params)
    >>> updates["w"].round(4), int(state.count), float(state.learning_rate)
    (array([-0.1,  0.1]), 1, 0.1)
    """
    leaves.check_rate("adam", learning_rate)
    _check("adam", b1, b2, eps)

    def init(params: Any) -> AdamState:
        leaf = leaves.first_leaf(params, "adam")
        inner = _begin(leaf, params, b1, b2, eps)
        rate = leaves.first_rate(learning_rate, leaf, inner.count, inner.b1.dtype)
        return AdamState(inner.count, rate, *inner[1:])

    def update(updates: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        rate = leaves.rate_at(learning_rate, state.learning_rate, state.count)
        inner = ScaleByAdamState(state.count, *state[2:])
        steps, inner = _step(updates, inner, params, xp.negative(rate))
        return steps, AdamState(inner.count, rate, *inner[1:])

    return Transform(init, update)


def scale_by_adam(*, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Transform:
    r"""Return the transform that divides the mean of gradients by the root of the mean of their squares.

    `adam` is this followed by `scale_by_learning_rate`, in one pass.

    Parameters
    ----------
    b1, b2, eps : float
        As for `adam`.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdamState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_adam()
    >>> updates, _ = opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))
    >>> updates.round(4)
    array([ 1., -1.])
    """
    _check("scale_by_adam", b1, b2, eps)

    def init(params: Any) -> ScaleByAdamState:
        return _begin(leaves.first_leaf(params, "scale_by_adam"), params, b1, b2, eps)

    def update(updates: Any, state: ScaleByAdamState, params: Any) -> tuple[Any, ScaleByAdamState]:
        return _step(updates, state, params, None)

    return Transform(init, update)


def _check(name: str, b1: Any, b2: Any, eps: Any) -> None:
    leaves.check_number(name, "b1", b1, 0.0, 1.0)
    leaves.check_number(name, "b2", b2, 0.0, 1.0)
    leaves.check_number(name, "eps", eps, 0.0, float("inf"))


def _begin(leaf: Any, params: Any, b1: Any, b2: Any, eps: Any) -> ScaleByAdamState:
    dtype = leaves.wide_dtype(leaf)
    numbers = [leaves.float_of(value, leaf, dtype) for value in (b1, b2, eps)]
    b1, b2, eps = numbers
    return ScaleByAdamState(leaves.count_of(leaf), b1, b2, eps, leaves.moments(params), leaves.moments(params))


def _step(updates: Any, state: ScaleByAdamState, params: Any, rate: Any) -> tuple[Any, ScaleByAdamState]:
    _, structure, given = leaves.paired(params, updates, "the gradients")
    count = xp.add(state.count, 1)
    t = cast(count, state.b1.dtype)
    # Both corrections of the bias as factors of the step and of eps: two passes over the arrays less.
    root = xp.sqrt(1 - state.b2**t)
    size = root / (1 - state.b1**t)
    if rate is not None:
        size = size * rate
    scalars = leaves.Scalars(size, 1 - state.b1, 1 - state.b2, state.eps * root)
    mu, moments = leaves.flat_like(structure, state.mu, "the first moments")
    nu, _ = leaves.flat_like(structure, state.nu, "the second moments")
    steps: list[Any] = []
    for i, g in enumerate(given):
        if g is None:
            steps.append(None)
            continue
        step, mu[i], nu[i] = bind(adam_p, g, mu[i], nu[i], *scalars.of(mu[i].dtype))
        steps.append(step)
    new = ScaleByAdamState(
        count, state.b1, state.b2, state.eps, tree.unflatten(moments, mu), tree.unflatten(moments, nu)
    )
    return tree.unflatten(structure, steps), new
