"""Backends as parameters of tests.

One test body runs on every array library at hand, and on variants of them that catch what a library forgives: NumPy
arrays that may not be written, array_api_strict's made-up devices, and its strictest flags.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from funcnet.backends import Backend, get, names, record, use_backend
from funcnet.errors import BackendNotFoundError

__all__ = ["ENVIRONMENT", "BackendCase", "backend_cases", "backend_params", "case", "usable_backends"]

#: The environment variable that restricts the tests: names of backends or variants, with commas between them.
ENVIRONMENT = "FUNCNET_TEST_BACKENDS"


class BackendCase(NamedTuple):
    """One backend, as a test is to use it.

    Attributes
    ----------
    name : str
        What the test is called by, such as ``"numpy-readonly"``.
    backend_name : str
        The backend's own name.
    device : str or None
        Where arrays are made; ``None`` for the backend's default.
    readonly : bool
        Whether arrays that the case makes refuse to be written.
    flags : tuple of (str, object)
        Flags of array_api_strict that hold while the case is active.

    Examples
    --------
    >>> from funcnet.testing.backends import case
    >>> x = case("numpy-readonly").asarray([1.0, 2.0])
    >>> x.flags.writeable
    False
    """

    name: str
    backend_name: str
    device: str | None = None
    readonly: bool = False
    flags: tuple[tuple[str, Any], ...] = ()

    @property
    def backend(self) -> Backend:
        """The backend, ready for use."""
        return get(self.backend_name)

    @property
    def target(self) -> str:
        """What ``fn.device_put`` takes to put arrays where the case makes them."""
        return f"{self.backend_name}:{self.backend.device_name(self.device)}"

    @property
    def reason(self) -> str | None:
        """Why the case cannot run here, or ``None``."""
        return record(self.backend_name).probe()

    def dtypes(self) -> tuple[str, ...]:
        """Return the names of the data types that the case's arrays may have."""
        return self.backend.dtypes(self.device)

    def asarray(self, obj: Any, dtype: str | None = None) -> Any:
        """Make an array from nested lists, a Python scalar or a NumPy array, in memory of its own.

        Parameters
        ----------
        obj : array_like
            The values.
        dtype : str, optional
            Name of the data type; without it, NumPy's choice for `obj`, narrowed to what the device has.
        """
        host = np.asarray(obj)
        if dtype is None:
            dtype = _narrowed(host.dtype.name, self.dtypes())
        host = np.array(host, dtype=get("numpy").dtype(dtype))
        result = self.backend.from_numpy(host, self.device, copy=True)
        if self.readonly:
            result.flags.writeable = False
        return result

    def to_numpy(self, array: Any) -> np.ndarray:
        """Copy an array to NumPy."""
        return self.backend.to_numpy(array, copy=True)

    @contextmanager
    def active(self) -> Iterator["BackendCase"]:
        """Create arrays with this backend on this device, under these flags, within the ``with`` block."""
        with ExitStack() as stack:
            stack.enter_context(use_backend(self.backend_name, device=self.device))
            if self.flags:
                stack.enter_context(self.backend.library.ArrayAPIStrictFlags(**dict(self.flags)))
            yield self


# The variants of each backend besides the backend itself.
_VARIANTS = (
    BackendCase("numpy-readonly", "numpy", readonly=True),
    BackendCase("strict-device1", "strict", device="device1"),
    BackendCase("strict-no-x64", "strict", device="no_x64"),
    BackendCase("strict-flags", "strict", flags=(("boolean_indexing", False), ("data_dependent_shapes", False))),
)


def usable_backends() -> list[str]:
    """Return the names of the backends that can be used here, less those that the environment leaves out.

    Examples
    --------
    >>> from funcnet.testing.backends import usable_backends
    >>> "numpy" in usable_backends()
    True
    """
    return [one.name for one in backend_cases(variants=False) if one.reason is None]


def case(name: str) -> BackendCase:
    """Return the case of that name: a backend, or one of its variants.

    Raises
    ------
    BackendNotFoundError
        There is no such backend or variant; the message lists those that there are.
    """
    known = {one.name: one for one in _all_cases()}
    if name not in known:
        raise BackendNotFoundError(
            f"There is no backend or variant of one {name!r}.",
            found=repr(name),
            needed="one of " + ", ".join(repr(one) for one in known),
            write=f"{ENVIRONMENT}=numpy",
        )
    return known[name]


def backend_cases(*, variants: bool = True) -> list[BackendCase]:
    """Return the backends, and their variants, that the environment leaves in, whether or not they can be used here.

    A name of a backend in the environment variable stands for its variants too.
    """
    cases = [one for one in _all_cases() if variants or one.name == one.backend_name]
    wanted = [name.strip() for name in os.environ.get(ENVIRONMENT, "").split(",") if name.strip()]
    if not wanted:
        return cases
    for name in wanted:
        case(name)
    return [one for one in cases if one.name in wanted or one.backend_name in wanted]


def backend_params(*, variants: bool = True) -> list[Any]:
    """Return one ``pytest.param`` for each of `backend_cases`; those that cannot run here skip with the reason.

    Parameters
    ----------
    variants : bool, optional
        Whether to include the variants, such as ``"numpy-readonly"``.

    Examples
    --------
    >>> from funcnet.testing.backends import backend_params
    >>> [param.id for param in backend_params()][:2]
    ['numpy', 'numpy-readonly']
    """
    # Not at the top: programs that are no tests import this package too.
    import pytest

    params = []
    for one in backend_cases(variants=variants):
        reason = one.reason
        marks = [] if reason is None else [pytest.mark.skip(reason=f"backend {one.backend_name!r}: {reason}")]
        if one.backend_name == "cupy":
            marks.append(pytest.mark.gpu)
        params.append(pytest.param(one, id=one.name, marks=marks))
    return params


def _all_cases() -> list[BackendCase]:
    return [
        one
        for name in names()
        for one in (BackendCase(name, name), *(variant for variant in _VARIANTS if variant.backend_name == name))
    ]


def _narrowed(dtype: str, known: tuple[str, ...]) -> str:
    """Return `dtype`, or the one of half its size where the device does not have it."""
    narrow = {"float64": "float32", "complex128": "complex64", "int64": "int32", "uint64": "uint32"}
    return dtype if dtype in known else narrow.get(dtype, dtype)
