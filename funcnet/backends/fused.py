"""A multiply-add that rounds once, from operations that round each time."""

from typing import Any

__all__ = ["fused_multiply_add", "split_factor"]


def split_factor(digits: int) -> float:
    """Return Dekker's factor, which parts a number with that many binary digits into two halves."""
    return float(2 ** ((digits + 1) // 2) + 1)


def fused_multiply_add(a: Any, b: Any, c: Any, factor: float) -> Any:
    """Return ``a * b + c`` with one rounding, but for rare cases of two in a row.

    Parameters
    ----------
    a, b, c : array
        Of one data type, with a factor to spare before they overflow.
    factor : float
        `split_factor` of that data type.

    Returns
    -------
    array
        NaN where the halves overflow.

    References
    ----------
    .. [1] T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18
       (1971), pp. 224-242.
    .. [2] D. E. Knuth, The Art of Computer Programming, volume 2, section 4.2.2: the error of a sum.
    """
    product = a * b
    a1, b1 = _upper(a, factor), _upper(b, factor)
    a2, b2 = a - a1, b - b1
    product_error = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2
    total = product + c
    added = total - product
    total_error = (product - (total - added)) + (c - added)
    return total + (product_error + total_error)


def _upper(x: Any, factor: float) -> Any:
    y = x * factor
    return y - (y - x)
