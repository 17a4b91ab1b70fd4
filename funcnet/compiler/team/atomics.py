"""What generated code needs to share memory with other threads, and to call addresses.

Numba has none of it. Addresses and values are int64; the order that a name ends in is LLVM's, which is C11's.
"""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

__all__ = ["environment"]


@cache
def environment() -> dict[str, Any]:
    """Return the functions by name, for Numba to call.

    Raises
    ------
    ImportError
        If Numba is not installed.
    """
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    word, small = ir.IntType(64), ir.IntType(32)

    def at(builder: Any, address: Any) -> Any:
        return builder.inttoptr(address, word.as_pointer())

    def loading(order: str) -> Any:
        @intrinsic
        def load(context, address):  # noqa: ARG001  # type: ignore[no-untyped-def]
            def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
                return builder.load_atomic(at(builder, args[0]), order, 8)

            return types.int64(types.int64), code

        return load

    def storing(order: str) -> Any:
        @intrinsic
        def store(context, address, value):  # noqa: ARG001  # type: ignore[no-untyped-def]
            def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
                builder.store_atomic(args[1], at(builder, args[0]), order, 8)
                return c.get_dummy_value()

            return types.void(types.int64, types.int64), code

        return store

    @intrinsic
    def exchange_if(context, address, old, new):  # noqa: ARG001  # type: ignore[no-untyped-def]
        """Store `new` if `old` is there; return whether it was."""

        def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
            found = builder.cmpxchg(at(builder, args[0]), args[1], args[2], "seq_cst", "seq_cst")
            return builder.extract_value(found, 1)

        return types.boolean(types.int64, types.int64, types.int64), code

    @intrinsic
    def add_ordered(context, address, value):  # noqa: ARG001  # type: ignore[no-untyped-def]
        """Add to what is there; return what was there before."""

        def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
            return builder.atomic_rmw("add", at(builder, args[0]), args[1], "seq_cst")

        return types.int64(types.int64, types.int64), code

    def calling(count: int) -> Any:
        """Return a function that calls an address with so many int64; the result is an int, as C has it."""
        kind = ir.FunctionType(small, [word] * count)

        def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
            result = builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
            return builder.sext(result, word)

        # Numba asks for the names of the arguments.
        names = ", ".join([f"a{i}" for i in range(count)])
        scope: dict[str, Any] = {"code": code, "signature": types.int64(*[types.int64] * (count + 1))}
        exec(f"def call(context, function, {names}):\n    return signature, code", scope)
        return intrinsic(scope["call"])

    @intrinsic
    def call_nothing(context, function):  # noqa: ARG001  # type: ignore[no-untyped-def]
        """Call an address without arguments."""
        kind = ir.FunctionType(small, [])

        def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
            return builder.sext(builder.call(builder.inttoptr(args[0], kind.as_pointer()), []), word)

        return types.int64(types.int64), code

    @intrinsic
    def pause(context):  # noqa: ARG001  # type: ignore[no-untyped-def]
        """Tell the processor that this is a loop that waits."""

        def code(c, builder, s, args):  # noqa: ARG001  # type: ignore[no-untyped-def]
            name, kinds, given = _PAUSES.get(platform.machine().lower(), ("", [], []))
            if name:
                function = cgutils.get_or_insert_function(
                    builder.module, ir.FunctionType(ir.VoidType(), [small for _ in kinds]), name
                )
                builder.call(function, [small(value) for value in given])
            return c.get_dummy_value()

        return types.void(), code

    return {
        "load_relaxed": loading("monotonic"),
        "load_acquire": loading("acquire"),
        "load_ordered": loading("seq_cst"),
        "store_relaxed": storing("monotonic"),
        "store_release": storing("release"),
        "store_ordered": storing("seq_cst"),
        "exchange_if": exchange_if,
        "add_ordered": add_ordered,
        "call_nothing": call_nothing,
        "call_one": calling(1),
        "call_two": calling(2),
        "call_entry": calling(4),
        "pause": pause,
    }


#: Machine -> LLVM's function, the types of its arguments (all int32), and these.
_PAUSES: dict[str, tuple[str, list[str], list[int]]] = {
    "x86_64": ("llvm.x86.sse2.pause", [], []),
    "amd64": ("llvm.x86.sse2.pause", [], []),
    "aarch64": ("llvm.aarch64.hint", ["i32"], [1]),
    "arm64": ("llvm.aarch64.hint", ["i32"], [1]),
}
