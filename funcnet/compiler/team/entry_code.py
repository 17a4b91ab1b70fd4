"""How machine code and Python call what Numba compiles, in LLVM's intermediate language.

Numba's calling convention passes each array as a structure and returns results by their addresses.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np import arrayobj

from funcnet.compiler.team.entries import DATA

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["entry", "routine"]

_WORD, _SMALL = ir.IntType(64), ir.IntType(32)
_OBJECT = ir.IntType(8).as_pointer()
#: Bits of the register in which x86 keeps how it computes: results, and arguments, that are subnormal count as 0.
_TO_ZERO = 0x8040
_X86 = ("x86_64", "amd64")


def entry(
    context: Any, module: Any, name: str, callee: str, signature: Any, *, to_zero: Mapping[int, float] | None = None
) -> None:
    """Write ``int32 name(lo, hi, part, table)``, which calls a function with what is in the table.

    Parameters
    ----------
    context : CPUContext
        Numba's.
    module : llvmlite.ir.Module
        Where it goes.
    name, callee : str
        What the entry and the function are called.
    signature : numba.core.typing.Signature
        Of the function: three int64, then arrays, float64, int64 and booleans; uint64 is the address of what follows
        in the table.
    to_zero : mapping of int to float, optional
        With one, subnormal numbers count as 0 in the function where the processor is slow with them, unless the first
        element of one of these arrays, counted without the three int64, is below its number.
    """
    made = ir.Function(module, ir.FunctionType(_SMALL, [_WORD] * 4), name)
    builder = ir.IRBuilder(made.append_basic_block())
    at = [0]

    def load(address: Any, kind: Any = _WORD) -> Any:
        return builder.load(builder.inttoptr(address, kind.as_pointer()))

    def following() -> Any:
        value = load(builder.add(made.args[3], _WORD(8 * at[0])))
        at[0] += 1
        return value

    given: list[Any] = list(made.args[:3])
    firsts: dict[int, Any] = {}
    for t in signature.args[3:]:
        if t is types.uint64:
            given.append(builder.add(made.args[3], _WORD(8 * at[0])))
            continue
        held = following()
        if not isinstance(t, types.Array):
            typed = context.get_value_type(types.float64 if t is types.float64 else types.int64)
            value = load(held, typed)
            given.append(builder.icmp_signed("!=", value, _WORD(0)) if t is types.boolean else value)
            continue
        thing = load(held)
        data = load(builder.add(thing, _WORD(DATA)))
        size = context.get_abi_sizeof(context.get_data_type(t.dtype))
        if t.layout == "C":
            shape = [following() for _ in range(t.ndim)]
            strides: list[Any] = [_WORD(size)]
            for n in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], n))
        else:
            # The address, the number of dimensions in half a word, where the shape is, where the strides are.
            places = [load(builder.add(thing, _WORD(DATA + offset))) for offset in (16, 24)]
            shape, strides = [[load(builder.add(p, _WORD(8 * i))) for i in range(t.ndim)] for p in places]
        array = arrayobj.make_array(t)(context, builder)
        typed = context.get_data_type(t.dtype).as_pointer()
        firsts[len(given) - 3] = data, context.get_data_type(t.dtype)
        arrayobj.populate_array(
            array,
            data=builder.inttoptr(data, typed),
            shape=shape,
            strides=strides,
            itemsize=size,
            # The caller owns the memory.
            meminfo=None,
        )
        given.append(array._getvalue())
    before = None
    if to_zero is not None and platform.machine().lower() in _X86:
        fit = ir.Constant(ir.IntType(1), 1)
        for i, least in to_zero.items():
            data, kind = firsts[i]
            number = builder.load(builder.inttoptr(data, kind.as_pointer()))
            fit = builder.and_(fit, builder.fcmp_ordered(">=", number, ir.Constant(kind, least)))
        before = _to_zero(builder, fit)
    status, _ = _call(context, builder, callee, signature, given)
    if before is not None:
        _register(builder, "ld", before)
    # As Numba's `Status`: these two are no errors.
    fine = builder.or_(builder.icmp_signed("==", status, _SMALL(0)), builder.icmp_signed("==", status, _SMALL(-2)))
    builder.ret(builder.select(fine, _SMALL(0), _SMALL(1)))


def routine(context: Any, module: Any, name: str, callee: str, signature: Any) -> None:
    """Write what CPython calls with an array of arguments (``METH_FASTCALL``), all of them int64.

    It lets go of the interpreter's lock if the result is int64, and keeps it if that is int32. It looks at nothing: who
    calls it gives the right number of integers.
    """
    made = ir.Function(module, ir.FunctionType(_OBJECT, [_OBJECT, _OBJECT.as_pointer(), _WORD]), name)
    builder = ir.IRBuilder(made.append_basic_block())

    def python(function: str, returned: Any, *given: Any) -> Any:
        kind = ir.FunctionType(returned, [g.type for g in given])
        return builder.call(cgutils.get_or_insert_function(module, kind, function), given)

    numbers = []
    for i in range(len(signature.args)):
        place = builder.gep(made.args[1], [_SMALL(i)])
        numbers.append(python("PyLong_AsLongLong", _WORD, builder.load(place)))
    state = None if signature.return_type == types.int32 else python("PyEval_SaveThread", _OBJECT)
    _, result = _call(context, builder, callee, signature, numbers)
    if state is not None:
        python("PyEval_RestoreThread", ir.VoidType(), state)
    number = builder.load(result)
    builder.ret(python("PyLong_FromLongLong", _OBJECT, number if state is not None else builder.sext(number, _WORD)))


def _to_zero(builder: Any, fit: Any) -> Any:
    """Write what has subnormal numbers count as 0 if that is fit; return where the register's content of before is."""
    before, now = [cgutils.alloca_once(builder, _SMALL) for _ in range(2)]
    _register(builder, "st", before)
    builder.store(builder.or_(builder.load(before), builder.select(fit, _SMALL(_TO_ZERO), _SMALL(0))), now)
    _register(builder, "ld", now)
    return before


def _register(builder: Any, move: str, place: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [_OBJECT])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{move}mxcsr")
    builder.call(function, [builder.bitcast(place, _OBJECT)])


def _call(context: Any, builder: Any, callee: str, signature: Any, given: list[Any]) -> tuple[Any, Any]:
    """Call a function by Numba's convention; return its status and where its result is."""
    arguments = tuple(signature.args)
    kind = context.call_conv.get_function_type(signature.return_type, arguments)
    result = cgutils.alloca_once(builder, kind.args[0].pointee)
    error = cgutils.alloca_once(builder, kind.args[1].pointee)
    packed = context.get_arg_packer(arguments).as_arguments(builder, given)
    function = cgutils.get_or_insert_function(builder.module, kind, callee)
    # In a function of its own it keeps what was said about its vectors.
    status = builder.call(function, [result, error, *packed], attrs=("noinline",))
    return status, result
