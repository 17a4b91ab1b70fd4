"""Functions of one number that LLVM vectorises: polynomials, with exponents set by integer arithmetic.

Numba calls the C library for each element of `exp`, `log` and `tanh`, which is several times slower than NumPy. The
polynomials for the exponential and the logarithm are those of Cephes; the largest error of each function, in units in
the last place, is in the tests.

References
----------
S. L. Moshier, "Methods and programs for mathematical functions", Ellis Horwood, 1989 (Cephes: expf, logf, tanhf).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from funcnet.compiler.team import atomics

__all__ = ["FLAGS", "SOURCE", "environment"]

SOURCE = """
def exp32(x):
    # What rounds to 0 is not computed: processors take a hundred cycles for a product that underflows.
    none = x < f4(-104.0)
    x = f4(0.0) if none else (f4(89.0) if x > f4(89.0) else x)
    n = np.rint(x * f4(1.44269504088896341))
    r = (x - n * f4(0.693359375)) - n * f4(-2.12194440e-4)
    p = f4(1.9875691500e-4)
    p = p * r + f4(1.3981999507e-3)
    p = p * r + f4(8.3334519073e-3)
    p = p * r + f4(4.1665795894e-2)
    p = p * r + f4(1.6666665459e-1)
    p = p * r + f4(5.0000001201e-1)
    y = p * (r * r) + r + f4(1.0)
    k = i4(n)
    a = i4(k >> i4(1))
    b = i4(k - a)
    # In two factors, since the exponent may be out of range by itself.
    y = y * as_float(i4(i4(a + i4(127)) << i4(23))) * as_float(i4(i4(b + i4(127)) << i4(23)))
    return f4(0.0) if none else y

def log32(x):
    tiny = x < f4(1.17549435e-38)
    z = x * f4(8388608.0) if tiny else x
    i = i4(as_bits(z) - i4(0x3f3504f3))
    e = i4(i >> i4(23))
    m = as_float(i4(i4(i & i4(0x007fffff)) + i4(0x3f3504f3))) - f4(1.0)
    k = f4(e) - (f4(23.0) if tiny else f4(0.0))
    p = f4(7.0376836292e-2)
    p = p * m + f4(-1.1514610310e-1)
    p = p * m + f4(1.1676998740e-1)
    p = p * m + f4(-1.2420140846e-1)
    p = p * m + f4(1.4249322787e-1)
    p = p * m + f4(-1.6668057665e-1)
    p = p * m + f4(2.0000714765e-1)
    p = p * m + f4(-2.4999993993e-1)
    p = p * m + f4(3.3333331174e-1)
    s = m * m
    y = m * s * p + k * f4(-2.12194440e-4) - f4(0.5) * s
    y = (m + y) + k * f4(0.693359375)
    y = x if x == f4(np.inf) else y
    y = f4(-np.inf) if x == f4(0.0) else y
    return f4(np.nan) if (x < f4(0.0)) | (x != x) else y

def tanh32(x):
    a = abs(x)
    s = x * x
    p = f4(-5.70498872745e-3)
    p = p * s + f4(2.06390887954e-2)
    p = p * s + f4(-5.37397155531e-2)
    p = p * s + f4(1.33314422036e-1)
    p = p * s + f4(-3.33332819422e-1)
    small = x * (f4(1.0) + s * p)
    big = f4(1.0) - f4(2.0) / (exp32(f4(2.0) * a) + f4(1.0))
    big = -big if x < f4(0.0) else big
    return small if a < f4(0.625) else big

def sigmoid32(x):
    e = exp32(-abs(x))
    d = f4(1.0) / (f4(1.0) + e)
    return d if x >= f4(0.0) else e * d if x < f4(0.0) else x

def erf32(x):
    # A rational function fitted to erf(x) / x up to 3.925, where the result rounds to 1.
    a = abs(x)
    z = f8(x)
    s = z * z
    p = 2.0459214097789804e-06
    p = p * s + 2.848206748093003e-04
    p = p * s + 3.77210747674352e-03
    p = p * s + 5.276785555393524e-02
    p = p * s + 1.9058525230767404e-01
    p = p * s + 1.1283791458539807
    q = 3.804548041007424e-05
    q = q * s + 1.1637269728149697e-03
    q = q * s + 1.4982309441974357e-02
    q = q * s + 1.1417892175470173e-01
    q = q * s + 5.0223451499218e-01
    q = q * s + 1.0
    y = f4(z * p / q)
    one = f4(-1.0) if x < f4(0.0) else f4(1.0)
    return one if a > f4(3.925) else y

def clipped(x, low, high):
    y = low if x < low else x
    return high if y > high else y

def row_max(row, start):
    m = start
    for j in range(row.shape[0]):
        m = larger(row[j], m)
    return m

def row_min(row, start):
    m = start
    for j in range(row.shape[0]):
        m = smaller(row[j], m)
    return m

def has_nan(row):
    n = 0
    for j in range(row.shape[0]):
        n += row[j] != row[j]
    return n > 0

def any_row(row):
    n = 0
    for j in range(row.shape[0]):
        n += row[j]
    return n > 0

def all_row(row):
    n = 0
    for j in range(row.shape[0]):
        n += row[j]
    return n == row.shape[0]

def part_sum(row):
    s = row.dtype.type(0)
    for j in range(row.shape[0]):
        s += row[j]
    return s

def square_sum(row):
    s = row.dtype.type(0)
    for j in range(row.shape[0]):
        s += row[j] * row[j]
    return s

def product_sum(row, other):
    s = row.dtype.type(0)
    for j in range(row.shape[0]):
        s += row[j] * other[j]
    return s

def row_sum(row):
    n = row.shape[0]
    if n <= 4096:
        return part_sum(row)
    total = 0.0
    for start in range(0, n, 4096):
        total += part_sum(row[start : min(start + 4096, n)])
    return total
"""

#: What the compiler may do in a function: change the order of operations so that it runs on vectors, ignore NaN. In
#: those that are not named it may join products and sums, which rounds once instead of twice.
FLAGS: dict[str, tuple[str, ...]] = {
    "part_sum": ("nsz", "reassoc"),
    "product_sum": ("nsz", "reassoc"),
    "row_max": ("nnan", "nsz"),
    "row_min": ("nnan", "nsz"),
    "square_sum": ("nsz", "reassoc"),
}


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
    def joined(context, x, y):  # noqa: ARG001  # type: ignore[no-untyped-def]
        # A sum whose terms may be added in any order.
        return x(x, y), lambda c, b, s, a: b.fadd(*a, flags=("nsz", "reassoc"))  # noqa: ARG005

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

    names: dict[str, Any] = {
        "__name__": __name__,
        "np": np,
        "f4": np.float32,
        "f8": np.float64,
        "i4": np.int32,
        "i8": np.int64,
        "b1": np.bool_,
        "as_bits": as_bits,
        "as_float": as_float,
        "joined": joined,
        "borrow": njit(_nrt=False, forceinline=True)(borrow),
        "lent": lent,
        "give_back": give_back,
        "larger": chosen(">"),
        "smaller": chosen("<"),
        "widest_vectors": widest_vectors,
        **atomics.environment(),
    }
    exec(compile(SOURCE, "<funcnet vector functions>", "exec"), names)
    for name, value in list(names.items()):
        if getattr(value, "__code__", None) is not None and value.__code__.co_filename.startswith("<funcnet"):
            flags = set(FLAGS.get(name, ("contract",)))
            inline = name not in FLAGS
            names[name] = njit(forceinline=inline, error_model="numpy", fastmath=flags, _nrt=False)(value)
    return names
