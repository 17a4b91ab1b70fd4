"""What generated loops refer to, made for Numba: bits, comparisons, memory, and functions."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from funcnet.compiler.loops import arc_functions, elementary, error_functions, gamma_functions, row_math, vector_math
from funcnet.compiler.team import atomics

__all__ = ["SOURCE", "environment"]

#: The functions that generated loops call.
SOURCE = "\n".join(
    [m.SOURCE for m in (vector_math, elementary, arc_functions, error_functions, gamma_functions, row_math)]
)


@cache
def environment() -> dict[str, Any]:
    """Return the names that generated code uses, with the functions compiled on demand by Numba.

    Raises
    ------
    ImportError
        If Numba is not installed.
    """
    import numba
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np import arrayobj

    njit: Any = numba.njit

    # Numba reads the signature of what it gets, so these have no annotations.
    @intrinsic
    def as_bits(context, x):  # noqa: ARG001  # type: ignore[no-untyped-def]
        return types.int32(types.float32), lambda c, b, s, a: b.bitcast(a[0], ir.IntType(32))  # noqa: ARG005

    @intrinsic
    def as_float(context, x):  # noqa: ARG001  # type: ignore[no-untyped-def]
        return types.float32(types.int32), lambda c, b, s, a: b.bitcast(a[0], ir.FloatType())  # noqa: ARG005

    @intrinsic
    def as_bits64(context, x):  # noqa: ARG001  # type: ignore[no-untyped-def]
        return types.int64(types.float64), lambda c, b, s, a: b.bitcast(a[0], ir.IntType(64))  # noqa: ARG005

    @intrinsic
    def as_float64(context, x):  # noqa: ARG001  # type: ignore[no-untyped-def]
        return types.float64(types.int64), lambda c, b, s, a: b.bitcast(a[0], ir.DoubleType())  # noqa: ARG005

    def chosen(comparison: str) -> Any:
        # Where a comparison does not heed NaN but the choice after it does, LLVM makes no vectors of them.
        flags = ("nnan", "nsz")

        @intrinsic
        def of_two(context, x, y):  # noqa: ARG001  # type: ignore[no-untyped-def]
            def of_numbers(context, builder, signature, values):  # noqa: ARG001  # type: ignore[no-untyped-def]
                a, b = values
                return builder.select(builder.fcmp_ordered(comparison, a, b, flags=flags), a, b, flags=flags)

            return x(x, y), of_numbers

        return of_two

    @intrinsic
    def fma(context, x, y, z):  # noqa: ARG001  # type: ignore[no-untyped-def]
        return x(x, y, z), lambda c, b, s, a: b.fma(*a)  # noqa: ARG005

    @intrinsic
    def joined(context, x, y):  # noqa: ARG001  # type: ignore[no-untyped-def]
        # A sum whose terms may be added in any order.
        return x(x, y), lambda c, b, s, a: b.fadd(*a, flags=("nsz", "reassoc"))  # noqa: ARG005

    def wrapping(operation: str) -> Any:
        # The operators of integers tell LLVM that nothing overflows, which is wrong of numbers that are not indices.
        @intrinsic
        def of_integers(context, x, y):  # noqa: ARG001  # type: ignore[no-untyped-def]
            return x(x, x), lambda c, b, s, a: getattr(b, operation)(*a)  # noqa: ARG005

        return of_integers

    @intrinsic
    def widest_vectors(context):  # noqa: ARG001  # type: ignore[no-untyped-def]
        def of_function(context, builder, signature, values):  # noqa: ARG001  # type: ignore[no-untyped-def]
            # LLVM takes half of a vector register of 512 bits where it is not told to take all of it. The class checks
            # names of attributes against a list of those that consist of a word.
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
            return context.get_dummy_value()

        return types.none(), of_function

    @intrinsic
    def allocated(context, size):  # noqa: ARG001  # type: ignore[no-untyped-def]
        def of_function(context, builder, signature, values):  # noqa: ARG001  # type: ignore[no-untyped-def]
            kind = ir.FunctionType(cgutils.voidptr_t, [cgutils.intp_t])
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, "malloc"), values)

        return types.voidptr(types.int64), of_function

    @intrinsic
    def give_back(context, memory):  # noqa: ARG001  # type: ignore[no-untyped-def]
        def of_function(context, builder, signature, values):  # noqa: ARG001  # type: ignore[no-untyped-def]
            kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "free"), values)
            return context.get_dummy_value()

        return types.void(types.voidptr), of_function

    @intrinsic
    def nothing(context, memory):  # noqa: ARG001  # type: ignore[no-untyped-def]
        return types.boolean(types.voidptr), lambda c, b, s, a: cgutils.is_null(b, a[0])  # noqa: ARG005

    def borrow(size):  # type: ignore[no-untyped-def]
        memory = allocated(size)  # pyright: ignore[reportCallIssue]
        if nothing(memory):
            raise MemoryError
        return memory

    @intrinsic
    def lent(context, memory, start, length, dtype):  # noqa: ARG001  # type: ignore[no-untyped-def]
        array = types.Array(dtype.dtype, 1, "C")

        def of_function(context, builder, signature, values):  # noqa: ARG001  # type: ignore[no-untyped-def]
            found = arrayobj.make_array(array)(context, builder)
            number = context.get_data_type(array.dtype)
            size = context.get_abi_sizeof(number)
            # Up to the next line of the cache.
            address = builder.ptrtoint(builder.gep(values[0], [values[1]]), cgutils.intp_t)
            start = builder.add(values[1], builder.and_(builder.neg(address), cgutils.intp_t(63)))
            place = builder.bitcast(builder.gep(values[0], [start]), number.as_pointer())
            arrayobj.populate_array(
                found, data=place, shape=[values[2]], strides=[cgutils.intp_t(size)], itemsize=size, meminfo=None
            )
            return found._getvalue()

        return array(types.voidptr, types.int64, types.int64, dtype), of_function

    def shaped(kind: Any, shape_of: Any) -> Any:
        # `reshape` calls what only a process that has imported Numba has.
        def of_array(context, builder, signature, values):  # type: ignore[no-untyped-def]
            given = arrayobj.make_array(signature.args[0])(context, builder, values[0])
            found = arrayobj.make_array(kind)(context, builder)
            size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
            shape = shape_of(builder, given.nitems, *values[1:])
            strides = [cgutils.intp_t(size)]
            for n in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], n))
            arrayobj.populate_array(
                found, data=given.data, shape=shape, strides=strides, itemsize=given.itemsize, meminfo=None
            )
            return found._getvalue()

        return of_array

    @intrinsic
    def flat(context, x):  # noqa: ARG001  # type: ignore[no-untyped-def]
        kind = types.Array(x.dtype, 1, "C")
        return kind(x), shaped(kind, lambda b, n: [n])  # noqa: ARG005

    @intrinsic
    def in_rows(context, x, width):  # noqa: ARG001  # type: ignore[no-untyped-def]
        kind = types.Array(x.dtype, 2, "C")
        return kind(x, types.int64), shaped(kind, lambda b, n, w: [b.sdiv(n, w), w])

    names: dict[str, Any] = {
        "__name__": __name__,
        "np": np,
        "f4": np.float32,
        "f8": np.float64,
        "i4": np.int32,
        "i8": np.int64,
        "u8": np.uint64,
        "b1": np.bool_,
        "as_bits": as_bits,
        "as_bits64": as_bits64,
        "as_float": as_float,
        "as_float64": as_float64,
        "fma": fma,
        "joined": joined,
        "plus": wrapping("add"),
        "minus": wrapping("sub"),
        "times": wrapping("mul"),
        # Functions beside the loop, which LLVM sees one by one: a compiler takes longer for one large function.
        "apart": njit(error_model="numpy", _nrt=False),
        "borrow": njit(_nrt=False, forceinline=True)(borrow),
        "lent": lent,
        "give_back": give_back,
        "flat": flat,
        "in_rows": in_rows,
        "larger": chosen(">"),
        "smaller": chosen("<"),
        "widest_vectors": widest_vectors,
        **atomics.environment(),
    }
    exec(compile(SOURCE, "<funcnet vector functions>", "exec"), names)
    for name, value in list(names.items()):
        if getattr(value, "__code__", None) is not None and value.__code__.co_filename.startswith("<funcnet"):
            flags = set(row_math.FLAGS.get(name, ("contract",)))
            inline = name not in row_math.FLAGS
            names[name] = njit(forceinline=inline, error_model="numpy", fastmath=flags, _nrt=False)(value)
    return names
