"""Trees of arrays in files of the safetensors format, which hold data and names and nothing to execute."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.core import Spec, Tracer
from funcnet.errors import DtypeError, MissingExtraError, SerializationError, TracerConversionError
from funcnet.serialize.names import names_of, nest

if TYPE_CHECKING:
    from types import ModuleType

    Path = str | os.PathLike[str]

__all__ = ["load", "metadata", "save"]

_VERSION = "1"

# Names of data types: funcnet's and the format's.
_CODES = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
}
_NAMES = {code: name for name, code in _CODES.items()}


def save(path: Path, params: Any, *, metadata: dict[str, str] | None = None) -> None:
    """Save a tree of arrays as a safetensors file.

    The arrays are called by their paths, such as ``dense_0.kernel`` and ``layers.0``, so that the file can be read by
    every program that knows the format. It appears under its name only when it is complete: if saving is interrupted,
    what was there before stays.

    Parameters
    ----------
    path : str or path
        The file, which is replaced if it is there.
    params : pytree of arrays
        Of any backend and device.
    metadata : dict of str to str, optional
        Kept in the file beside ``format`` and ``version``.

    Raises
    ------
    MissingExtraError
        If the package ``safetensors`` is not installed.
    SerializationError
        If a leaf is no array, has a data type that the format lacks, or cannot be named.

    References
    ----------
    The safetensors format, https://github.com/huggingface/safetensors.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from funcnet import serialize
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> serialize.save(path, {"dense_0": {"kernel": np.eye(2, dtype="float32")}})
    >>> serialize.load(path)
    {'dense_0': {'kernel': array([[1., 0.],
           [0., 1.]], dtype=float32)}}
    """
    _package()
    from safetensors.numpy import save as serialized

    leaves, structure = tree.flatten(params)
    names = names_of(structure)
    tensors = {name: _encoded(leaf, place) for name, leaf, place in zip(names, leaves, structure.paths(), strict=True)}
    _replace(os.path.realpath(path), _ordered(serialized(tensors, _checked(metadata))))


def load(path: Path, like: Any = None, *, backend: str | None = None, device: Any = None) -> Any:
    """Load a tree of arrays from a safetensors file.

    Parameters
    ----------
    path : str or path
        The file.
    like : pytree of arrays or Spec, optional
        The tree as it should be: names, shapes and data types are checked against it, and the result has its structure.
        Without it, the result is nested dicts with strings as keys.
    backend : str, optional
        The array library; the current one if omitted.
    device : str, int or device of the library, optional
        The device; the current one if neither this nor `backend` is given.

    Returns
    -------
    pytree of arrays
        Arrays of their own; nothing of `like` is written to.

    Raises
    ------
    MissingExtraError
        If the package ``safetensors`` is not installed.
    FileNotFoundError
        If there is no such file.
    SerializationError
        If the file is not of the format, or does not match `like`; names the path in the tree.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from funcnet import serialize
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> serialize.save(path, {"layers": [np.zeros(2), np.ones(2)]})
    >>> serialize.load(path, like={"layers": [np.empty(2), np.empty(2)]})
    {'layers': [array([0., 0.]), array([1., 1.])]}
    """
    tensors, _ = _read(path)
    context = backends.current()
    target = context.backend if backend is None else backends.get(backend)
    place = context.device if backend is None and device is None else device
    if like is None:
        return nest([(name, _decoded(tensors[name], name, target, place, path)) for name in tensors], str(path))
    wanted, structure = tree.flatten(like)
    names, paths = names_of(structure), structure.paths()
    _check_names(tensors, dict(zip(names, paths, strict=True)), path)
    leaves = []
    for name, where, leaf in zip(names, paths, wanted, strict=True):
        _check_like(tensors[name], leaf, where or "the root", path)
        leaves.append(_decoded(tensors[name], name, target, place, path))
    return tree.unflatten(structure, leaves)


def metadata(path: Path) -> dict[str, str]:
    """Return what a safetensors file says of itself.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    dict of str to str
        For a file that `save` wrote: ``format``, ``version`` and what was given to it.

    Raises
    ------
    MissingExtraError, FileNotFoundError, SerializationError
        As by `load`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from funcnet import serialize
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> serialize.save(path, np.zeros(2), metadata={"task": "digits"})
    >>> serialize.metadata(path) == {"format": "funcnet", "version": "1", "task": "digits"}
    True
    """
    return _read(path)[1]


def _package() -> ModuleType:
    try:
        import safetensors
    except ImportError as error:
        raise MissingExtraError(
            "Saving and loading need the package safetensors.",
            found=f"{type(error).__name__}: {error}",
            needed="the extra io",
            write='pip install "funcnet[io]"',
        ) from error
    return safetensors


def _checked(metadata: dict[str, str] | None) -> dict[str, str]:
    given = {} if metadata is None else dict(metadata)
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, str) or key in ("format", "version"):
            raise SerializationError(
                "Metadata of a file cannot hold this entry.",
                found=f"{key!r}: {value!r}",
                needed="strings, and keys other than 'format' and 'version'",
                write="str(value), or json.dumps(value)",
            )
    return {"format": "funcnet", "version": _VERSION, **given}


def _encoded(leaf: Any, place: str) -> np.ndarray:
    if isinstance(leaf, Tracer):
        raise TracerConversionError(
            f"The array at {place or 'the root'} cannot be saved inside a transformation.",
            found=repr(leaf),
            needed="a plain array",
            write="serialize.save(path, params) after the transformation has returned",
        )
    backend = backends.backend_of_type(type(leaf))
    if backend is None:
        raise SerializationError(
            f"The leaf at {place or 'the root'} is no array.",
            found=f"{type(leaf).__name__}: {leaf!r}",
            needed="an array of a registered backend",
            write="xp.asarray(value)",
        )
    name = backend.dtype_name(leaf.dtype)
    if name not in _CODES:
        raise SerializationError(
            f"The array at {place or 'the root'} has a data type that safetensors files lack.",
            found=name,
            needed="one of " + ", ".join(_CODES),
            write="{'real': xp.real(z), 'imag': xp.imag(z)} in place of a complex array z",
        )
    return np.asarray(backend.to_numpy(leaf), order="C")


def _ordered(content: bytes) -> bytes:
    """Sort the metadata, which the package writes in any order, so that equal trees give equal files."""
    import json

    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    # Data begin at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def _replace(path: str, content: bytes) -> None:
    """Write a file such that it is there as a whole or not at all."""
    partial = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise
    _sync_directory(os.path.dirname(path))


def _sync_directory(path: str) -> None:
    # The name is on the disk only when its directory is. Windows cannot open directories, and needs no such thing.
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    package = _package()
    with open(path, "rb") as file:
        content = file.read()
    try:
        tensors = dict(package.deserialize(content))
        about = _metadata_of(content)
    except Exception as error:
        raise SerializationError(
            f"{os.fspath(path)} cannot be read as a safetensors file.",
            found=f"{len(content)} bytes, {type(error).__name__}: {error}",
            needed="a complete file that serialize.save or another program wrote in that format",
        ) from error
    if about.get("format") == "funcnet" and about.get("version") != _VERSION:
        raise SerializationError(
            f"{os.fspath(path)} was written by another version of funcnet.",
            found=f"version {about.get('version')!r} of the file",
            needed=f"version {_VERSION!r}",
            write="pip install --upgrade funcnet",
        )
    return tensors, about


def _metadata_of(content: bytes) -> dict[str, str]:
    import json

    # The package has checked the header, but gives its metadata for open files only.
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]).get("__metadata__") or {}


def _decoded(tensor: dict[str, Any], name: str, backend: backends.Backend, device: Any, path: Path) -> Any:
    dtype = _NAMES.get(tensor["dtype"])
    if dtype is None or dtype not in backend.dtypes(device):
        raise SerializationError(
            f"The array {name!r} in {os.fspath(path)} has a data type that the backend {backend.name!r} lacks.",
            found=dtype or tensor["dtype"],
            needed="one of " + ", ".join(n for n in _CODES if n in backend.dtypes(device)),
            write='load(path, backend="torch") for data types that only PyTorch has',
        )
    try:
        native = backends.get("numpy").dtype(dtype)
    except DtypeError as error:
        raise SerializationError(
            f"The array {name!r} in {os.fspath(path)} has a data type that cannot be read here.", found=dtype
        ) from error
    host = np.frombuffer(bytearray(tensor["data"]), dtype=native.newbyteorder("<")).astype(native, copy=False)
    return backend.from_numpy(host.reshape(tensor["shape"]), device)


def _check_names(tensors: dict[str, Any], wanted: dict[str, str], path: Path) -> None:
    missing = [place or "the root" for name, place in wanted.items() if name not in tensors]
    extra = [name for name in tensors if name not in wanted]
    if missing or extra:
        found = [f"no array for {_some(missing)}"] if missing else []
        found += [f"arrays that belong nowhere: {_some(sorted(extra))}"] if extra else []
        raise SerializationError(
            f"{os.fspath(path)} does not match the tree.",
            found="; ".join(found),
            needed=f"exactly the arrays {_some(list(wanted))}",
            write="load(path) to see what the file holds",
        )


def _check_like(tensor: dict[str, Any], leaf: Any, place: str, path: Path) -> None:
    backend = leaf.backend if isinstance(leaf, Spec) else backends.backend_of_type(type(leaf))
    if backend is None:
        raise SerializationError(
            f"The leaf of `like` at {place} is neither array nor Spec.",
            found=type(leaf).__name__,
            needed="an array or a Spec",
            write="fn.Spec(shape, dtype)",
        )
    found = tuple(tensor["shape"]), _NAMES.get(tensor["dtype"], tensor["dtype"])
    needed = tuple(leaf.shape), backend.dtype_name(leaf.dtype)
    if found != needed:
        what = "shape" if found[0] != needed[0] else "data type"
        raise SerializationError(
            f"The {what} of the array at {place} in {os.fspath(path)} does not match.",
            found=f"{found[1]} of shape {found[0]}",
            needed=f"{needed[1]} of shape {needed[0]}",
            write="load(path) and xp.astype, if the array is to be converted" if what == "data type" else "",
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
