"""Loops as machine code, once for each source, type and machine: kept in memory and on disk.

A file on disk is an object that LLVM's linker brings into memory (`link.py`). Only what is not there yet is compiled,
and only for that Numba is imported (`machine_code.py`).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels import block, lanes, panels, pool_code, tile
from funcnet.compiler.loops import intrinsics, link, row_math
from funcnet.compiler.loops.store import cache_directory, keep, kept, machine, numba_version
from funcnet.compiler.team import atomics
from funcnet.compiler.team.entries import DATA, Kernel, kinds_of
from funcnet.compiler.team.routines import routine_at

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["available", "cache_directory", "compiled", "end", "forget_locks", "routine"]

_HEAD = re.compile(r"^def loop\(.*\):$", re.MULTILINE)
_INSTRUCTIONS = (block.INSTRUCTION, lanes.INSTRUCTION, pool_code.INSTRUCTION)
#: Variables of the environment that change what Numba makes.
_SETTING = re.compile(r"NUMBA_(?!NUM_THREADS|CACHE_DIR)")
_lock = Lock()
_ended = False
_known: dict[tuple[str, str], Any] = {}


def available() -> str:
    """Return why loops cannot be compiled here, or an empty string."""
    if os.environ.get("FUNCNET_JIT") == "0":
        return "FUNCNET_JIT=0"
    return "" if find_spec("numba") is not None else 'Numba is not installed (pip install "funcnet[jit]")'


def forget_locks() -> None:
    """Make the locks anew in a process that was forked while a thread may have held them."""
    global _lock
    _lock = Lock()
    link.forget_locks()


def end() -> None:
    """Compile nothing from now on: a plan of many loops would keep an interpreter from ending for long."""
    global _ended
    _ended = True


def compiled(source: str, signature: str) -> Kernel:
    """Return the function ``loop`` of a source, compiled for the given types of its arguments.

    Parameters
    ----------
    source : str
        Defines ``loop``.
    signature : str
        Its type, as Numba writes it: ``void`` of three int64, then arrays, float64, int64 and booleans.

    Returns
    -------
    Kernel
        Takes exactly these types, which it does not check, and lets go of the interpreter's lock.
    """
    return _found(source, signature, lambda address: Kernel(address, kinds_of(signature)))


def routine(source: str, count: int, *, locked: bool = False) -> Callable[..., int]:
    """Return the function ``loop`` of a source, of so many int64 with an integer as its result, for Python to call.

    It does not check what it is given, and lets go of the interpreter's lock unless it is to stay `locked`.
    """
    return _found(source, f"{'int32' if locked else 'int64'}({', '.join(['int64'] * count)})", routine_at)


def _found(source: str, signature: str, wrapped: Callable[[int], Any]) -> Any:
    key = (source, signature)
    with _lock:
        found = _known.get(key)
        if found is None:
            if _ended:
                raise RuntimeError("The interpreter is about to end.")
            wide = _HEAD.sub(r"\g<0>\n    widest_vectors()", source, count=1)
            found = _known[key] = wrapped(_address(wide, signature))
    return found


def _address(source: str, signature: str) -> int:
    """Return the address of a loop's entry, brought from disk or compiled."""
    manifest = _manifest(source, signature).encode()
    digest = hashlib.sha256(manifest).hexdigest()[:32]
    name = f"funcnet_{digest}"
    content = kept(f"loop_{digest}")
    if content is not None and content.startswith(manifest):
        try:
            return link.linked(content[len(manifest) :], [name], tile.symbols(_tiles(source)))[0]
        except RuntimeError:
            # It calls what only Numba has, or not even Numba.
            pass
    from funcnet.compiler.loops import machine_code  # imports Numba

    address, code = machine_code.made(source, signature, name, callable=not signature.startswith("void"))
    keep(f"loop_{digest}", manifest + code)
    return address


def _tiles(source: str) -> tuple[str, ...]:
    """Return which functions of tiles a source calls, itself or in products."""
    return (*tile.used(source), *[f"tile_{name[-2:]}" for name in panels.used(source)])


def _manifest(source: str, signature: str) -> str:
    """Return a text of all that machine code depends on; it stands before the code, and its digest is the file's name.

    Machine code calls the tile by a name, which another version does not have.
    """
    parts = [
        *_circumstances(),
        f"tiles {tile.version(tile.used(source))}",
        f"products {panels.version(panels.used(source))}",
        *[f"{i.name} {i.version() if i.used(source) else ''}" for i in _INSTRUCTIONS],
        f"type {signature}",
        f"source {hashlib.sha256(source.encode()).hexdigest()}",
    ]
    return "\n".join([*parts, ""])


@cache
def _circumstances() -> tuple[str, ...]:
    """Return what all loops of this process depend on."""
    folder = Path(__file__).parent
    files = [Path(m.__file__ or "") for m in (row_math, intrinsics, atomics)]
    files += [folder / "machine_code.py", folder.parent / "team" / "entry_code.py"]
    texts = "\n".join([intrinsics.SOURCE, *[f.read_text(encoding="utf-8") for f in files]])
    return (
        "funcnet loop",
        f"written by {hashlib.sha256(texts.encode()).hexdigest()}",
        f"numba {numba_version()}",
        f"machine {machine()}",
        f"python {sys.version} {DATA}".replace("\n", " "),
        f"settings {' '.join([f'{k}={v}' for k, v in sorted(os.environ.items()) if _SETTING.match(k)])}",
    )
