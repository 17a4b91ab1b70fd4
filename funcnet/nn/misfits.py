"""Errors that layers have in common: parameters of another layer, inputs that do not fit, sizes that are none."""

from __future__ import annotations

from operator import index
from typing import Any

from funcnet.errors import DtypeError, ParameterError

__all__ = ["foreign", "not_floating", "positive"]


def foreign(path: str, params: Any, needed: str, *, shape: str = "x.shape", what: str = "") -> ParameterError:
    """Return the error of the layer at `path` that got parameters of another one, which it shows with their shapes."""
    if isinstance(params, dict):
        found = "{" + ", ".join(_shown(name, value) for name, value in params.items()) + "}"
    else:
        found = type(params).__name__
    return ParameterError(
        f"Layer {path} got parameters that are not its own{what}.",
        found=found,
        needed=needed,
        write=f"params, state = layer.init(key, {shape}) with this very layer",
    )


def _shown(name: Any, value: Any) -> str:
    return f"{name!r}: {tuple(value.shape)}" if hasattr(value, "shape") else repr(name)


def not_floating(path: str, x: Any) -> DtypeError:
    """Return the error of the layer at `path` whose input is neither real nor complex floating-point."""
    return DtypeError(
        f"Layer {path} got an input that is not floating-point.",
        found=f"an array of dtype {x.dtype} and shape {tuple(x.shape)}",
        needed="a floating-point data type",
        write="xp.astype(x, xp.float32)",
    )


def positive(kind: str, n: Any, what: str = "the number of its output features") -> int:
    """Return a count as an integer; raise `ParameterError` unless it is at least 1."""
    try:
        found = 0 if isinstance(n, bool) else index(n)
    except TypeError:
        found = 0
    if found < 1:
        raise ParameterError(
            f"nn.{kind} takes {what}.", found=repr(n), needed="a positive integer", write=f"nn.{kind}(128)"
        )
    return found
