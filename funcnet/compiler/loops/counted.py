"""Which row of an input belongs to a row of a loop, by counting: to divide the number of each row takes longer."""

from __future__ import annotations

__all__ = ["repeated_row", "row_of_part"]


def row_of_part(i: int) -> tuple[str, str, list[str]]:
    """Return the row of a `Window` whose places are the arguments from `i` on, and lines before and after each row."""
    q, h = f"q{i}", f"h{i}"
    row = f"{h} + {q} + a{i + 2} - (a{i + 1} if {q} + a{i + 2} >= a{i + 1} else 0)"
    after = [f"{q} += 1", f"if {q} == a{i}:", f"    {q} = 0", f"    {h} += a{i + 1}"]
    return row, f"{q}, {h} = lo % a{i}, lo // a{i} * a{i + 1}", after


def repeated_row(i: int, *, each: bool) -> tuple[str, str, list[str]]:
    """Return the same for an input that begins again after its last row; `each` says how many rows one serves."""
    around = [f"h{i} += 1", f"if h{i} == a{i}.shape[0]:", f"    h{i} = 0"]
    if not each:
        return f"h{i}", f"h{i} = lo % a{i}.shape[0]", around
    after = [f"q{i} += 1", f"if q{i} == a{i + 1}:", f"    q{i} = 0", *[f"    {line}" for line in around]]
    return f"h{i}", f"q{i}, h{i} = lo % a{i + 1}, lo // a{i + 1} % a{i}.shape[0]", after
