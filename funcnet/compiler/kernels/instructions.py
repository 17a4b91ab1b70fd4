"""Instructions of generated loops that are written anew for each text that they are given."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Instruction"]


class Instruction:
    """What a loop calls with a text, which is known when it is compiled, and five int64; it returns nothing.

    Parameters
    ----------
    name : str
        What it is called in loops.
    file : str
        The module that has `write`.
    write : callable
        Gets LLVM's builder, the text and the five numbers, and writes the code.
    """

    __slots__ = ("_called", "_file", "name", "write")

    def __init__(self, name: str, file: str, write: Callable[..., None]) -> None:
        self.name = name
        self.write = write
        self._file = file
        self._called = re.compile(rf"\b{name}\(")

    def used(self, source: str) -> bool:
        """Return whether a source has such instructions."""
        return self._called.search(source) is not None

    def version(self) -> str:
        """Return a digest of what they are."""
        return _digest(self._file)

    def environment(self) -> dict[str, Any]:
        """Return the instruction by its name in generated code.

        Raises
        ------
        ImportError
            If Numba is not installed.
        """
        return {self.name: _intrinsic(self.write)}


@cache
def _digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes() + Path(__file__).read_bytes()).hexdigest()


@cache
def _intrinsic(written: Callable[..., None]) -> Any:
    from numba import types
    from numba.extending import intrinsic

    # Numba reads the signature of what it gets, so this has no annotations.
    @intrinsic(prefer_literal=True)
    def instruction(context, text, a, b, c, d, e):  # noqa: ARG001  # type: ignore[no-untyped-def]
        def write(context, builder, signature, values):  # type: ignore[no-untyped-def]
            written(builder, signature.args[0].literal_value, *values[1:])
            return context.get_dummy_value()

        return types.void(text, *[types.int64] * 5), write

    return instruction
