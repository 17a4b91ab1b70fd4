"""Airspeed velocity's suites: every benchmark runs once on NumPy, with the first values of its parameters."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_MODULES = (
    "batches",
    "compiled_convolutions",
    "compiled_functions",
    "compiled_steps",
    "convolutions",
    "dispatch",
    "followed_products",
    "gradients",
    "jit",
    "memory",
    "models",
    "optimizers",
    "random",
    "team",
)


def _suites() -> list[Any]:
    found = []
    for name in _MODULES:
        module = import_module(f"benchmarks.suites.{name}")
        for label, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__:
                found.append(pytest.param(cls, id=f"{name}.{label}"))
    return found


def _first(parameters: Any) -> tuple[Any, ...]:
    if not parameters:
        return ()
    return tuple(values[0] for values in parameters) if isinstance(parameters[0], tuple) else (parameters[0],)


@pytest.mark.parametrize("cls", _suites())
def test_every_benchmark_runs(cls: Any) -> None:
    values = _first(getattr(cls, "params", ()))
    names = [name for name, _ in inspect.getmembers(cls, inspect.isfunction) if name.startswith(("time_", "peakmem_"))]
    assert names
    for name in names:
        suite = cls()
        suite.setup(*values)
        getattr(suite, name)(*values)
        if hasattr(suite, "teardown"):
            suite.teardown(*values)


def test_a_backend_that_is_absent_is_skipped() -> None:
    from benchmarks.suites.common import OnBackend

    suite = OnBackend()
    with pytest.raises(NotImplementedError, match="the no_such_library backend cannot be used here"):
        suite.setup("no_such_library")
    suite.teardown("no_such_library")


def test_statements_of_the_import_suite_run() -> None:
    module = import_module("benchmarks.suites.imports")
    for name, function in inspect.getmembers(module, inspect.isfunction):
        assert name.startswith("timeraw_")
        subprocess.run([sys.executable, "-c", inspect.cleandoc(function())], check=True, cwd=_ROOT)
