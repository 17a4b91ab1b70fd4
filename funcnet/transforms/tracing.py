"""``trace``: the graph of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.compiler.capture import capture
from funcnet.compiler.graph import spec_of
from funcnet.transforms.leaves import check_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Graph

__all__ = ["trace"]


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    """Return the graph of a function.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays; returns a pytree of arrays and numbers.
    *args, **kwargs : pytree of arrays, Spec or Python values
        Arrays and specs become inputs of the graph, in the order of the leaves; other leaves are passed on as they are.

    Returns
    -------
    Graph
        Its outputs are the leaves of the result.

    Raises
    ------
    AbstractValueError
        If the function reads a value that depends on the arguments; names the line.
    ParameterError
        If `f` cannot be called.

    Examples
    --------
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> graph = fn.trace(fn.grad(lambda x: xp.sum(x * x)), fn.Spec((2,)))
    >>> print(fn.trace(lambda x, y: (x @ y, 2.0), fn.Spec((2, 3)), fn.Spec((3,))))
    graph(a: float32[2,3], b: float32[3])
      c: float32[2] = matmul(a, b)
      return c, 2.0
    """
    check_function(f, "fn.trace", "x")
    leaves, structure = tree.flatten((args, kwargs))
    known = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype") and hasattr(leaf, "shape")]

    def flat(*tracers: Any) -> list[Any]:
        given = list(leaves)
        for i, t in zip(known, tracers, strict=True):
            given[i] = t
        positional, keyed = tree.unflatten(structure, given)
        return tree.leaves(f(*positional, **keyed))

    return capture(flat, [spec_of(leaves[i]) for i in known])[0]
