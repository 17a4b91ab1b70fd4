"""Files that hold machine code, and what it depends on."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["cache_directory", "keep", "kept", "machine", "numba_version", "write"]


def cache_directory() -> Path:
    """Return where compiled loops are kept: ``FUNCNET_CACHE_DIR``, or ``funcnet`` in the user's cache directory."""
    named = os.environ.get("FUNCNET_CACHE_DIR")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "funcnet"


def machine() -> str:
    """Return a text that differs where machine code does: the processor, and LLVM."""
    from llvmlite import __version__, binding

    features = binding.get_host_cpu_features().flatten()
    return f"{__version__} {binding.get_default_triple()} {binding.get_host_cpu_name()} {features}"


@cache
def numba_version() -> str:
    """Return the version of Numba, which takes long to import, by what installers write beside it."""
    spec = find_spec("numba")
    if spec is not None and spec.origin is not None:
        beside = list(Path(spec.origin).parents[1].glob("numba-*.dist-info"))
        if len(beside) == 1:
            return beside[0].name.removeprefix("numba-").removesuffix(".dist-info")
    import numba

    return numba.__version__


def write(path: Path, content: bytes) -> None:
    """Write a file such that no other process sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def keep(name: str, content: bytes) -> None:
    """Write a file of the cache, with a digest of its content; do nothing where nothing can be written."""
    try:
        folder = cache_directory()
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / name, hashlib.sha256(content).digest() + content)
    except (OSError, RuntimeError):
        # Nothing can be written there, or the user has no home: the next process makes it anew.
        return


def kept(name: str) -> bytes | None:
    """Return the content of a file of the cache; None if it is not there, or is not what was written."""
    try:
        found = (cache_directory() / name).read_bytes()
    except (OSError, RuntimeError):
        return None
    content = found[32:]
    return content if hashlib.sha256(content).digest() == found[:32] else None
