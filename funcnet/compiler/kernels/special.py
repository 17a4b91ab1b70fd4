"""Equations that a compiled kernel computes, into memory that the plan gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.workers import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["Of", "Special", "Step", "Steps", "in_turns", "memory_of", "type_of"]


class Special:
    """Takes the place of a primitive in an equation.

    Parameters
    ----------
    name : str
        What it is called in reports.
    build : callable
        Called with what compiles sources and with the number of threads; returns a function of the equation's values
        and of the arrays for its results, all of them contiguous. The function is called from one thread at a time. If
        it is a `Steps`, plans run its steps natively, together with what comes before and after.
    strided : bool, default False
        Whether arrays may have any strides but along their last dimension. Then `build` is also called with the shape
        and the strides of each, and returns a `Step` that gets arrays of one dimension, which begin at the first
        elements; the shape in an `Of` means nothing.
    zeroed : bool, default False
        Whether the arrays for the results have to be zero.
    """

    __slots__ = ("build", "name", "strided", "zeroed")

    #: As primitives have them.
    kind = "special"
    multiple = True
    impl = None
    meta: dict[str, Any] = {}  # noqa: RUF012  # never written to

    def __init__(self, name: str, build: Callable[..., Any], *, strided: bool = False, zeroed: bool = False) -> None:
        self.name = name
        self.build = build
        self.strided = strided
        self.zeroed = zeroed


class Of(NamedTuple):
    """An argument of a step that is one of the arrays that the kernel is called with, seen in a shape."""

    index: int
    shape: tuple[int, ...]


class Step(NamedTuple):
    """A call ``function(bounds[i], bounds[i + 1], i, *arguments)`` for each part, on as many threads.

    Attributes
    ----------
    function : callable
        Compiled.
    bounds : tuple of int
        What the threads have to do.
    arguments : sequence
        `Of`, or arrays and numbers that are the same in every call.
    """

    function: Callable[..., None]
    bounds: tuple[int, ...]
    arguments: Sequence[Any]


class Steps:
    """A kernel that consists of compiled functions, called one after the other.

    Parameters
    ----------
    steps : sequence of Step
        The calls.
    check : callable, optional
        Called without arguments afterwards, maybe after other kernels; raises what is wrong with the arrays.
    bad : array of int64, optional
        Where part i of the last step writes 1 to element 8 i if it could not do something.
    otherwise : callable, optional
        What is then called with the kernel's arrays, before other kernels.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        check: Callable[[], None] | None = None,
        *,
        bad: np.ndarray | None = None,
        otherwise: Callable[..., None] | None = None,
    ) -> None:
        self.steps = tuple(steps)
        self.check = check
        self.bad, self._otherwise = bad, otherwise

    def mend(self, *arrays: Any) -> None:
        """Do what the steps could not do."""
        if self.bad is not None and self._otherwise is not None:
            self.bad[:] = 0
            self._otherwise(*arrays)

    def __call__(self, *arrays: Any) -> None:
        for step in self.steps:
            _call(step, arrays)
        if self.bad is not None and self.bad.any():
            self.mend(*arrays)
        if self.check is not None:
            self.check()


def _call(step: Step, arrays: Sequence[Any]) -> None:
    function, bounds, arguments = step
    given = [arrays[a.index].reshape(a.shape) if isinstance(a, Of) else a for a in arguments]
    if len(bounds) == 2:
        function(bounds[0], bounds[1], 0, *given)
    else:
        in_parallel(function, bounds, tuple(given))


def in_turns(first: Sequence[Step], again: Step, unfinished: np.ndarray) -> Steps:
    """Return steps whose last one stops now and then, so that Python can attend to signals in between.

    Parameters
    ----------
    first : sequence of Step
        The last one writes to `unfinished` whether there is something left to do, as 1 or 0.
    again : Step
        Goes on where the last one has stopped, and does the same.
    unfinished : array of int64
        Of one element.
    """

    def go_on(*arrays: Any) -> None:
        unfinished[0] = 1
        while unfinished[0]:
            _call(again, arrays)

    return Steps(first, bad=unfinished, otherwise=go_on)


def type_of(dtype: Any) -> str:
    """Return the name of a dtype in generated code."""
    return {"float32": "f4", "float64": "f8"}[str(dtype)]


def memory_of(parts: int, count: int, dtype: np.dtype) -> np.ndarray:
    """Return zeros for each part of the work: rows of at least so many numbers that share no line of the cache."""
    each = -(-count * dtype.itemsize // 64) * 64
    memory = np.zeros(parts * each + 64, np.uint8)
    shift = -memory.ctypes.data % 64
    return memory[shift : shift + parts * each].view(dtype).reshape(parts, -1)
