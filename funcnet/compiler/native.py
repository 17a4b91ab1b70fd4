"""Arrays as compiled functions read them: of NumPy's own class, in the byte order of the machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.errors import DtypeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["native", "natives"]


def native(array: Any) -> Any:
    """Return an array without what only its class knows, in the byte order of the machine.

    Files of other machines are read into arrays whose bytes are in another order, which is part of their data type.
    Arrays in files (`numpy.memmap`) stay what they are, as do other libraries' arrays and tracers.

    Raises
    ------
    DtypeError
        If the array has a mask, which no operation would heed.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.compiler.native import native
    >>> native(np.array([1.0, 2.0], ">f8")).dtype.isnative
    True
    """
    if not isinstance(array, np.ndarray):
        return array
    if array.__class__ is not np.ndarray and array.__class__ is not np.memmap:
        # Only where the module was imported can there be such an array.
        masked = sys.modules.get("numpy.ma")
        if masked is not None and isinstance(array, masked.MaskedArray):
            raise DtypeError(
                "fn.jit got an array with a mask, which compiled functions do not know.",
                found=f"numpy.ma.{type(array).__name__} of shape {array.shape}",
                needed="a plain array",
                write="x.filled(0), and xp.where(mask, 0, ...) where masked elements matter",
            )
        array = np.asarray(array)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def natives(arrays: Sequence[Any]) -> Sequence[Any]:
    """Return :func:`native` of each array; the sequence itself where all of them are so already."""
    found = [native(a) for a in arrays]
    return arrays if all([a is b for a, b in zip(arrays, found, strict=True)]) else found
