"""Which parameters an optimizer's part is for: predicates on paths, and trees of booleans."""

from __future__ import annotations

from typing import Any

from funcnet import tree
from funcnet.errors import ParameterError

__all__ = ["Choice", "Mask"]

#: None for all parameters, a function from a tree path such as ".dense_0.kernel" to bool, or a pytree of bools that is
#: like the parameters or a prefix of them.
Mask = Any


class Choice:
    """What a mask chooses, kept for the structure that was last asked about.

    Parameters
    ----------
    name : str
        The public function that the mask was given to, for errors.
    mask : Mask
        The mask.

    Examples
    --------
    >>> from funcnet import tree
    >>> from funcnet.optim.masks import Choice
    >>> structure = tree.structure({"dense_0": {"bias": 0, "kernel": 0}})
    >>> Choice("adamw", lambda path: path.endswith("kernel")).of(structure)
    [False, True]
    >>> Choice("adamw", {"dense_0": True}).of(structure)
    [True, True]
    """

    __slots__ = ("_found", "_mask", "_name", "_structure")

    def __init__(self, name: str, mask: Mask) -> None:
        if isinstance(mask, (str, int, float)) and not isinstance(mask, bool):
            raise _no_mask(name, repr(mask))
        self._name = name
        self._mask = mask
        self._structure: Any = None
        self._found: list[bool] = []

    def of(self, structure: Any) -> list[bool]:
        """Return a bool for each leaf of a structure.

        Raises
        ------
        ParameterError
            If something that should be a bool is not.
        TreeError
            If a tree of booleans is no prefix of the structure.
        """
        if structure != self._structure:
            self._found = self._choose(structure)
            self._structure = structure
        return self._found

    def _choose(self, structure: Any) -> list[bool]:
        mask = self._mask
        if mask is None:
            return [True] * structure.num_leaves
        paths = structure.paths()
        if callable(mask):
            wanted = [mask(path) for path in paths]
        else:
            whole = tree.unflatten(structure, list(range(structure.num_leaves)))
            # None is what a map over parameters that have None leaves there.
            wanted = tree.broadcast_prefix(mask, whole, lambda node: node is None, name="the mask")
            wanted = [value is not None and value for value in wanted]
        for path, value in zip(paths, wanted, strict=True):
            if not isinstance(value, bool):
                raise _no_mask(self._name, f"{value!r} at {path or 'the root'}")
        return wanted


def _no_mask(name: str, found: str) -> ParameterError:
    return ParameterError(
        f"optim.{name} got a mask that it cannot use.",
        found=found,
        needed="None, a function from a path to bool, or a tree of bools like the parameters",
        write='mask=lambda path: path.endswith("kernel")',
    )
