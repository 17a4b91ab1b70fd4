"""Machine code brought into memory: objects that an earlier process has left on disk, without what made them.

Only LLVM's linker is needed for that, which takes a tenth of the time that it takes to import Numba.
"""

from __future__ import annotations

from functools import cache
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["forget_locks", "host", "linked"]

_lock = Lock()
_numbers = count()
#: What keeps machine code in memory.
_trackers: list[Any] = []


@cache
def host() -> Any:
    """Return LLVM's description of this machine."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=3, jit=True
    )


@cache
def _linker() -> Any:
    from llvmlite import binding

    return binding.create_lljit_compiler(host(), suppress_errors=True)


def linked(code: bytes, names: Sequence[str], given: Mapping[str, int]) -> list[int]:
    """Return the addresses of functions of an object, which stays in memory for ever.

    Parameters
    ----------
    code : bytes
        The object.
    names : sequence of str
        The functions.
    given : mapping of str to int
        Addresses of what it calls, beside what the process has (the libraries of C and of Python).

    Raises
    ------
    RuntimeError
        If this is no object, or if it lacks one of the functions, or calls what nobody has.
    """
    from llvmlite import binding

    library = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
    for name, address in given.items():
        library.import_symbol(name, address)
    for name in names:
        library.export_symbol(name)
    with _lock:
        tracker = library.link(_linker(), f"funcnet_{next(_numbers)}")
        _trackers.append(tracker)
    return [tracker[name] for name in names]


def forget_locks() -> None:
    """Make the lock anew in a process that was forked while a thread may have held it."""
    global _lock
    _lock = Lock()
