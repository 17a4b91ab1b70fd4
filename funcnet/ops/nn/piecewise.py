"""Activation functions of straight and parabolic pieces. Where a derivative jumps, the outer side's is taken."""

from __future__ import annotations

from typing import Any

from funcnet.core import bind
from funcnet.errors import ParameterError
from funcnet.ops.comparison import where
from funcnet.ops.complex import abs as absolute
from funcnet.ops.nn.declare import activation, floating, not_negative, parametrised, simple
from funcnet.ops.strong import masked

__all__ = [
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "prelu",
    "relu6",
    "soft_shrink",
    "sparse_plus",
    "sparse_sigmoid",
    "threshold",
]


relu6_p = simple(
    "relu6",
    lambda xp, x: xp.clip(x, 0.0, 6.0),
    lambda g, y: masked(g, (y > 0) & (y < 6)),
    "Heaviside(x)*Heaviside(6 - x)",
    (0.0, 6.0),
)


@activation("1 where 0 < x < 6, 0 elsewhere", ("[-1.0, 2.0, 9.0]", "array([0., 2., 6.])"), kinks={0.0: 0.0, 6.0: 0.0})
def relu6(x: Any, /) -> Any:
    """``min(max(x, 0), 6)``."""
    return bind(relu6_p, floating("relu6", x))


def _rising(xp: Any, x: Any, slope: Any) -> Any:
    return xp.where(x > 0, x, slope * x)


leaky_relu_p = parametrised(
    "leaky_relu",
    _rising,
    (lambda g, x1, x2: where(x1 > 0, g, g * x2), lambda g, x1: masked(g * x1, x1 <= 0)),
    ("Heaviside(x1) + x2*Heaviside(-x1)", "x1*Heaviside(-x1)"),
    pieces=((0.2, 2.0), (-2.0, -0.2)),
    around=((0.1, 0.9),),
)


@activation(
    "1 where x > 0, slope elsewhere",
    ("[-1.0, 0.0, 2.0]; slope=0.1", "array([-0.1,  0. ,  2. ])"),
    kinks={0.0: 0.01},
    parameters={"slope": "Derivative on the left, and at 0."},
)
def leaky_relu(x: Any, /, slope: Any = 0.01) -> Any:
    """x where it is positive, ``slope * x`` elsewhere."""
    return bind(leaky_relu_p, floating("leaky_relu", x), slope)


@activation(
    "1 where x > 0, slope elsewhere",
    ("[-1.0, 0.0, 2.0]; slope=np.array(0.1)", "array([-0.1,  0. ,  2. ])"),
    kinks={0.0: 0.25},
    parameters={"slope": "Derivative on the left, and at 0; its own derivative is x on the left."},
    reference="K. He, X. Zhang, S. Ren, J. Sun, arXiv:1502.01852, 2015.",
)
def prelu(x: Any, /, slope: Any = 0.25) -> Any:
    """`leaky_relu` with a slope that is learned: a number, or an array that broadcasts with x."""
    return bind(leaky_relu_p, floating("prelu", x), slope)


hard_tanh_p = parametrised(
    "hard_tanh",
    lambda xp, x, low, high: xp.where(x <= low, low, xp.where(x >= high, high, x)),
    (
        lambda g, x1, x2, x3: masked(g, (x1 > x2) & (x1 < x3)),
        lambda g, x1, x2: masked(g, x1 <= x2),
        lambda g, x1, x3: masked(g, x1 >= x3),
    ),
    ("Heaviside(x1 - x2)*Heaviside(x3 - x1)", "Heaviside(x2 - x1)", "Heaviside(x1 - x3)"),
    pieces=((-0.4, 0.4), (1.0, 2.0), (-2.0, -1.0)),
    around=((-0.8, -0.6), (0.6, 0.8)),
)


