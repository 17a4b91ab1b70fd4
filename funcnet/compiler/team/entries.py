"""Addresses that run compiled functions without Python.

Numba's calling convention passes each array as a structure. An entry is a function ``int32(lo, hi, part, table)`` of
four words that takes everything else from a table, so that one loop in machine code can call any kernel. Entries depend
on types only, and the table begins with the address of the function.

A word of the table points to another: for an array to one with the address of NumPy's object, for a number to its bits.
A contiguous array has as many words more as dimensions: the shape that the function sees. Of an array of any layout
shape and strides are read from the object.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from funcnet.compiler.loops.store import keep, kept, machine

__all__ = ["Entry", "entry_of", "forget_locks", "readable"]

#: Where an array's object has the address of its elements.
_DATA = object.__basicsize__

_lock = Lock()
_known: dict[tuple[Any, ...], int] = {}
#: What keeps machine code alive.
_libraries: list[Any] = []


class Entry:
    """How to call a compiled function natively.

    Attributes
    ----------
    address : int
        The entry.
    function : int
        The function, first word of the table.
    kinds : tuple of (str, int)
        For each argument after the first three ``("array", dimensions)`` if it is contiguous, ``("array", 0)`` for an
        array of any layout, ``("d", 0)`` or ``("q", 0)``, as in `struct`.
    """

    __slots__ = ("address", "function", "kinds")

    def __init__(self, address: int, function: int, kinds: tuple[tuple[str, int], ...]) -> None:
        self.address = address
        self.function = function
        self.kinds = kinds


@cache
def readable() -> bool:
    """Return whether arrays have their address where it is expected, which is so in every CPython and NumPy so far."""
    a = np.zeros((3, 5, 7))[1:, ::-2]
    words = [ctypes.c_ssize_t.from_address(id(a) + _DATA + offset).value for offset in (0, 16, 24)]
    if words[0] != a.ctypes.data or ctypes.c_int.from_address(id(a) + _DATA + 8).value != a.ndim:
        return False
    shape, strides = [tuple((ctypes.c_ssize_t * a.ndim).from_address(place)) for place in words[1:]]
    return shape == a.shape and strides == a.strides


def entry_of(result: Any) -> Entry | None:
    """Return the entry of what Numba made of a function, None where its types have none.

    Parameters
    ----------
    result : CompileResult
        Numba's; the function takes three int64, then arrays, float64, int64 and booleans.
    """
    from numba import types

    kinds: list[tuple[str, int]] = []
    arguments = tuple(result.signature.args)
    if arguments[:3] != (types.int64,) * 3 or not readable():
        return None
    for t in arguments[3:]:
        if isinstance(t, types.Array):
            kinds.append(("array", t.ndim if t.layout == "C" else 0))
        elif t in (types.float64, types.int64, types.boolean):
            kinds.append(("d" if t is types.float64 else "q", 0))
        else:
            return None
    function = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
    if not function:
        return None
    with _lock:
        address = _known.get(arguments)
        if address is None:
            address = _known[arguments] = _address(arguments)
    return Entry(address, function, tuple(kinds))


def _address(arguments: tuple[Any, ...]) -> int:
    """Return the address of the entry for functions of these arguments, from the cache on disk if it is there."""
    import numba
    from llvmlite import binding

    versions = (Path(__file__).read_text(encoding="utf-8"), machine(), numba.__version__, sys.version)
    digest = hashlib.sha256("\n".join([*versions, str(arguments)]).encode()).hexdigest()[:24]
    name = f"funcnet_entry_{digest}"
    code = kept(f"entry_{digest}")
    if code is None:
        library = _made(arguments, name)
        _libraries.append(library)
        keep(f"entry_{digest}", library._get_compiled_object())
        return library.get_pointer_to_function(name)
    host = binding.Target.from_default_triple().create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), host)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _libraries.append((engine, code))
    return engine.get_function_address(name)


def _made(arguments: tuple[Any, ...], name: str) -> Any:
    """Return the library with the entry for functions of these arguments, made with Numba's own means."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target
    from numba.np import arrayobj

    context: Any = cpu_target.target_context
    word, small = ir.IntType(64), ir.IntType(32)
    library = context.codegen().create_library(name)
    library.enable_object_caching()
    module = library.create_ir_module(name)
    entry = ir.Function(module, ir.FunctionType(small, [word] * 4), name)
    builder = ir.IRBuilder(entry.append_basic_block())
    at = [0]

    def load(address: Any, kind: Any = word) -> Any:
        return builder.load(builder.inttoptr(address, kind.as_pointer()))

    def following() -> Any:
        value = load(builder.add(entry.args[3], word(8 * at[0])))
        at[0] += 1
        return value

    function = following()
    given: list[Any] = list(entry.args[:3])
    for t in arguments[3:]:
        held = following()
        if not isinstance(t, types.Array):
            typed = context.get_value_type(types.float64 if t is types.float64 else types.int64)
            value = load(held, typed)
            given.append(builder.icmp_signed("!=", value, word(0)) if t is types.boolean else value)
            continue
        thing = load(held)
        data = load(builder.add(thing, word(_DATA)))
        size = context.get_abi_sizeof(context.get_data_type(t.dtype))
        if t.layout == "C":
            shape = [following() for _ in range(t.ndim)]
            strides: list[Any] = [word(size)]
            for n in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], n))
        else:
            # The address, the number of dimensions in half a word, where the shape is, where the strides are.
            places = [load(builder.add(thing, word(_DATA + offset))) for offset in (16, 24)]
            shape, strides = [[load(builder.add(p, word(8 * i))) for i in range(t.ndim)] for p in places]
        array = arrayobj.make_array(t)(context, builder)
        typed = context.get_data_type(t.dtype).as_pointer()
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
    kind = context.call_conv.get_function_type(types.void, arguments)
    result = cgutils.alloca_once(builder, kind.args[0].pointee)
    error = cgutils.alloca_once(builder, kind.args[1].pointee)
    packed = context.get_arg_packer(arguments).as_arguments(builder, given)
    status = builder.call(builder.inttoptr(function, kind.as_pointer()), [result, error, *packed])
    # As Numba's `Status`: these two are no errors.
    fine = builder.or_(builder.icmp_signed("==", status, small(0)), builder.icmp_signed("==", status, small(-2)))
    builder.ret(builder.select(fine, small(0), small(1)))
    with global_compiler_lock:
        library.add_ir_module(module)
        library.finalize()
    return library


def forget_locks() -> None:
    """Make the lock anew in a process that was forked while a thread may have held it."""
    global _lock
    _lock = Lock()
