"""What blocks and stacks of transformers do: parts around a sum, one after the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.core import Spec
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.children import observed
from funcnet.nn.dropout import dropout as dropout_layer
from funcnet.nn.layer import Layer, layer_path, of_kind, scope
from funcnet.nn.misfits import foreign
from funcnet.nn.normalization import layer_norm, rms_norm
from funcnet.nn.spec import as_spec, beside

if TYPE_CHECKING:
    from collections.abc import Callable

    Init = Callable[..., Any]

__all__ = ["block_of", "features_in", "norm_of", "stack_of"]

_NORMS = {"layer": layer_norm, "rms": rms_norm}


def block_of(what: str, parts: dict[str, Layer], norm: Layer, pre_norm: bool, dropout: float) -> Layer:
    """Return the layer that adds what each part makes of its input to it, normalised before or after."""
    drop = dropout_layer(dropout)
    names = [name for part in parts for name in (part, f"{part}_norm")]
    remembers = "cross" in parts

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path(what)
        params, state = {}, {}
        with beside(key):
            x, memory = _with_memory(as_spec(spec), remembers, path)
            features_in(x, path)
            for i, (name, layer) in enumerate(parts.items()):
                with scope(f"{path}.{name}"):
                    own = random.fold_in(key, i)
                    params[name], s = layer.init(own, (x, memory) if name == "cross" else x)
                    params[f"{name}_norm"], _ = norm.init(own, x)
                if s:
                    state[name] = s
        return params, state

    def apply(
        params: Any,
        state: Any,
        x: Any,
        *,
        mask: Any = None,
        memory_mask: Any = None,
        key: Any = None,
        train: bool = False,
    ) -> tuple[Any, Any]:
        path = layer_path(what)
        _check_names(path, params, names)
        masks = {"attention": {"mask": mask}, "cross": {"mask": memory_mask}}
        x, memory = _with_memory(x, remembers, path)
        after: dict[str, Any] = {}
        for i, (name, layer) in enumerate(parts.items()):
            own = None if key is None or not dropout else random.fold_in(key, i)
            keys = (None, None) if own is None else (random.fold_in(own, 0), random.fold_in(own, 1))

            def normalised(x: Any, at: str = f"{name}_norm") -> Any:
                return observed(f"{path}.{at}", norm, params[at], {}, x, key=None, train=train)[0]

            h = normalised(x) if pre_norm else x
            h = (h, memory) if name == "cross" else h
            part = layer._replace(apply=partial(layer.apply, **masks[name])) if name in masks else layer
            h, s = observed(f"{path}.{name}", part, params[name], state.get(name, {}), h, key=keys[0], train=train)
            h, _ = drop.apply({}, {}, h, key=keys[1], train=train)
            # What is traced to the left: not every library lets another class of array answer for its operators.
            x = h + x if pre_norm else normalised(h + x)
            if s:
                after[name] = s
        return x, after

    apply.uses_key = bool(dropout)  # type: ignore[attr-defined]
    return of_kind(what, Layer(init, apply))


def stack_of(what: str, layers: Any, block: Layer, final_norm: bool | None, options: dict[str, Any]) -> Layer:
    """Return the layer of so many blocks, one after the other, and a normalisation at the end where it is wanted."""
    if layers.__class__ is not int or layers < 1:
        raise ParameterError(
            f"nn.{what} takes the number of its blocks.",
            found=repr(layers),
            needed="a positive integer",
            write=f"nn.{what}(6, heads=8)",
        )
    final = options.get("pre_norm", False) if final_norm is None else final_norm
    bias, dtype = options.get("bias", True), options.get("dtype")
    norm = norm_of(what, options.get("norm", "layer"), options.get("norm_eps", 1e-5), bias, dtype)
    blocks = [f"layer_{i}" for i in range(layers)]
    names = [*blocks, "norm"] if final else blocks
    remembers = what == "transformer_decoder"

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path(what)
        params, state = {}, {}
        with beside(key):
            x, _ = _with_memory(as_spec(spec), remembers, path)
            for i, name in enumerate(blocks):
                with scope(f"{path}.{name}"):
                    params[name], s = block.init(random.fold_in(key, i), spec)
                if s:
                    state[name] = s
            if final:
                params["norm"], _ = norm.init(key, x)
        return params, state

    def apply(
        params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False, **masks: Any
    ) -> tuple[Any, Any]:
        path = layer_path(what)
        _check_names(path, params, names)
        x, memory = _with_memory(x, remembers, path)
        after: dict[str, Any] = {}
        for i, name in enumerate(blocks):
            own = None if key is None or not block.apply.uses_key else random.fold_in(key, i)  # type: ignore[attr-defined]
            one = block._replace(apply=partial(block.apply, **masks)) if masks else block
            given = (x, memory) if remembers else x
            x, s = observed(f"{path}.{name}", one, params[name], state.get(name, {}), given, key=own, train=train)
            if s:
                after[name] = s
        if final:
            x, _ = observed(f"{path}.norm", norm, params["norm"], {}, x, key=None, train=train)
        return x, after

    apply.uses_key = block.apply.uses_key  # type: ignore[attr-defined]
    return of_kind(what, Layer(init, apply))


def norm_of(what: str, norm: Any, eps: float, bias: bool, dtype: Any) -> Layer:
    """Return the normalisation of that name."""
    if norm not in _NORMS:
        raise ParameterError(
            f"nn.{what} does not know this normalisation.",
            found=f"norm={norm!r}",
            needed=" or ".join(repr(name) for name in _NORMS),
        )
    return layer_norm(eps=eps, bias=bias, dtype=dtype) if norm == "layer" else rms_norm(eps=eps, dtype=dtype)


def _with_memory(x: Any, remembers: bool, path: str) -> tuple[Any, Any]:
    """Return the input and the memory, None for a layer that has none."""
    if not remembers and not isinstance(x, (tuple, list)):
        return x, None
    if not remembers or not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ShapeError(
            f"Layer {path} takes {'a pair' if remembers else 'one array'}.",
            found=f"a {type(x).__name__}" + (f" of {len(x)}" if isinstance(x, (tuple, list)) else ""),
            needed="(x, memory)" if remembers else "x of shape (batch, length, features)",
        )
    return x[0], x[1]


def features_in(x: Any, path: str) -> int:
    """Return the size of the last axis of an input."""
    if not isinstance(x, Spec) and not hasattr(x, "shape"):
        raise ShapeError(f"Layer {path} takes one array.", found=f"a {type(x).__name__}", needed="an array")
    if not x.shape:
        raise ShapeError(
            f"Layer {path} needs features to act on.",
            found="an input without dimensions",
            needed="shape (batch, length, features)",
        )
    return x.shape[-1]


def _check_names(path: str, params: Any, names: list[str]) -> None:
    if not isinstance(params, dict) or sorted(params) != sorted(names):
        raise foreign(path, params, ", ".join(names))
