"""Names of backends, and the records behind them."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from funcnet.backends.backend import Backend
from funcnet.backends.changes import changed
from funcnet.backends.cupy import CupyBackend
from funcnet.backends.numpy import NumpyBackend
from funcnet.backends.strict import StrictBackend
from funcnet.backends.torch import TorchBackend
from funcnet.errors import BackendNotFoundError, BackendUnavailableError, ParameterError

__all__ = ["ENTRY_POINT_GROUP", "available", "get", "names", "record", "records", "register", "status", "unregister"]

#: The entry-point group in which a package names its backends: ``name = "package.module:BackendSubclass"``.
ENTRY_POINT_GROUP = "funcnet.backends"

_lock = RLock()
_factories: dict[str, Callable[[], Backend]] = {
    "numpy": NumpyBackend,
    "cupy": CupyBackend,
    "torch": TorchBackend,
    "strict": StrictBackend,
}
_records: dict[str, Backend] = {}
# Why a name that somebody registered has no record: the text of the exception.
_broken: dict[str, str] = {}
_plugins_loaded = False


def register(backend: Any, *, name: str | None = None, replace: bool = False) -> Any:
    """Make a backend known.

    Parameters
    ----------
    backend : Backend, subclass of Backend, or callable
        A record, or what makes one when it is first needed.
    name : str, optional
        Its name; the ``name`` of the record or the class where it is not given.
    replace : bool, optional
        Whether it may take the place of a backend of that name.

    Returns
    -------
    Backend, subclass of Backend, or callable
        What was passed in, so that this serves as a decorator of a class.

    Raises
    ------
    ParameterError
        It has no name, is neither a record nor makes one, or the name is taken.

    Examples
    --------
    >>> import funcnet.backends as backends
    >>> @backends.register
    ... class Mine(backends.Backend):
    ...     name = "mine"
    ...     module = namespace_module = "numpy"
    >>> "mine" in backends.names()
    True
    >>> backends.unregister("mine")
    """
    if not isinstance(backend, Backend) and not callable(backend):
        raise ParameterError(
            "Only a backend can be registered.",
            found=repr(backend),
            needed="a Backend, a subclass of it, or a callable that returns one",
        )
    name = name or getattr(backend, "name", "")
    if not isinstance(name, str) or not name or ":" in name:
        raise ParameterError(
            "A backend needs a name.",
            found=repr(name),
            needed="a string that is not empty and has no colon",
            write='register(backend, name="mine")',
        )
    with _lock:
        if name in _factories and not replace:
            raise ParameterError(
                f"A backend named {name!r} is registered already.",
                found=repr(_factories[name]),
                needed="another name, or leave to replace it",
                write=f'register(backend, name="{name}", replace=True)',
            )
        factory: Any = (lambda: backend) if isinstance(backend, Backend) else backend
        _factories[name] = factory
        _records.pop(name, None)
        _broken.pop(name, None)
        changed()
    return backend


def unregister(name: str) -> None:
    """Forget a backend.

    Parameters
    ----------
    name : str
        The name that it was registered under.

    Raises
    ------
    BackendNotFoundError
        If there is none of that name.

    Examples
    --------
    >>> from funcnet import backends
    >>> _ = backends.register(lambda: backends.record("numpy"), name="mine")
    >>> backends.unregister("mine")
    >>> "mine" in backends.names()
    False
    """
    with _lock:
        if name not in _factories:
            raise _not_found(name)
        del _factories[name]
        _records.pop(name, None)
        _broken.pop(name, None)
        changed()


def names() -> list[str]:
    """Return the names of all registered backends, usable here or not.

    Returns
    -------
    list of str
        In the order in which they were registered; `available` tells which of them can be used here.

    Examples
    --------
    >>> from funcnet import backends
    >>> backends.names()[:3]
    ['numpy', 'cupy', 'torch']
    """
    _load_plugins()
    return list(_factories)


def get(name: str) -> Backend:
    """Return the backend of that name, ready for use.

    Parameters
    ----------
    name : str
        Such as ``"cupy"``.

    Returns
    -------
    Backend

    Raises
    ------
    BackendNotFoundError
        No backend of that name is registered; the message lists those that are.
    BackendUnavailableError
        It cannot be used here; the message says why.

    Examples
    --------
    >>> import funcnet.backends as backends
    >>> backends.get("numpy").devices()
    ['cpu']
    """
    backend = record(name)
    reason = backend.probe()
    if reason is not None:
        raise _unavailable(name, reason, backend.install)
    return backend


def record(name: str) -> Backend:
    """Return the record of that name, whether or not its library can be used here.

    Parameters
    ----------
    name : str
        Such as ``"cupy"``.

    Returns
    -------
    Backend

    Raises
    ------
    BackendNotFoundError
        No backend of that name is registered; the message lists those that are.
    BackendUnavailableError
        The record itself cannot be made.

    Examples
    --------
    >>> from funcnet import backends
    >>> backends.record("cupy").module  # CuPy need not be installed
    'cupy'
    """
    try:
        return _records[name]
    except (KeyError, TypeError):
        pass
    if not isinstance(name, str):
        raise _not_found(name)
    if name not in _factories:
        _load_plugins()
    with _lock:
        found = _make(name)
    if found is None:
        if name in _broken:
            raise _unavailable(name, _broken[name], "")
        raise _not_found(name)
    return found


def records(*, plugins: bool = True) -> list[Backend]:
    """Return the records of all registered backends, usable here or not; those that cannot be made are left out.

    Parameters
    ----------
    plugins : bool, optional
        Whether to read the entry points first, unless they have been read already.
    """
    if plugins:
        _load_plugins()
    with _lock:
        return [found for name in _factories if (found := _make(name)) is not None]


def available() -> list[str]:
    """Return the names of the backends that can be used here.

    This imports every library that is registered, to see whether it works.

    Examples
    --------
    >>> import funcnet.backends as backends
    >>> "numpy" in backends.available()
    True
    """
    return [backend_name for backend_name, _ in _usable()]


def status() -> dict[str, str]:
    """Return what there is to say of each backend: ``"usable (version)"``, or why it cannot be used.

    This imports every library that is registered, to see whether it works.

    Examples
    --------
    >>> import funcnet.backends as backends
    >>> backends.status()["numpy"].startswith("usable (")
    True
    """
    usable = dict(_usable())
    with _lock:
        answer = {}
        for name in _factories:
            backend = _make(name)
            if name in usable:
                answer[name] = f"usable ({usable[name].version()})"
            elif backend is not None:
                answer[name] = str(backend.probe())
        return answer | _broken


def _usable() -> list[tuple[str, Backend]]:
    _load_plugins()
    with _lock:
        made = [(name, _make(name)) for name in list(_factories)]
    # Outside the lock: a probe imports a library, which takes seconds.
    return [(name, backend) for name, backend in made if backend is not None and backend.probe() is None]


def _make(name: str) -> Backend | None:
    """Return the record of that name, made if need be; ``None`` if there is none or it cannot be made."""
    found = _records.get(name)
    if found is not None or name not in _factories or name in _broken:
        return found
    try:
        found = _factories[name]()
        if not isinstance(found, Backend):
            raise TypeError(f"made {found!r}, which is no Backend")
    except Exception as error:
        _broken[name] = f"{type(error).__name__}: {error}"
        return None
    _records[name] = found
    return found


def _load_plugins() -> None:
    """Register what installed packages declare; what cannot be loaded is remembered with the reason."""
    global _plugins_loaded
    if _plugins_loaded:
        return
    with _lock:
        if _plugins_loaded:
            return
        _plugins_loaded = True
        from importlib.metadata import entry_points

        for entry in entry_points(group=ENTRY_POINT_GROUP):
            if entry.name in _factories:
                _broken[f"{entry.name} ({entry.value})"] = f"a backend named {entry.name!r} is registered already"
                continue
            try:
                register(entry.load(), name=entry.name)
            except Exception as error:
                _broken[entry.name] = f"{type(error).__name__}: {error}"


def _not_found(name: object) -> BackendNotFoundError:
    known = names()
    return BackendNotFoundError(
        f"There is no backend {name!r}.",
        found=repr(name),
        needed="one of " + ", ".join(repr(one) for one in known),
        write=f'fn.use_backend("{_meant(name, known)}")',
    )


#: What the backends are called elsewhere.
_SPELLINGS = {"cpu": "numpy", "cuda": "cupy", "gpu": "cupy", "np": "numpy", "pytorch": "torch"}


def _meant(name: object, known: list[str]) -> str:
    import difflib  # takes long

    lower = str(name).lower()
    return _SPELLINGS.get(lower) or next(iter(difflib.get_close_matches(lower, known, n=1)), known[0])


def _unavailable(name: str, reason: str, install: str) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"Backend {name!r} cannot be used here.", found=reason, needed="a working installation of it", write=install
    )
