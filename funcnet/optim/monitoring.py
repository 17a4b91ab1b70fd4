"""What a chain looks like on the inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.errors import ParameterError
from funcnet.optim.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SnapshotState", "snapshot"]


class SnapshotState(NamedTuple):
    """State of `snapshot`: the last measurement under its name."""

    measurement: Any


def snapshot(name: str, measure: Callable[[Any], Any]) -> Transform:
    """Return the transform that measures updates where it stands in a chain, and passes them on.

    Parameters
    ----------
    name : str
        What the measurement is called in the state.
    measure : callable
        From updates to a tree of arrays, such as `global_norm`.

    Returns
    -------
    Transform
        Its state is a `SnapshotState`; that of ``init`` has the measurement of the parameters, to show its shape.

    Raises
    ------
    ParameterError
        If `name` is no string, or `measure` no function.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.chain(optim.snapshot("norm", optim.global_norm), optim.clip(1.0), optim.sgd(0.1))
    >>> params = np.zeros(2)
    >>> updates, state = opt.update(np.array([3.0, 4.0]), opt.init(params), params)
    >>> float(state[0].measurement["norm"])
    5.0
    """
    label: Any = name
    if not isinstance(label, str) or not callable(measure):
        raise ParameterError(
            "optim.snapshot takes a name and a function.",
            found=f"{name!r} and {measure!r}",
            needed="a string, and a function from updates to arrays",
            write='optim.snapshot("norm", optim.global_norm)',
        )

    def init(params: Any) -> SnapshotState:
        return SnapshotState({name: measure(params)})

    def update(updates: Any, state: SnapshotState, params: Any) -> tuple[Any, SnapshotState]:  # noqa: ARG001
        return updates, SnapshotState({name: measure(updates)})

    return Transform(init, update)
