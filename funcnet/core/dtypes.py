"""What kind of number a dtype holds, for the dtype objects of every array library."""

from typing import Any

from funcnet import backends

__all__ = ["is_inexact", "kind"]

_kinds: dict[Any, str] = {}
_NUMPY_KINDS = ("b", "i", "u", "f", "c")
_PREFIXES = (("bool", "b"), ("int", "i"), ("uint", "u"), ("float", "f"), ("bfloat", "f"), ("complex", "c"))


def kind(dtype: Any) -> str:
    """Return ``"b"``, ``"i"``, ``"u"``, ``"f"`` or ``"c"``; ``"O"`` for what is none of them.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.core.dtypes import kind
    >>> kind(np.dtype("int8")), kind(np.dtype("complex64"))
    ('i', 'c')
    """
    # Not through the dictionary: other libraries' dtypes may hash alike, and warn when they are compared with NumPy's.
    own: Any = getattr(dtype, "kind", None)
    if own in _NUMPY_KINDS:
        return own
    found = _kinds.get(dtype)
    if found is None:
        name = str(getattr(dtype, "name", None) or str(dtype).rpartition(".")[2])
        found = next((letter for prefix, letter in _PREFIXES if name.startswith(prefix)), "O")
        if own == "V" and name == "bfloat16":
            # From here on NumPy's kernels look out for it.
            backends.get("numpy").dtype(name)
        _kinds[dtype] = found
    return found


def is_inexact(dtype: Any) -> bool:
    """Whether a dtype is real or complex floating-point, so that it can carry a derivative."""
    return kind(dtype) in "fc"
