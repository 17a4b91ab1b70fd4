"""``check_adjoint``: a linear function against its transpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.errors import GradientCheckError
from funcnet.testing.arrays import place_of
from funcnet.testing.flattened import Flattened, random_values
from funcnet.transforms.reverse import vjp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_adjoint"]

_TOLERANCES = {8: 1e-11, 16: 1e-11, 4: 2e-5, 2: 2e-2}


def check_adjoint(
    f: Callable[[Any], Any],
    x: Any,
    adjoint: Callable[[Any], Any] | None = None,
    *,
    conjugate: bool = False,
    rtol: float | None = None,
    seed: int = 0,
) -> None:
    r"""Check that a function is linear and that another one is its transpose.

    .. math:: \langle A x, y \rangle = \langle x, A^T y \rangle

    for random :math:`x` and :math:`y`, the inner product being the plain sum of products, or the one with the left
    factor conjugated, which makes the transpose the Hermitian adjoint.

    Parameters
    ----------
    f : callable
        The linear function, of one pytree of arrays to another.
    x : pytree of floating-point arrays
        What `f` takes: only structure, shapes, dtypes and device matter.
    adjoint : callable, optional
        The transpose, from what `f` returns to what it takes; by default the one that reverse mode derives.
    conjugate : bool, default False
        Whether `adjoint` is the Hermitian adjoint.
    rtol : float, optional
        Allowed error relative to the sum of the terms' absolute values: by default 1e-11 in double precision and 2e-5
        in single precision.
    seed : int, default 0
        Seed of the random arrays.

    Raises
    ------
    GradientCheckError
        If `f` is not linear, or the two inner products differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.testing import check_adjoint
    >>> check_adjoint(np.cumsum, np.ones(4), lambda y: np.cumsum(y[::-1])[::-1])
    >>> check_adjoint(lambda x: x[1:] - x[:-1], np.ones(4))
    """
    function = Flattened(lambda t: f(t), [x])
    rng = np.random.default_rng(seed)
    places = [place_of(leaf) for leaf in function.live]
    hosts = [p.to_host(leaf) for p, leaf in zip(places, function.live, strict=True)]

    def draw() -> list[Any]:
        return [p.array(random_values(rng, h), h.dtype.name) for p, h in zip(places, hosts, strict=True)]

    def plain(values: list[Any]) -> list[np.ndarray]:
        return [place_of(v).to_host(v).astype(np.complex128) for v in values]

    a, b = draw(), draw()
    fa, fb = function(*a), function(*b)
    both = [
        p.array(3.0 * u + 2.0 * v, h.dtype.name) for p, u, v, h in zip(places, plain(a), plain(b), hosts, strict=True)
    ]
    tolerance = max(_precision(v) for v in (*a, *fa)) if rtol is None else rtol
    for found, u, v, name in zip(plain(function(*both)), plain(fa), plain(fb), function.out_names, strict=True):
        gap = np.abs(found - (3.0 * u + 2.0 * v))
        scale = float(np.max(3.0 * np.abs(u) + 2.0 * np.abs(v), initial=0.0))
        if not np.all(gap <= tolerance * scale + 1e-14):
            raise GradientCheckError(
                f"The function is not linear: f(3 a + 2 b) differs from 3 f(a) + 2 f(b) in {name}.",
                found=f"a difference of {float(np.max(gap)):.3g}",
                needed=f"at most {tolerance * scale:.3g}",
                write="check_grads(f, args) for functions that are not linear",
            )
    weights = [
        place_of(y).array(random_values(rng, place_of(y).to_host(y)), place_of(y).to_host(y).dtype.name) for y in fa
    ]
    if adjoint is None:
        pulled = list(vjp(function, *a)[1](list(weights)))
    else:
        structure = tree.structure(f(x))
        pulled = tree.leaves(adjoint(tree.unflatten(structure, weights)))
    left = [(np.conj(w) if conjugate else w) * y for w, y in zip(plain(weights), plain(fa), strict=True)]
    right = [(np.conj(p) if conjugate else p) * v for p, v in zip(plain(pulled), plain(a), strict=True)]
    # Of real arguments and complex results only the real part of the product has a transpose, and the other way round.
    mixed = any(np.iscomplexobj(h) for h in hosts) != any(np.iscomplexobj(place_of(y).to_host(y)) for y in fa)
    one, other = _total(left), _total(right)
    gap = abs((one - other).real) if mixed else abs(one - other)
    scale = max(_total([np.abs(v) for v in left]).real, _total([np.abs(v) for v in right]).real)
    if not gap <= tolerance * scale + 1e-14:
        raise GradientCheckError(
            "The two functions are not each other's transpose: <A x, y> is not <x, A' y>.",
            found=f"<x, A' y> = {_shown(other)}",
            needed=f"<A x, y> = {_shown(one)}, to within {tolerance * scale:.3g}",
            write="conjugate=True if the second one is the Hermitian adjoint",
        )


def _precision(array: Any) -> float:
    host = place_of(array).to_host(array)
    size = host.dtype.itemsize // (2 if np.iscomplexobj(host) else 1)
    return _TOLERANCES[size]


def _total(parts: list[np.ndarray]) -> complex:
    return complex(sum((np.sum(p) for p in parts), start=0.0))


def _shown(value: complex) -> str:
    return repr(value.real) if value.imag == 0.0 else repr(value)
