"""The arrays and numbers that a loop over steps gets, and the functions that it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ENDLESS", "Argument", "Packed", "Texts"]

#: As many steps as nobody makes, for loops that end otherwise.
ENDLESS = 1 << 62


class Argument(NamedTuple):
    """An array that the loop gets: what it is, and in which shape.

    `kind` is ``"input"`` or ``"output"`` with the number of one of the equation's, ``"constant"`` or ``"own"`` with a
    value, ``"fixed"`` with the number of an array of a kernel, ``"packed"`` with the number of a `Packed`, or ``"sum"``
    with that of a sum, which each part has for itself.
    """

    kind: str
    which: Any
    shape: tuple[int, ...]
    dtype: str


class Packed(NamedTuple):
    """A matrix that products read in columns side by side: which argument it is, and whether it is transposed."""

    source: Argument
    turned: bool
    depth: int
    width: int


class Texts:
    """Numbers and functions that the source of a loop refers to.

    Parameters
    ----------
    length : int
        The number of steps, which is the first of the sizes.
    """

    def __init__(self, length: int) -> None:
        self.sizes: list[int] = [length]
        self.numbers: dict[int, str] = {}
        #: Where moves take elements from and to; behind the sizes.
        self.places: list[int] = []
        #: Functions that are compiled with the loop, and one by one.
        self.functions: dict[str, str] = {}
        self.alone: dict[str, str] = {}

    def number(self, n: int) -> str:
        """Return the name of a size, so that the source is the same for others."""
        name = self.numbers.get(n)
        if name is None:
            name = self.numbers[n] = f"d{len(self.sizes)}"
            self.sizes.append(n)
        return name

    def place(self, numbers: Sequence[int]) -> str:
        """Return where among the sizes some numbers are."""
        self.places += numbers
        return f"places + {len(self.places) - len(numbers)}"

    def define(self, name: str, text: str, *, alone: bool) -> None:
        """Write a function, as part of the loop or `alone`."""
        if alone:
            head, _, rest = text.partition("\n")
            self.alone[name] = f"@apart\n{head}\n    widest_vectors()\n{rest}"
        else:
            self.functions[name] = "\n".join([f"    {line}" if line else line for line in text.split("\n")])
