"""Names and kinds of the data types of every array library."""

from typing import Any

__all__ = ["dtype_name", "kind"]

_names: dict[tuple[type, Any], str] = {}


def dtype_name(dtype: Any) -> str:
    """Return the standard's name of a data type.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.random.dtypes import dtype_name
    >>> dtype_name(np.dtype("float32"))
    'float32'
    """
    # Data types of two libraries can have one hash and still object to being compared.
    entry = dtype.__class__, dtype
    found = _names.get(entry)
    if found is None:
        # NumPy's have a name; those of other libraries are printed as "library.name".
        found = _names[entry] = getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
    return found


def kind(dtype: Any) -> str:
    """Return ``"f"`` for real floating-point types, ``"i"`` for integers, ``"u"`` for unsigned ones, else ``""``."""
    name = dtype_name(dtype)
    if name.startswith(("float", "bfloat")):
        return "f"
    return name[0] if name.startswith(("int", "uint")) else ""
