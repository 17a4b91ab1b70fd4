r"""A block of a matrix product in the registers of the processor, for generated loops to call.

Sources that :func:`funcnet.compiler.loops.build.compiled` is given may call, for float32 and float64,

    tile_f4(rows, columns, outer, inner, a, a_row, a_outer, a_step, b, b_outer, b_step, c, c_row, s, s_row, relu)
    tile_f8(the same)
    turn_f4(columns, depth, x, x_column, y, y_step)
    turn_f8(the same)
    copy_f4(rows, columns, x, x_row, y, y_row)
    copy_f8(the same)
    spread_f4(rows, groups, columns, x, x_row, y, y_row, y_group)
    spread_f8(the same)
    dot_f4(rows, columns, depth, x, x_row, v, v_row, y, y_row, y_column, more)
    dot_f8(the same)
    address(array)

all of whose arguments but the array, and the result of `address`, are int64. The tile computes

.. math:: C_{ij} = f\Big(S_{ij} + \sum_{o < outer} \sum_{k < inner} A_{i, o, k} B_{o, k, j}\Big)

where A is any memory with strides, and B, C and S have neighbouring columns:

- `rows` and `columns` are any numbers; the native code goes through them in blocks of ``shape(dtype).columns``
  columns, and of up to ``shape(dtype).rows`` rows, all of about the same height. No other memory is touched.
- A[i, o, k] is at ``a + i * a_row + o * a_outer + k * a_step``: addresses and strides are bytes, and a stride may
  be negative or zero. Row and step may be swapped for a transposed matrix.
- B[o, k, j] is at ``b + o * b_outer + k * b_step + j * itemsize``, C[i, j] at ``c + i * c_row + j * itemsize``.
- S[i, j] is at ``s + i * s_row + j * itemsize``, or 0 everywhere if `s` is 0. So ``s = c, s_row = c_row`` adds to C,
  and ``s_row = 0`` adds a bias to each row.
- `f` is the rectifier if `relu` is 1, where NaN stays NaN, and the identity if it is 0.
- Sums have no terms if `outer` or `inner` is 0.

Two levels of sums let a window of a channels-last image be read in place: `outer` goes through its rows, `inner`
through the columns and channels of one, which are neighbours. A product with one level has ``outer = 1``. Terms are
added one after the other in the precision of the arrays, and S last: a long sum is more accurate, and stays in the
cache, in pieces of a few hundred terms, each adding to the one before.

``turn`` writes the transpose of a matrix: ``y[k, j] = x[j, k]`` for ``k < depth`` and ``j < columns``, where column j
of the result begins at ``x + j * x_column`` with neighbouring elements, and row k of the result at ``y + k * y_step``.
It makes of a transposed operand what the tile reads as B. ``copy`` copies: ``y[i, j] = x[i, j]``, where row i begins at
``x + i * x_row`` and ``y + i * y_row``, with neighbouring elements. ``spread`` takes rows apart into groups of some
columns: ``y[g, i, j] = x[i, g * columns + j]``, where row i of group g begins at ``y + g * y_group + i * y_row``. It
moves whole vectors, so memory is read that follows a row in x, and written that follows one in y, up to a vector's end;
rows are in turn, and may follow each other in y. ``dot`` multiplies a few rows with a few others,
at most :func:`dot_shape`: ``y[i, j] = sum_k x[i, k] v[j, k]``, added to what is there if `more` is 1. Row i begins at
``x + i * x_row``, row j at ``v + j * v_row``, both with neighbouring elements, and a result is at
``y + i * y_row + j * y_column``.

`address` is the address of an array's first element. Arrays that an address is taken of have to be arguments of the
loop: Numba frees an array that it made as soon as the loop does not name it any more.

The code is made by LLVM for the processor at hand, once, and kept on disk beside the loops. These call it by a name
that holds a digest of it.

References
----------
K. Goto, R. A. van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008.
F. G. Van Zee, R. A. van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality", ACM TOMS 41(3),
2015.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.kernels import dot_code, move_code, tile_code
from funcnet.compiler.kernels.tile_code import Shape, module_of
from funcnet.compiler.loops.link import host, linked
from funcnet.compiler.loops.store import keep, kept, machine

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Native", "dot_shape", "environment", "native", "shape", "symbols", "used", "version"]

_NAMES = re.compile(r"\b((?:tile|turn|copy|spread|dot)_f[48]|address)\(")
_BYTES = {"f4": 4, "f8": 8}
#: Functions, and how many arguments they have.
_ARGUMENTS = {"tile": 16, "turn": 6, "copy": 6, "spread": 8, "dot": 11}


class Native(NamedTuple):
    """Machine code: the addresses of its functions, and the ends of their names for code that is linked with it."""

    tile: int
    turn: int
    copy: int
    spread: int
    dot: int
    digest: str


def shape(dtype: Any) -> Shape:
    """Return how many rows and columns a tile holds in registers on this processor, and of what vectors it consists."""
    return _shape(np.dtype(dtype).itemsize)


def dot_shape(dtype: Any) -> tuple[int, int]:
    """Return how many rows `dot` multiplies with how many others at most."""
    return dot_code.dot_shape(shape(dtype))


@cache
def _shape(size: int) -> Shape:
    try:
        from llvmlite import binding
    except ImportError:
        # Loops run as Python.
        return Shape(6, 2, 16 // size)
    features = binding.get_host_cpu_features()
    arm = binding.get_default_triple().startswith(("aarch64", "arm64"))
    # Accumulators, a row of B and one number of A fill the 32 or 16 vector registers.
    if features.get("avx512f"):
        return Shape(14, 2, 64 // size)
    if features.get("avx"):
        return Shape(6, 2, 32 // size)
    # A vector of numbers is loaded twice on ARM for each that is multiplied four times.
    return Shape(8, 3, 16 // size) if arm else Shape(6, 2, 16 // size)


def used(source: str) -> tuple[str, ...]:
    """Return which of these functions a source calls."""
    return tuple(sorted(set(_NAMES.findall(source))))


def version(names: Sequence[str]) -> str:
    """Return a digest of what some of the functions are."""
    return " ".join([_digest(_BYTES[typed], shape(typed)) for typed in _types(names)])


def _types(names: Sequence[str]) -> list[str]:
    return sorted({name[-2:] for name in names if name != "address"})


@cache
def _digest(size: int, shape: Shape) -> str:
    texts = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (tile_code, dot_code, move_code)]
    parts = (*texts, machine(), str(size), str(shape))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


@cache
def native(size: int, shape: Shape) -> Native:
    """Return the code for numbers of some bytes each, compiled for tiles of a shape."""
    digest = _digest(size, shape)
    names = [_symbol(kind, digest) for kind in _ARGUMENTS]
    code = kept(f"tile_{digest}")
    if code is None:
        from llvmlite import binding

        module = binding.parse_assembly(module_of(size, shape, names))
        module.verify()
        code = host().emit_object(module)
        keep(f"tile_{digest}", code)
    tile, turn, copy, spread, dot = linked(code, names, {})
    return Native(tile, turn, copy, spread, dot, digest)


def symbols(names: Sequence[str]) -> dict[str, int]:
    """Return the addresses of what machine code calls that uses some of the functions, by their names there."""
    found: dict[str, int] = {}
    for typed in _types(names):
        *addresses, digest = native(_BYTES[typed], shape(typed))
        for kind, address in zip(_ARGUMENTS, addresses, strict=True):
            found[_symbol(kind, digest)] = address
    return found


def _symbol(kind: str, digest: str) -> str:
    return f"funcnet_{kind}_{digest}"


def environment(names: Sequence[str]) -> dict[str, Any]:
    """Return functions by their names in generated code.

    Raises
    ------
    ImportError
        If Numba is not installed.
    """
    from llvmlite import binding
    from numba import types

    for name, address in symbols(names).items():
        binding.add_symbol(name, address)
    found: dict[str, Any] = {"address": _address()}
    for typed in _types(names):
        code = native(_BYTES[typed], shape(typed))
        for kind, count in _ARGUMENTS.items():
            signature = types.void(*[types.int64] * count)
            found[f"{kind}_{typed}"] = types.ExternalFunction(_symbol(kind, code.digest), signature)
    return found


@cache
def _address() -> Any:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    # Numba reads the signature of what it gets, so this has no annotations.
    @intrinsic
    def address(context, x):  # noqa: ARG001  # type: ignore[no-untyped-def]
        def of_data(context, builder, signature, values):  # type: ignore[no-untyped-def]
            array = context.make_array(signature.args[0])(context, builder, values[0])
            return builder.ptrtoint(array.data, ir.IntType(64))

        return types.int64(x), of_data

    return address