@activation(
    "1 where low < x < high, 0 elsewhere",
    ("[-2.0, 0.5, 2.0]", "array([-1. ,  0.5,  1. ])"),
    kinks={-1.0: 0.0, 1.0: 0.0},
    parameters={"low": "Smallest value.", "high": "Greatest value, above `low`."},
    raises=True,
)
def hard_tanh(x: Any, /, low: Any = -1.0, high: Any = 1.0) -> Any:
    """x between two bounds, and the bounds beyond them."""
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and not low < high:
        raise ParameterError(
            "nn.functional.hard_tanh got bounds that are not in order.",
            found=f"low={low!r}, high={high!r}",
            needed="low < high",
            write="nn.functional.hard_tanh(x, -1.0, 1.0)",
        )
    return bind(hard_tanh_p, floating("hard_tanh", x), low, high)


hard_sigmoid_p = simple(
    "hard_sigmoid",
    lambda xp, x: xp.clip(x / 6.0 + 0.5, 0.0, 1.0),
    lambda g, x: masked(g * (1.0 / 6.0), absolute(x) < 3),
    "Heaviside(x + 3)*Heaviside(3 - x)/6",
    (-3.0, 3.0),
)


@activation(
    "1/6 where -3 < x < 3, 0 elsewhere",
    ("[-4.0, 0.0, 4.0]", "array([0. , 0.5, 1. ])"),
    kinks={-3.0: 0.0, 3.0: 0.0},
    reference="A. Howard et al., arXiv:1905.02244, 2019.",
)
def hard_sigmoid(x: Any, /) -> Any:
    """``relu6(x + 3) / 6``, straight pieces near `sigmoid`."""
    return bind(hard_sigmoid_p, floating("hard_sigmoid", x))


hard_swish_p = simple(
    "hard_swish",
    lambda xp, x: x * xp.clip(x / 6.0 + 0.5, 0.0, 1.0),
    lambda g, x: where(absolute(x) < 3, g * (x / 3.0 + 0.5), masked(g, x >= 3)),
    "(x/3 + 1/2)*Heaviside(x + 3)*Heaviside(3 - x) + Heaviside(x - 3)",
    (-3.0, 3.0),
)


@activation(
    "0 where x <= -3, 1 where x >= 3, x/3 + 1/2 between",
    ("[-4.0, 0.0, 4.0]", "array([-0.,  0.,  4.])"),
    kinks={-3.0: 0.0, 3.0: 1.0},
    reference="A. Howard et al., arXiv:1905.02244, 2019.",
)
def hard_swish(x: Any, /) -> Any:
    """``x * hard_sigmoid(x)``, near `silu`."""
    return bind(hard_swish_p, floating("hard_swish", x))


hard_shrink_p = parametrised(
    "hard_shrink",
    lambda xp, x, bound: xp.where(xp.abs(x) <= bound, 0.0, x),
    (lambda g, x1, x2: masked(g, absolute(x1) > x2), None),
    ("Heaviside(Abs(x1) - x2)", "0"),
    pieces=((1.0, 2.0), (-0.4, 0.4), (-2.0, -1.0)),
    around=((0.6, 0.8),),
)


@activation(
    "0 where -bound <= x <= bound, 1 elsewhere",
    ("[-1.0, 0.5, 2.0]", "array([-1.,  0.,  2.])"),
    kinks={-0.5: 0.0, 0.5: 0.0},
    parameters={"bound": "Half the width of the gap, at least 0; its derivative is 0 almost everywhere."},
)
def hard_shrink(x: Any, /, bound: Any = 0.5) -> Any:
    """0 near 0, x elsewhere."""
    not_negative("hard_shrink", "bound", bound)
    return bind(hard_shrink_p, floating("hard_shrink", x), bound)


soft_shrink_p = parametrised(
    "soft_shrink",
    lambda xp, x, bound: xp.where(xp.abs(x) <= bound, 0.0, xp.where(x > 0, x - bound, x + bound)),
    (
        lambda g, x1, x2: masked(g, absolute(x1) > x2),
        lambda g, x1, x2: where(x1 > x2, -g, masked(g, x1 < -x2)),
    ),
    ("Heaviside(Abs(x1) - x2)", "Heaviside(-x1 - x2) - Heaviside(x1 - x2)"),
    pieces=((1.0, 2.0), (-0.4, 0.4), (-2.0, -1.0)),
    around=((0.6, 0.8),),
)


