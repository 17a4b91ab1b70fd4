"""Loops compiled by Numba, once for each source, dtype and machine: kept in memory and on disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from funcnet.compiler.loops import vector_math

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["available", "cache_directory", "compiled", "forget_locks"]

_HEADER = """from numba import njit
from funcnet.compiler.loops.vector_math import environment
globals().update(environment())

"""
_lock = Lock()
_known: dict[tuple[str, str], Any] = {}


def available() -> str:
    """Return why loops cannot be compiled here, or an empty string."""
    if os.environ.get("FUNCNET_JIT") == "0":
        return "FUNCNET_JIT=0"
    return "" if find_spec("numba") is not None else 'Numba is not installed (pip install "funcnet[jit]")'


def cache_directory() -> Path:
    """Return where compiled loops are kept: ``FUNCNET_CACHE_DIR``, or ``funcnet`` in the user's cache directory."""
    named = os.environ.get("FUNCNET_CACHE_DIR")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "funcnet"


def forget_locks() -> None:
    """Make the lock anew in a process that was forked while a thread may have held it."""
    global _lock
    _lock = Lock()


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
            found = _known[key] = _from_disk(source, signature) or _in_memory(source, signature)
    return found


def _entry(dispatcher: Any) -> Callable[..., None]:
    (result,) = dispatcher.overloads.values()
    # What the dispatcher would call after it has looked at the types, which are known here.
    return result.entry_point


def _in_memory(source: str, signature: str) -> Callable[..., None]:
    from numba import njit

    names = dict(vector_math.environment())
    exec(compile(source, "<funcnet loop>", "exec"), names)
    return _entry(njit(signature, nogil=True, error_model="numpy")(names["loop"]))


def _from_disk(source: str, signature: str) -> Callable[..., None] | None:
    """Return the function by way of a module on disk, next to which Numba keeps machine code; None if that fails."""
    import numba

    text = _HEADER + f"@njit({signature!r}, nogil=True, error_model='numpy', cache=True)\n{source}"
    parts = (text, vector_math.SOURCE, numba.__version__, sys.version, _machine())
    name = "loop_" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    try:
        folder = cache_directory() / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.py"
        if not path.exists() or path.read_text() != text:
            _write(path, text)
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
            _write(path, text)
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


def _write(path: Path, text: str) -> None:
    """Write a file such that no other process sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _machine() -> str:
    from llvmlite import binding

    return f"{binding.get_default_triple()} {binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
