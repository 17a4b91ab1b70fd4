"""Derivatives at points where libraries differ, computed in one run and printed as a table.

``python -m benchmarks.nasty_points [--write]``
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import funcnet as fn
from benchmarks.nasty_rows import POINTS as POINTS
from benchmarks.nasty_rows import Point as Point
from funcnet import xp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LIBRARIES", "POINTS", "Library", "Point", "autograd", "funcnet", "jax", "main", "page", "right", "torch"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "nasty_points.md"
#: Relative error up to which a value counts as right.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


class Library(NamedTuple):
    """A library's functions, and how it differentiates."""

    name: str
    version: str
    functions: Any
    array: Callable[[Any], Any]
    #: ``gradient(f)`` is a function that returns the gradient of ``f``, to be differentiated again.
    gradient: Callable[[Any], Any]
    to_numpy: Callable[[Any], Any]
    #: The same for functions that may be constant; `gradient` without one.
    second: Callable[[Any], Any] | None = None


def funcnet() -> Library:
    """Return funcnet itself."""
    m = SimpleNamespace(**{name: getattr(xp, name) for name in _SAME}, ones=xp.ones_like)
    m.norm, m.det, m.polar = xp.linalg.vector_norm, xp.linalg.det, lambda x: _polar(xp.linalg.svd, x)
    m.like = lambda x, values: xp.asarray(values, dtype=x.dtype)
    m.unique_values, m.arange, m.linspace = xp.unique_values, xp.arange, xp.linspace
    m.eigenprojector = lambda x: _projector(xp.linalg.eigh(x).eigenvectors)
    m.ratios = lambda x: xp.real(_ratios(xp.linalg.eig(x).eigenvectors))
    _add(m, xp, xp.special)
    return Library("funcnet", fn.__version__, m, lambda x: x, fn.grad, np.asarray)


