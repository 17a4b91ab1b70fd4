"""Values of arrays printed while a function runs, under every transformation: ``debug_print``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.compiler.capture import running_capture
from funcnet.core import Spec, Tracer, bind, owner
from funcnet.core.frames import user_frame
from funcnet.errors import ParameterError
from funcnet.transforms.call import Arguments, Opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.core import Primitive, Trace

__all__ = ["debug_print"]


_NOTHING = Spec((), "bool", backends.get("numpy"))


class _Print(Opaque):
    """Prints its operands; its result, since every equation has one, says nothing."""

    __slots__ = ("given", "line", "text", "where")

    def __init__(self, text: str, given: tuple[list[Any], Any], where: list[int], line: str) -> None:
        super().__init__("debug_print", Arguments(()))
        self.text = text
        #: The leaves of the arguments that are no arrays, with their structure; where the operands go among them.
        self.given = given
        self.where = where
        self.line = line
        # Passes keep it, and its order among its like.
        self.meta = {"effect": True}

    @staticmethod
    def batch(primitive: Primitive, size: int, batched: Sequence[bool], /, *values: Any) -> tuple[Any, ...]:  # noqa: ARG004
        """Rule of `vmap`: the whole batch at once."""
        return bind(primitive, *values)

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        trace = running_capture()
        if trace is not None:
            # Known now, but to be printed whenever the graph runs.
            return trace.process(self, tuple([Tracer(trace, v, None) for v in values]), {})
        leaves, structure = self.given
        leaves = list(leaves)
        for i, v in zip(self.where, values, strict=True):
            leaves[i] = _host(v)
        args, kwargs = tree.unflatten(structure, leaves)
        try:
            text = self.text.format(*args, **kwargs)
        except (IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ParameterError(
                f"fn.debug_print cannot format its arguments, in {self.line}.",
                found=f"{self.text!r} with {len(args)} positional arguments and the names {sorted(kwargs)}: {error}",
                needed="a place in the text for what is printed, as str.format has it",
                write='fn.debug_print("x = {}, y = {y}", x, y=y)',
            ) from None
        print(text, flush=True)
        return (np.False_,)

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:  # noqa: ARG002
        return (np.False_,)

    def specs(self, args: Sequence[Any]) -> Sequence[Any]:  # noqa: ARG002
        return [_NOTHING]

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:  # noqa: ARG002
        return [None] * len(active)

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:  # noqa: ARG002
        return bind(self, *values), [None]


def debug_print(fmt: str, /, *args: Any, **kwargs: Any) -> None:
    """Print values while a function runs, also where `jit` runs a graph in its place.

    ``print`` in a function under `jit` prints once, at the capture, and has no values to show. This prints at every
    run, in order, and flushes; in loops at every step. In derivatives it prints the values of the forward pass, again
    where `checkpoint` or a branch computes that once more; inside of `vmap` the whole batch, once.

    Parameters
    ----------
    fmt : str
        Text with places for the arguments, as for ``str.format``.
    *args, **kwargs : pytree of arrays, numbers and strings
        What to put there. Arrays are formatted as NumPy arrays.

    Raises
    ------
    ParameterError
        If `fmt` is not a text; when printing: if the arguments do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> @fn.jit
    ... def f(x):
    ...     y = xp.sum(x * x)
    ...     fn.debug_print("y = {} for {n} numbers", y, n=x.size)
    ...     return xp.sqrt(y)
    >>> for _ in range(2):
    ...     _ = f(np.array([3.0, 4.0]))
    y = 25.0 for 2 numbers
    y = 25.0 for 2 numbers
    """
    if not isinstance(fmt, str):
        raise ParameterError(
            "fn.debug_print needs a text first.",
            found=type(fmt).__name__,
            needed="a str with places for the arguments",
            write='fn.debug_print("x = {}", x)',
        )
    leaves, structure = tree.flatten((args, kwargs))
    where = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype") and hasattr(leaf, "shape")]
    arrays = [leaves[i] for i in where]
    others = [None if i in where else leaf for i, leaf in enumerate(leaves)]
    call = _Print(fmt, (others, structure), where, user_frame())
    if any([a.__class__ is Tracer for a in arrays]):
        bind(call, *arrays)
    else:
        call.evaluate(*arrays)


def _host(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value
    return owner(value).to_numpy(value) if hasattr(value, "dtype") else value
