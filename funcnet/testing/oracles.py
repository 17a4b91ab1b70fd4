"""Other libraries as oracles of tests, imported by the tests that compare with them and not before."""

import importlib
from typing import Any, NoReturn

__all__ = ["oracle"]

_NAMES = {"jax": "JAX", "torch": "PyTorch"}


class _Oracle:
    """Stands for a module; the first use of one of its attributes imports it."""

    def __init__(self, name: str, reason: str) -> None:
        self._name, self._reason = name, reason

    def __getattr__(self, attribute: str) -> Any:
        # pytest asks what it collects for attributes of its own; no test needs those of the other library.
        if attribute.startswith(("_", "pytest")):
            raise AttributeError(attribute)
        try:
            module = importlib.import_module(self._name)
        except ImportError:
            return _Absent(self._reason)
        value = getattr(module, attribute)
        setattr(self, attribute, value)
        return value


class _Absent:
    """Stands for an attribute of a module that is not installed; calling it skips the test."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, attribute: str) -> "_Absent":
        if attribute.startswith(("_", "pytest")):
            raise AttributeError(attribute)
        return _Absent(self._reason)

    def __instancecheck__(self, _: object) -> bool:
        return False

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        import pytest

        pytest.skip(self._reason, allow_module_level=True)


def oracle(name: str, reason: str | None = None) -> Any:
    """Return what stands for a module in tests: its attributes are the module's.

    A test module that imports PyTorch makes pytest load it in every process, whichever tests run, and fails where it is
    not installed. With this the tests that call the library skip there, and the others of the module run. A call
    outside of a test skips the whole module.

    Parameters
    ----------
    name : str
        The module's name, such as ``"torch.nn.functional"``.
    reason : str, optional
        What a skipped test says; by default, that the library is the oracle of the test.

    Returns
    -------
    Any
        A stand-in for the module.

    Examples
    --------
    >>> from funcnet.testing.oracles import oracle
    >>> oracle("math").isclose(oracle("cmath").pi, 3.141592653589793)
    True
    """
    library = name.partition(".")[0]
    return _Oracle(name, reason or f"{_NAMES.get(library, library)} is the oracle of this test")
