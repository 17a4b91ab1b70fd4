"""Mixed precision: in which data types parameters are kept, layers compute, and results come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree
from funcnet.backends.dtypes import FLOATS
from funcnet.core import Spec, owner
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.nn.layer import Layer
from funcnet.nn.spec import as_spec, beside
from funcnet.nn.wrappers import like
from funcnet.ops import cast
from funcnet.surface import listing as _listing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PRESETS", "Policy", "cast_floating", "policy", "with_policy"]

__dir__ = _listing(__name__)


class Policy(NamedTuple):
    """Names of the data types of parameters, computation and results.

    Attributes
    ----------
    params : str
        In which parameters are kept and updated; gradients have it too.
    compute : str
        To which parameters and inputs are cast for the computation.
    output : str
        To which results are cast.

    Examples
    --------
    >>> from funcnet.nn import precision
    >>> precision.Policy()
    Policy(params='float32', compute='float32', output='float32')
    """

    params: str = "float32"
    compute: str = "float32"
    output: str = "float32"


#: Policies by name. With ``mixed_float16`` gradients can underflow: see `funcnet.optim.dynamic_loss_scale`.
PRESETS: Mapping[str, Policy] = {
    "mixed_bfloat16": Policy("float32", "bfloat16", "float32"),
    "mixed_float16": Policy("float32", "float16", "float32"),
}
_FIELDS = ("params", "compute", "output")
_SHORT = {"f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "half": "float16"}


def policy(text: str | Policy) -> Policy:
    """Return the policy that a text describes.

    Parameters
    ----------
    text : str or Policy
        A preset (``"mixed_bfloat16"``, ``"mixed_float16"``); one data type for all three; three of them,
        ``"float32,bfloat16,float32"``, for parameters, computation and output; or some by name,
        ``"params=float32,compute=bf16"``, the output being that of the parameters. ``f16``, ``bf16``, ``f32`` and
        ``f64`` are short for the names.

    Returns
    -------
    Policy
        Of full names.

    Raises
    ------
    ParameterError
        If the text is none of these, or names no floating-point data type.

    Examples
    --------
    >>> from funcnet.nn import precision
    >>> precision.policy("params=f32,compute=bf16")
    Policy(params='float32', compute='bfloat16', output='float32')
    """
    if isinstance(text, Policy):
        return Policy(*[_name(n, text) for n in text])
    if not isinstance(text, str):
        raise _unreadable(text)
    if text in PRESETS:
        return PRESETS[text]
    parts = [part.strip() for part in text.split(",")]
    if all("=" in part for part in parts):
        given = {name.strip(): _name(dtype.strip(), text) for name, _, dtype in (p.partition("=") for p in parts)}
        if not set(given) <= set(_FIELDS) or len(given) != len(parts):
            raise _unreadable(text)
        params = given.get("params", "float32")
        return Policy(params, given.get("compute", params), given.get("output", params))
    if len(parts) not in (1, 3):
        raise _unreadable(text)
    names = [_name(part, text) for part in parts]
    return Policy(*names) if len(names) == 3 else Policy(*names * 3)


def cast_floating(leaves: Any, dtype: str) -> Any:
    """Return a pytree with its real floating-point arrays cast to a data type; all else stays as it is.

    Parameters
    ----------
    leaves : pytree
        Arrays, tracers or specs.
    dtype : str
        Name of the data type.

    Returns
    -------
    pytree
        Like `leaves`. The derivative of the cast is the cast back.

    Raises
    ------
    MissingExtraError
        If it is bfloat16, on NumPy, and the package ``ml_dtypes`` is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.nn import precision
    >>> precision.cast_floating([np.ones(2), np.arange(2)], "float16")
    [array([1., 1.], dtype=float16), array([0, 1])]
    """

    def convert(leaf: Any) -> Any:
        if not hasattr(leaf, "dtype") or kind(leaf.dtype) != "f":
            return leaf
        if isinstance(leaf, Spec):
            return Spec(leaf.shape, dtype, leaf.backend)
        return cast(leaf, owner(leaf).dtype(dtype))

    return tree.map(convert, leaves)


def with_policy(layer: Layer, text: str | Policy) -> Layer:
    """Return a layer that keeps its parameters in one data type and computes in another.

    Parameters
    ----------
    layer : Layer
        The layer, or a whole model. A layer inside that has a policy of its own keeps it: a softmax in float32, say.
    text : str or Policy
        The policy, or a text that `policy` understands.

    Returns
    -------
    Layer
        Of the same kind and with the same names. Integer inputs stay as they are, and so does the state, in the data
        type in which it is made: running averages in bfloat16 would stand still.

    Raises
    ------
    ParameterError
        If `layer` is no layer, or the text no policy.
    MissingExtraError
        By ``init`` and ``apply``, with bfloat16 on NumPy: if the package ``ml_dtypes`` is not installed.

    Notes
    -----
    NumPy computes with bfloat16 in float32 and rounds the result of each operation; sums and matrix products are
    accumulated in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> model = nn.with_policy(nn.dense(4), "float32,float16,float16")
    >>> params, state = model.init(random.key(0), (2, 3))
    >>> params["kernel"].dtype
    dtype('float32')
    >>> model.apply(params, state, np.ones((2, 3), "float32"))[0].dtype
    dtype('float16')
    """
    if not isinstance(layer, Layer):
        raise ParameterError(
            "nn.with_policy takes a layer.",
            found=type(layer).__name__,
            needed="an nn.Layer and a policy",
            write='nn.with_policy(model, "mixed_bfloat16")',
        )
    own = policy(text)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            spec = cast_floating(as_spec(spec), own.compute)
        params, state = layer.init(key, spec)
        return cast_floating(params, own.params), state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        inside = cast_floating(params, own.compute), state, cast_floating(x, own.compute)
        y, after = layer.apply(*inside, key=key, train=train)
        return cast_floating(y, own.output), after

    return like(layer, init, apply)


def _name(name: Any, text: Any) -> str:
    full = _SHORT.get(name, name)
    if full not in FLOATS:
        raise _unreadable(text)
    return full


def _unreadable(text: Any) -> ParameterError:
    return ParameterError(
        "This is no policy of data types.",
        found=repr(text),
        needed=f"{', '.join(map(repr, PRESETS))}, one of {', '.join(FLOATS)}, or three of them",
        write='"float32,bfloat16,float32" for parameters, computation and output',
    )
