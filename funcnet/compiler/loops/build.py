"""Loops compiled by Numba, once for each source, dtype and machine: kept in memory and on disk."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from threading import Lock
from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels import block, panels, tile
from funcnet.compiler.loops import vector_math
from funcnet.compiler.loops.store import cache_directory, machine, write
from funcnet.compiler.team import entries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["available", "cache_directory", "compiled", "end", "forget_locks", "native"]

_HEADER = """from numba import njit
from funcnet.compiler.loops.vector_math import environment
globals().update(environment())
"""
_WITH_MORE = """from funcnet.compiler.kernels import {0}
globals().update({0}.environment({1!r}))
"""
_WITH_BLOCKS = """from funcnet.compiler.kernels import block
globals().update(block.environment())
"""
_HEAD = re.compile(r"^def loop\(.*\):$", re.MULTILINE)
#: What sources may call beside functions of one number, where they do.
_MORE: dict[str, Any] = {"tile": tile, "panels": panels}
_lock = Lock()
_ended = False
_known: dict[tuple[str, str], Any] = {}
#: What Numba made of a source, and later its entry, by the function that is called.
_results: dict[Any, Any] = {}
_entries: dict[Any, entries.Entry | None] = {}


def available() -> str:
    """Return why loops cannot be compiled here, or an empty string."""
    if os.environ.get("FUNCNET_JIT") == "0":
        return "FUNCNET_JIT=0"
    return "" if find_spec("numba") is not None else 'Numba is not installed (pip install "funcnet[jit]")'


def forget_locks() -> None:
    """Make the lock anew in a process that was forked while a thread may have held it."""
    global _lock
    _lock = Lock()
    entries.forget_locks()


def end() -> None:
    """Compile nothing from now on: a plan of many loops would keep an interpreter from ending for long."""
    global _ended
    _ended = True


def compiled(source: str, signature: str) -> Callable[..., None]:
    """Return the function ``loop`` of a source, compiled for the given types of its arguments.

    Parameters
    ----------
    source : str
        Defines ``loop``.
    signature : str
        Its type, as Numba writes it.

    Returns
    -------
    callable
        Takes exactly these types, which it does not check, and lets go of the interpreter's lock.
    """
    key = (source, signature)
    with _lock:
        found = _known.get(key)
        if found is None:
            if _ended:
                raise RuntimeError("The interpreter is about to end.")
            wide = _HEAD.sub(r"\g<0>\n    widest_vectors()", source, count=1)
            found = _known[key] = _from_disk(wide, signature) or _in_memory(wide, signature)
    return found


def native(function: Any) -> entries.Entry | None:
    """Return how machine code calls a compiled function; None if it was not compiled, or only Python can call it."""
    if function not in _entries:
        result = _results.get(function)
        if result is None:
            return None
        _entries[function] = entries.entry_of(result)
    return _entries[function]


def _entry(dispatcher: Any) -> Callable[..., None]:
    (result,) = dispatcher.overloads.values()
    # What the dispatcher would call after it has looked at the types, which are known here.
    _results[result.entry_point] = result
    return result.entry_point


def _in_memory(source: str, signature: str) -> Callable[..., None]:
    from numba import njit

    names = dict(vector_math.environment())
    for more in _MORE.values():
        if found := more.used(source):
            names.update(more.environment(found))
    if block.used(source):
        names.update(block.environment())
    exec(compile(source, "<funcnet loop>", "exec"), names)
    return _entry(njit(signature, nogil=True, error_model="numpy")(names["loop"]))


def _from_disk(source: str, signature: str) -> Callable[..., None] | None:
    """Return the function by way of a module on disk, next to which Numba keeps machine code; None if that fails."""
    import numba

    more = [(name, module.used(source)) for name, module in _MORE.items()]
    blocks = block.used(source)
    head = _HEADER + "".join([_WITH_MORE.format(name, found) for name, found in more if found])
    head += _WITH_BLOCKS if blocks else ""
    text = f"{head}\n@njit({signature!r}, nogil=True, error_model='numpy', cache=True)\n{source}"
    # Machine code calls the tile by a name, which another version does not have.
    functions = f"{vector_math.SOURCE}{vector_math.FLAGS}"
    versions = [_MORE[name].version(found) for name, found in more]
    versions += [block.version() if blocks else "", numba.__version__, sys.version, machine()]
    parts = (text, functions, *versions)
    name = "loop_" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    try:
        folder = cache_directory() / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.py"
        if not path.exists() or path.read_text() != text:
            write(path, text.encode())
    except (OSError, RuntimeError):
        # Nothing can be written there, or the user has no home: the loop is compiled in memory.
        return None
    try:
        return _load(name, path)
    except Exception:
        # Something in the cache is damaged: begin anew, once.
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(path, text.encode())
            return _load(name, path)
        except Exception:
            # If the loop itself is at fault, compiling it in memory says so.
            return None


def _load(name: str, path: Path) -> Callable[..., None]:
    spec = spec_from_file_location(f"funcnet_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Machine code that was written to disk looks for its module.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return _entry(module.loop)