@activation(
    "0 where -bound <= x <= bound, 1 elsewhere",
    ("[-1.0, 0.5, 2.0]", "array([-0.5,  0. ,  1.5])"),
    kinks={-0.5: 0.0, 0.5: 0.0},
    parameters={"bound": "What is taken off, at least 0."},
)
def soft_shrink(x: Any, /, bound: Any = 0.5) -> Any:
    """x drawn towards 0 by `bound`, and 0 near 0."""
    not_negative("soft_shrink", "bound", bound)
    return bind(soft_shrink_p, floating("soft_shrink", x), bound)


threshold_p = parametrised(
    "threshold",
    lambda xp, x, level, value: xp.where(x <= level, value, x),
    (lambda g, x1, x2: masked(g, x1 > x2), None, lambda g, x1, x2: masked(g, x1 <= x2)),
    ("Heaviside(x1 - x2)", "0", "Heaviside(x2 - x1)"),
    pieces=((1.0, 2.0), (-2.0, 0.4)),
    around=((0.6, 0.8), (-1.0, 1.0)),
)


@activation(
    "1 where x > level, 0 elsewhere",
    ("[-1.0, 0.5, 2.0]; level=1.0, value=7.0", "array([7., 7., 2.])"),
    kinks={0.0: 0.0},
    parameters={"level": "The bound; its derivative is 0 almost everywhere.", "value": "What replaces x up to there."},
)
def threshold(x: Any, /, level: Any = 0.0, value: Any = 0.0) -> Any:
    """x where it is above a level, another value elsewhere."""
    return bind(threshold_p, floating("threshold", x), level, value)


sparse_sigmoid_p = simple(
    "sparse_sigmoid",
    lambda xp, x: xp.clip(0.5 * x + 0.5, 0.0, 1.0),
    lambda g, x: masked(g * 0.5, absolute(x) < 1),
    "Heaviside(x + 1)*Heaviside(1 - x)/2",
    (-1.0, 1.0),
)


@activation(
    "1/2 where -1 < x < 1, 0 elsewhere",
    ("[-2.0, 0.0, 2.0]", "array([0. , 0.5, 1. ])"),
    kinks={-1.0: 0.0, 1.0: 0.0},
    reference="A. F. T. Martins, R. F. Astudillo, arXiv:1602.02068, 2016.",
)
def sparse_sigmoid(x: Any, /) -> Any:
    """``min(max((x + 1) / 2, 0), 1)``, the derivative of `sparse_plus`."""
    return bind(sparse_sigmoid_p, floating("sparse_sigmoid", x))


def _sparse_plus(xp: Any, x: Any) -> Any:
    z = xp.clip(x, -1.0, 1.0) + 1.0
    return xp.where(x >= 1, x, 0.25 * (z * z))


sparse_plus_p = simple(
    "sparse_plus",
    _sparse_plus,
    lambda g, x: g * bind(sparse_sigmoid_p, x),
    "Max(0, Min(1, (x + 1)/2))",
    (-1.0, 1.0),
)


@activation(
    "min(max((x + 1)/2, 0), 1)",
    ("[-2.0, 0.0, 2.0]", "array([0.  , 0.25, 2.  ])"),
    notes="The derivative is continuous; the second one jumps at -1 and 1, and is 0 there.",
    reference="A. F. T. Martins, R. F. Astudillo, arXiv:1602.02068, 2016.",
)
def sparse_plus(x: Any, /) -> Any:
    """0 up to -1, ``(x + 1)**2 / 4`` up to 1, x beyond: what `softplus` is to `sigmoid` for `sparse_sigmoid`."""
    return bind(sparse_plus_p, floating("sparse_plus", x))
