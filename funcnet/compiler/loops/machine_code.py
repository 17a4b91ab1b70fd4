"""What Numba makes of a source: one object that has all it needs but the library of C.

Nothing here is imported before something has to be compiled.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import compiler, sigutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from funcnet.compiler.kernels import block, lanes, panels, pool_code, tile
from funcnet.compiler.loops import intrinsics
from funcnet.compiler.loops.subnormal import enough, looked_at
from funcnet.compiler.team.entry_code import entry, routine

__all__ = ["made"]

#: Loops make no arrays, so that nothing of Numba has to be there when they run.
OPTIONS = {
    "nopython": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
#: What keeps machine code in memory.
_libraries: list[Any] = []


@global_compiler_lock
def made(source: str, signature: str, name: str, *, callable: bool = False) -> tuple[int, bytes]:
    """Return the address of the entry of a source's ``loop``, and the object that it is in.

    Parameters
    ----------
    source : str
        Defines ``loop``.
    signature : str
        Its type, as Numba writes it.
    name : str
        What the entry is called, one name for each source and signature.
    callable : bool
        Whether Python is to call it, which then gives and gets int64.
    """
    names = dict(intrinsics.environment())
    for module in (tile, panels):
        if found := module.used(source):
            names.update(module.environment(found))
    for instruction in (block.INSTRUCTION, lanes.INSTRUCTION, pool_code.INSTRUCTION):
        if instruction.used(source):
            names.update(instruction.environment())
    exec(compile(source, "<funcnet loop>", "exec"), names)
    result = _compiled(names["loop"], signature, name)
    library = result.library
    module = library.create_ir_module(f"{name}_entry")
    made_of = cpu_target.target_context, module, name, result.fndesc.llvm_func_name, result.signature
    if callable:
        routine(*made_of)
    else:
        places = looked_at(source)
        arguments = result.signature.args[3:]
        to_zero = None if places is None else {i: enough(arguments[i].dtype.name) for i in places}
        entry(*made_of, to_zero=to_zero)
    library.add_ir_module(module)
    # Nothing else calls it, so LLVM need not keep to a calling convention.
    library._final_module.get_function(result.fndesc.llvm_func_name).linkage = "internal"
    address = library.get_pointer_to_function(name)
    _libraries.append(library)
    return address, library._get_compiled_object()


def _compiled(function: Any, signature: str, name: str) -> Any:
    """Return Numba's result, whose library waits for more code."""
    arguments, returned = sigutils.normalize_signature(signature)
    flags: Any = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, OPTIONS)
    flags.no_compile = True
    context: Any = cpu_target.target_context
    library = context.codegen().create_library(name)
    library.enable_object_caching()
    return compiler.compile_extra(
        cpu_target.typing_context, context, function, arguments, returned or types.void, flags, {}, library=library
    )