def jax() -> Library:
    """Return JAX, with double precision."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    library = import_module("jax")
    library.config.update("jax_enable_x64", True)
    jnp = import_module("jax.numpy")
    m = SimpleNamespace(**{name: getattr(jnp, name) for name in _SAME}, ones=jnp.ones_like)
    m.norm, m.det, m.polar = jnp.linalg.norm, jnp.linalg.det, lambda x: _polar(jnp.linalg.svd, x)
    m.like = lambda x, values: jnp.asarray(values, dtype=x.dtype)
    m.unique_values, m.arange, m.linspace = jnp.unique_values, jnp.arange, jnp.linspace
    m.eigenprojector = lambda x: _projector(jnp.linalg.eigh(x)[1])
    m.ratios = lambda x: jnp.real(_ratios(jnp.linalg.eig(x)[1]))
    _add(m, jnp, import_module("jax.scipy.special"), import_module("jax.nn"))
    return Library("JAX", version("jax"), m, jnp.asarray, library.grad, np.asarray)


def torch() -> Library:
    """Return PyTorch."""
    library = import_module("torch")
    names = {name: getattr(library, name) for name in _SAME if name not in ("clip", "std")}
    m = SimpleNamespace(**names, clip=library.clamp, ones=library.ones_like)
    m.std = lambda x: library.std(x, correction=0)
    m.norm, m.det, m.polar = library.linalg.vector_norm, library.linalg.det, lambda x: _polar(library.linalg.svd, x)
    m.like = lambda x, values: library.tensor(values, dtype=x.dtype)
    m.unique_values = library.unique
    m.arange, m.linspace = library.arange, library.linspace
    m.eigenprojector = lambda x: _projector(library.linalg.eigh(x)[1])
    m.ratios = lambda x: library.real(_ratios(library.linalg.eig(x)[1]))
    _add(m, library, library.special)
    m.log_softmax = lambda x, axis: library.log_softmax(x, axis)

    def gradient(f: Callable[[Any], Any], constant: bool = False) -> Callable[[Any], Any]:
        def differentiated(x: Any) -> Any:
            x.requires_grad_()
            y = f(x)
            if constant and not y.requires_grad:
                return library.zeros_like(x)
            return library.autograd.grad(y, x, create_graph=True, materialize_grads=constant)[0]

        return differentiated

    def second(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        # PyTorch refuses what does not depend on x, as the gradient of a linear function does not.
        return gradient(f, constant=True)

    return Library("PyTorch", version("torch"), m, library.tensor, gradient, lambda x: x.numpy(force=True), second)


def autograd() -> Library:
    """Return HIPS autograd."""
    library = import_module("autograd")
    anp = import_module("autograd.numpy")
    m = SimpleNamespace(**{name: getattr(anp, name) for name in _SAME if name not in ("hypot", "atan2")})
    m.atan2, m.ones = anp.arctan2, anp.ones_like  # there is no hypot
    m.norm, m.det, m.polar = anp.linalg.norm, anp.linalg.det, lambda x: _polar(anp.linalg.svd, x)
    m.like = lambda x, values: np.asarray(values, dtype=x.dtype)
    m.unique_values, m.arange, m.linspace = anp.unique, anp.arange, anp.linspace
    m.eigenprojector = lambda x: _projector(anp.linalg.eigh(x)[1])
    m.ratios = lambda x: anp.real(_ratios(anp.linalg.eig(x)[1]))
    _add(m, anp, import_module("autograd.scipy.special"))
    return Library("autograd", version("autograd"), m, lambda x: x, library.grad, np.asarray)


#: What has one name and one meaning everywhere.
_SAME = "abs atan2 clip hypot log logaddexp max maximum prod sqrt std sum where".split()


#: What not every library has; the rest of the table says so.
_SOME = "betainc erfcx gammainc log_ndtr log_softmax sinc".split()


def _add(m: SimpleNamespace, *places: Any) -> None:
    for name in _SOME:
        found = next((getattr(place, name) for place in places if hasattr(place, name)), None)
        if found is not None:
            setattr(m, name, found)


def _polar(svd: Callable[..., Any], x: Any) -> Any:
    u, _, vh = svd(x, full_matrices=False)
    return u @ vh


def _projector(v: Any) -> Any:
    return v @ v.T


def _ratios(v: Any) -> Any:
    return v[0, :] / v[1, :]


LIBRARIES: tuple[Callable[[], Library], ...] = (funcnet, jax, torch, autograd)


def derivatives(library: Library, point: Point, dtype: str) -> list[Any]:
    """Return the first derivative and, where one is wanted, the second; the exception in place of what is refused."""

    def f(x: Any) -> Any:
        return point.function(library.functions, x)

    at = np.asarray(point.at, dtype)
    weights = np.asarray(np.ones_like(at) if point.weights is None else point.weights, dtype)
    gradient = library.gradient(f)
    wanted: list[Callable[[Any], Any]] = [gradient]
    if point.second is not None and dtype in point.second_dtypes:
        second = library.second or library.gradient
        wanted.append(second(lambda x: library.functions.sum(library.array(weights) * gradient(x))))
    found: list[Any] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Values at these points overflow or are undefined, of which libraries warn.
        warnings.simplefilter("ignore")
        for derivative in wanted:
            try:
                found.append(library.to_numpy(derivative(library.array(at))))
            except Exception as error:  # whatever a library raises is what the table shows
                found.append(error)
    return found


def right(found: Any, wanted: Any, dtype: str) -> bool:
    """Whether a derivative is the wanted one, up to rounding."""
    if isinstance(found, Exception):
        return False
    tolerance = TOLERANCE.get(dtype) or TOLERANCE["float64" if dtype == "complex128" else "float32"]
    wanted = np.asarray(wanted)
    scale = float(np.max(np.abs(wanted))) or 1.0
    with np.errstate(all="ignore"):
        difference = np.max(np.abs(np.asarray(found).astype(wanted.dtype) - wanted))
    return bool(np.shape(found) == wanted.shape and difference <= tolerance * scale)


def page(libraries: Sequence[Library], missing: Sequence[str], command: str) -> str:
    """Return the table as a page in markdown."""
    used = ", ".join(f"{one.name} {one.version}" for one in libraries)
    lines = [
        "# Derivatives at nasty points",
        "",
        f"Made by `{command}`, in one run, with {used} and NumPy {np.__version__}.",
        "",
        "Each row is a function of an array and a point. *First* is the gradient there; *second*, where there is one",
        "to want, is the gradient of the inner product of the first and fixed weights. What differs from the wanted",
        "value is in bold; *refused* names the exception. Some of these are conventions, at kinks and for complex",
        "numbers, others are errors; the docstrings say what funcnet does and why.",
        *(["", f"Not installed where this was made: {', '.join(missing)}."] if missing else []),
        "",
        "| point | dtype | order | wanted | " + " | ".join(one.name for one in libraries) + " |",
        "|---" * (4 + len(libraries)) + "|",
    ]
    for point in POINTS:
        for dtype in point.dtypes:
            columns = [derivatives(one, point, dtype) for one in libraries]
            for order in range(len(columns[0])):
                wanted = (point.first, point.second)[order]
                cells = [_cell(column[order], wanted, dtype) for column in columns]
                name = ("first", "second")[order]
                row = [point.name.replace("|", "\\|"), dtype, name, _text(np.asarray(wanted)), *cells]
                lines.append("| " + " | ".join(row) + " |")
    return "\n".join([*lines, ""])


def _cell(found: Any, wanted: Any, dtype: str) -> str:
    if isinstance(found, AttributeError):
        return "no such function"
    if isinstance(found, Exception):
        return f"**refused ({type(found).__name__})**"
    text = _text(found)
    return text if right(found, wanted, dtype) else f"**{text}**"


def _text(values: Any) -> str:
    numbers = np.asarray(values).ravel()
    finite = np.abs(numbers[np.isfinite(numbers)])
    # Rounding errors beside larger numbers are shown as 0.
    least = (1e-6 if numbers.dtype.itemsize == 4 else 1e-12) * float(finite.max(initial=0.0))
    return ", ".join(_number(v if not abs(v) <= least else 0.0) for v in numbers.tolist())


def _number(value: complex) -> str:
    if isinstance(value, complex):
        return f"{value.real:.4g}{value.imag:+.4g}i"
    return f"{value:.4g}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; the exit status says whether every value of funcnet is the wanted one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nasty_points", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="save the page as docs/nasty_points.md")
    options = parser.parse_args(argv)
    libraries: list[Library] = []
    missing: list[str] = []
    for make in LIBRARIES:
        try:
            libraries.append(make())
        except ImportError:
            missing.append(make.__name__)
    text = page(libraries, missing, "python -m benchmarks.nasty_points --write")
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    ours = libraries[0]
    bad = 0
    for point in POINTS:
        for dtype in point.dtypes:
            pairs = zip(derivatives(ours, point, dtype), (point.first, point.second), strict=False)
            for order, (found, wanted) in enumerate(pairs, 1):
                if not right(found, wanted, dtype):
                    bad += 1
                    print(f"WRONG {point.name}, {dtype}, order {order}: {found}", file=sys.stderr)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
