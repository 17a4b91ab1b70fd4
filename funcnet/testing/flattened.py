"""A function of pytrees as a function of the floating-point leaves only, which is what derivatives are checked of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.core.bind import scalar_array
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import ParameterError
from funcnet.testing.arrays import Place, place_of
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import vjp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Derived", "Flattened", "random_values"]


class Flattened:
    """``f(*args)`` as ``flattened(*live leaves) -> list of live outputs``.

    Live are the floating-point leaves; the others stay what they are.

    Parameters
    ----------
    f : callable
        The function.
    args : sequence of pytrees of arrays
        Its arguments.

    Attributes
    ----------
    live : list of arrays
        The floating-point leaves.
    names, out_names : list of str
        What messages call them and the live outputs.
    all_leaves, all_names : list
        The same with the other leaves.
    """

    def __init__(self, f: Callable[..., Any], args: Sequence[Any]) -> None:
        self._f = f
        flats = [tree.flatten(a) for a in args]
        self._structures = [structure for _, structure in flats]
        self._counts = [len(flat) for flat, _ in flats]
        self.all_leaves = [scalar_array(v) if v.__class__ in (float, complex) else v for flat, _ in flats for v in flat]
        self.all_names = [
            f"argument {i}" + (f", leaf {path}" if path else "") for i, a in enumerate(args) for path in tree.paths(a)
        ]
        self._where = [i for i, v in enumerate(self.all_leaves) if is_inexact(place_of(v).dtype_of(v))]
        if not self._where:
            raise ParameterError(
                "There is nothing to differentiate.",
                found=f"{len(self.all_leaves)} leaves, none of them floating-point",
                needed="a floating-point array among the arguments",
            )
        self.live = [self.all_leaves[i] for i in self._where]
        self.names = [self.all_names[i] for i in self._where]
        self._narrow = [place_of(v) for v in self.all_leaves]
        wide = [p.wide() for p in self._narrow]
        # Arrays of one call belong to one library, so one device without float64 sends all to the host.
        self._wide = (
            wide
            if all(p.backend is w.backend for p, w in zip(self._narrow, wide, strict=True))
            else [Place.host() for _ in wide]
        )
        outputs, self._out_structure = tree.flatten(self._call(self.all_leaves))
        self._live_outputs = [
            i for i, y in enumerate(outputs) if is_inexact(y.dtype if hasattr(y, "dtype") else np.asarray(y).dtype)
        ]
        if not self._live_outputs:
            raise ParameterError(
                "There is nothing to differentiate.",
                found=f"{len(outputs)} outputs, none of them a floating-point array",
                needed="a floating-point array among the outputs",
            )
        paths = tree.paths(tree.unflatten(self._out_structure, outputs))
        self.out_names = [f"output {paths[i]}" if paths[i] else "the output" for i in self._live_outputs]

    def _call(self, leaves: list[Any]) -> Any:
        args, start = [], 0
        for structure, count in zip(self._structures, self._counts, strict=True):
            args.append(tree.unflatten(structure, leaves[start : start + count]))
            start += count
        return self._f(*args)

    def __call__(self, *live: Any) -> list[Any]:
        return self._outputs(self.all_leaves, live)

    def _outputs(self, fixed: list[Any], live: Sequence[Any]) -> list[Any]:
        leaves = list(fixed)
        for i, v in zip(self._where, live, strict=True):
            leaves[i] = v
        outputs = tree.leaves(self._call(leaves))
        return [outputs[i] for i in self._live_outputs]

    def widened(self, hosts: Sequence[np.ndarray]) -> tuple[list[Any], list[Any]]:
        """Return all leaves and the live ones in double precision, the latter with the values of `hosts`."""
        fixed = [w.widened(n.to_host(v)) for v, n, w in zip(self.all_leaves, self._narrow, self._wide, strict=True)]
        return fixed, [self._wide[i].widened(h) for i, h in zip(self._where, hosts, strict=True)]

    def reference(self, hosts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the live outputs in double precision on the host, for live leaves of the values `hosts`."""
        fixed, live = self.widened(hosts)
        return [place_of(y).to_host(y) for y in self._outputs(fixed, live)]

    def derived(self, mode: str) -> Derived:
        """Return the function of the live leaves and of the cotangents (or tangents) to the derivatives."""
        return Derived(self, mode)


class Derived:
    """``(x, w) -> J(x)'w`` or ``(x, v) -> J(x) v`` of a flattened function."""

    def __init__(self, f: Flattened | Derived, mode: str) -> None:
        self._f = f
        self._mode = mode
        count = len(f.names)
        self._count = count
        extra = (
            [f"the cotangent of {n}" for n in f.out_names]
            if mode == "vjp"
            else [f"the tangent of {n}" for n in f.names]
        )
        self.names = [*f.names, *extra]
        self.out_names = (
            [f"the gradient of {n}" for n in f.names] if mode == "vjp" else [f"the tangent of {n}" for n in f.out_names]
        )

    def __call__(self, *leaves: Any) -> list[Any]:
        return self._apply(self._f, leaves)

    def _apply(self, f: Callable[..., Any], leaves: Sequence[Any]) -> list[Any]:
        x, extra = list(leaves[: self._count]), list(leaves[self._count :])
        if self._mode == "vjp":
            return list(vjp(f, *x)[1](extra))
        return list(jvp(f, x, extra)[1])

    def widened(self, hosts: Sequence[np.ndarray]) -> tuple[list[Any], list[Any]]:
        """Return what the function beneath holds fixed, and all leaves in double precision."""
        fixed, live = self._f.widened(hosts[: self._count])
        place = place_of(live[0])
        return fixed, [*live, *[place.widened(h) for h in hosts[self._count :]]]

    def _outputs(self, fixed: list[Any], live: Sequence[Any]) -> list[Any]:
        return self._apply(lambda *x: self._f._outputs(fixed, x), live)

    def reference(self, hosts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the derivatives in double precision on the host."""
        fixed, live = self.widened(hosts)
        return [place_of(y).to_host(y) for y in self._outputs(fixed, live)]

    def derived(self, mode: str) -> Derived:
        """Return the derivative function of this one."""
        return Derived(self, mode)


def random_values(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    """Return values of sizes from 0.5 to 1 and of random signs, or phases where `like` is complex, in its shape."""
    size = rng.uniform(0.5, 1.0, like.shape)
    if kind(like.dtype) == "c":
        return size * np.exp(2j * np.pi * rng.random(like.shape))
    return size * rng.choice([-1.0, 1.0], like.shape)
