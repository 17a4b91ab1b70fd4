"""What a layer's ``init`` is told of its input."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from funcnet import backends, tree
from funcnet.core import Spec, raw
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.transforms import eval_shape

__all__ = ["as_spec", "beside", "features_of", "output_spec"]


def beside(key: Any) -> backends.use_backend:
    """Return a context in which arrays are created where a random key is.

    Raises
    ------
    DtypeError
        If `key` is no array.
    """
    value = raw(key)
    if isinstance(value, Spec):
        return backends.use_backend(value.backend.name)
    backend = backends.backend_of_type(value.__class__)
    if backend is None:
        raise DtypeError(
            "A layer's init takes a random key first.",
            found=f"{type(key).__name__}: {key!r}",
            needed="a key",
            write="params, state = layer.init(random.key(0), x.shape)",
        )
    return backends.use_backend(backend.name, device=backend.device_of(value))


def as_spec(spec: Any) -> Any:
    """Return the description of an input as a pytree of `funcnet.Spec`.

    Parameters
    ----------
    spec : shape, array, Spec or pytree of them
        A tuple of integers is a shape, of the default floating-point data type.

    Returns
    -------
    Spec or pytree of Spec
        Of the current backend.

    Raises
    ------
    ParameterError
        If a leaf is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.nn.spec import as_spec
    >>> as_spec({"image": (8, 3), "label": np.zeros(8, dtype="int64")})
    {'image': Spec((8, 3), 'float32'), 'label': Spec((8,), 'int64')}
    """
    return tree.map(_leaf_spec, spec, is_leaf=_is_shape)


def features_of(spec: Any, path: str) -> Spec:
    """Return the spec of the one array that a layer takes, of at least one dimension.

    Raises
    ------
    ShapeError
        If there is not one array, or it has no dimensions.
    """
    found = as_spec(spec)
    if not isinstance(found, Spec):
        raise ShapeError(
            f"Layer {path} takes one array.",
            found=f"a {type(found).__name__} of {len(tree.leaves(found))} arrays",
            needed="the shape of one array, batch included",
            write="layer.init(key, x.shape)",
        )
    if not found.shape:
        raise ShapeError(
            f"Layer {path} needs features to act on.",
            found="an input without dimensions",
            needed="at least one dimension; the last one holds the features",
            write="xp.reshape(x, (1, 1)) for a single number",
        )
    return found


def output_spec(layer: Any, params: Any, state: Any, spec: Any) -> Any:
    """Return the specs of what a layer returns outside of training, without computing it."""
    return eval_shape(lambda p, s, x: layer.apply(p, s, x)[0], params, state, spec)


def _is_shape(node: Any) -> bool:
    # Shapes of PyTorch are of a subclass.
    if not isinstance(node, tuple) or hasattr(node, "_fields"):
        return False
    return all([isinstance(n, (int, np.integer)) for n in node])


def _leaf_spec(leaf: Any) -> Spec:
    if _is_shape(leaf):
        sizes = [index(n) for n in leaf]
        if min(sizes, default=0) < 0:
            raise ShapeError("A shape has a negative size.", found=str(leaf), needed="sizes of at least 0")
        return Spec(sizes)
    value = raw(leaf)
    backend = value.backend if isinstance(value, Spec) else backends.backend_of_type(value.__class__)
    if backend is None:
        raise ParameterError(
            "A layer's init takes the shape of its input.",
            found=f"{type(leaf).__name__}: {leaf!r}",
            needed="a tuple of integers, an array, a Spec, or a pytree of them",
            write="layer.init(key, x.shape)",
        )
    return Spec(leaf.shape, backend.dtype_name(value.dtype))
