"""Functions of the matrix, through a decomposition whose values are equal, against the same without one."""

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError
from funcnet.ops.linalg.spectra import EighResult
from funcnet.testing.check_grads import check_grads

N = 3
W = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1], [2.0, 0.1, -0.4]])
E = np.array([[0.2, 1.0, -0.3], [0.8, -0.5, 0.6], [-1.2, 0.4, 0.9]])
SPECTRA = ([2.0, 2.0, 2.0], [1.0, 2.0, 2.0], [0.5, 0.5, 3.0])


def adjoint(a: Any) -> Any:
    return xp.conj(xp.matrix_transpose(a))


def hermitian(a: Any) -> Any:
    return (a + adjoint(a)) / 2


def weighed(y: Any) -> Any:
    return xp.sum(xp.real(y * W))


def by_eigh(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(a: Any) -> Any:
        w, v = xp.linalg.eigh(a)
        return weighed((v * f(w)[..., None, :]) @ adjoint(v))

    return of


def by_eig(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(a: Any) -> Any:
        w, v = xp.linalg.eig(a)
        return weighed((v * f(w)[..., None, :]) @ xp.linalg.inv(v))

    return of


def by_svd(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(a: Any) -> Any:
        u, s, vh = xp.linalg.svd(a, full_matrices=False)
        return weighed((u * f(s)[..., None, :]) @ vh)

    return of


def exponential(a: Any, terms: int = 40) -> Any:
    y = term = a * 0 + xp.eye(N)
    for k in range(1, terms):
        term = term @ a / k
        y = y + term
    return y


def sine(a: Any) -> Any:
    """The sine of the singular values, by its series."""
    term = y = a
    for k in range(1, 14):
        term = term @ adjoint(a) @ a
        y = y + (-1) ** k / factorial(2 * k + 1) * term
    return y


def newton(a: Any, step: Callable[[Any, Any], Any], start: Any) -> Any:
    y = start
    for _ in range(40):
        y = step(y, a)
    return y


def root(a: Any) -> Any:
    """The square root, by Newton's iteration as Denman and Beavers have it."""
    y, z = a, a * 0 + xp.eye(N)
    for _ in range(12):
        y, z = (y + xp.linalg.inv(z)) / 2, (z + xp.linalg.inv(y)) / 2
    return y


def same(f: Callable[[Any], Any], known: Callable[[Any], Any], x: Any, e: Any = E, rtol: float = 1e-10) -> None:
    """Check first and second derivatives in every order of the modes."""

    def along(g: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda a: fn.jvp(g, (a,), (e.astype(x.dtype),))[1]

    for run in (
        lambda g: fn.value_and_grad(g)(x),
        lambda g: along(g)(x),
        lambda g: along(fn.grad(g))(x),
        lambda g: fn.grad(along(g))(x),
        lambda g: along(along(g))(x),
        lambda g: fn.grad(lambda a: xp.sum(xp.real(fn.grad(g)(a) * e)))(x),
    ):
        for found, wanted in zip(fn.tree.leaves(run(f)), fn.tree.leaves(run(known)), strict=True):
            assert isinstance(found, (np.ndarray, np.generic))
            np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol * max(1.0, np.max(np.abs(wanted))))


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("diagonal", [False, True])
def test_functions_of_hermitian_matrices(draw: Callable[..., Any], spectrum: Any, diagonal: bool) -> None:
    x = np.diag(spectrum) if diagonal else draw(spectrum=spectrum)
    same(by_eigh(xp.exp), lambda a: weighed(exponential(hermitian(a))), x)
    same(by_eigh(lambda w: w**3), lambda a: weighed(hermitian(a) @ hermitian(a) @ hermitian(a)), x)
    same(by_eigh(lambda w: 1 / w), lambda a: weighed(xp.linalg.inv(hermitian(a))), x)
    same(by_eigh(xp.sqrt), lambda a: weighed(root(hermitian(a))), x)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("values", [xp.linalg.eigvalsh, lambda a: xp.linalg.eigh(a)[0]])
def test_functions_of_eigenvalues(draw: Callable[..., Any], spectrum: Any, values: Any) -> None:
    x = draw(spectrum=spectrum)
    same(lambda a: xp.prod(values(a)), lambda a: xp.linalg.det(hermitian(a)), x)
    same(lambda a: xp.sum(xp.log(values(a))), lambda a: xp.linalg.slogdet(hermitian(a))[1], x)
    same(lambda a: xp.sum(values(a) ** 3), lambda a: xp.linalg.trace(hermitian(a) @ hermitian(a) @ hermitian(a)), x)


def test_values_and_vectors_of_two_calls(draw: Callable[..., Any]) -> None:
    def f(a: Any) -> Any:
        v = xp.linalg.eigh(a).eigenvectors
        return weighed((v * xp.exp(xp.linalg.eigvalsh(a))) @ v.T)

    same(f, lambda a: weighed(exponential(hermitian(a))), draw(spectrum=[1.0, 1.0, 2.0]))


def test_projectors_across_a_gap(draw: Callable[..., Any]) -> None:
    def lower(a: Any) -> Any:
        v = xp.linalg.eigh(a).eigenvectors[:, :2]
        return weighed(v @ v.T)

    def by_sign(a: Any) -> Any:
        y = newton(a, lambda y, _: (y + xp.linalg.inv(y)) / 2, hermitian(a) - 2.0 * xp.eye(N))
        return weighed(xp.eye(N) - y) / 2

    same(lower, by_sign, draw(spectrum=[1.0, 1.0, 4.0]), rtol=1e-9)


def test_complex_matrices(draw: Callable[..., Any]) -> None:
    q = np.linalg.qr(draw(N, N, dtype="complex128"))[0]
    p = np.linalg.qr(draw(N, N, dtype="complex128"))[0]
    e = draw(N, N, dtype="complex128")
    same(by_eigh(xp.exp), lambda a: weighed(exponential(hermitian(a))), (q * [1.0, 2.0, 2.0]) @ q.conj().T, e)
    for values in ([2.0, 2.0, 1.0], [2.0, 2.0, 0.0], [2.0, 0.0, 0.0]):
        same(by_svd(lambda s: s**3), lambda a: weighed(a @ adjoint(a) @ a), (q * values) @ p, e)


@pytest.mark.parametrize(
    "values", [[2.0, 2.0, 1.0], [1.0, 1.0, 1.0], [2.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
)
def test_functions_of_singular_values_and_vectors(draw: Callable[..., Any], values: Any) -> None:
    x = draw(values=values)
    same(by_svd(xp.sin), lambda a: weighed(sine(a)), x)
    same(by_svd(lambda s: s**3), lambda a: weighed(a @ a.T @ a), x)
    same(lambda a: xp.sum(xp.linalg.svdvals(a) ** 2), lambda a: xp.sum(a * a), x)
    same(lambda a: xp.sum(xp.linalg.svd(a).S ** 4), lambda a: xp.sum((a.T @ a) ** 2), x)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
@pytest.mark.parametrize("values", [[2.0, 2.0, 1.0], [2.0, 0.0, 0.0]])
@pytest.mark.parametrize("full", [False, True])
def test_matrices_that_are_not_square(draw: Callable[..., Any], shape: Any, values: Any, full: bool) -> None:
    c = draw(*shape)

    def cube(a: Any) -> Any:
        u, s, vh = xp.linalg.svd(a, full_matrices=full)
        return xp.sum(c * ((u[:, :3] * s**3) @ vh[:3, :]))

    same(cube, lambda a: xp.sum(c * (a @ a.T @ a)), draw(*shape, values=values), draw(*shape))


def test_the_nuclear_norm_and_the_polar_factor(draw: Callable[..., Any]) -> None:
    def polar(a: Any) -> Any:
        return newton(a, lambda y, _: (y + xp.linalg.inv(y).T) / 2, a)

    for values in ([2.0, 2.0, 1.0], [3.0, 3.0, 3.0]):
        x = draw(values=values)
        same(by_svd(lambda s: s * 0 + 1), lambda a: weighed(polar(a)), x)
        same(lambda a: xp.sum(xp.linalg.svdvals(a)), lambda a: xp.sum(polar(a) * a), x)


def test_matrices_without_symmetry(draw: Callable[..., Any]) -> None:
    v = draw(N, N) + 2 * np.eye(N)
    for x in (np.eye(N) * 0.5, v @ np.diag([1.0, 2.0, 2.0]) @ np.linalg.inv(v)):
        same(by_eig(xp.exp), lambda a: weighed(exponential(a)), x, rtol=1e-7)


@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict"])
def test_libraries_and_precisions(draw: Callable[..., Any], library: str) -> None:
    module = pytest.importorskip(library)
    for dtype, rtol in (("float64", 1e-11), ("float32", 1e-4)):
        x = draw(spectrum=[1.0, 1.0, 2.0], dtype=dtype)
        given, weights = (module.asarray(np.asarray(a, dtype=dtype)) for a in (x, W))

        def f(a: Any, weights: Any = weights) -> Any:
            w, v = xp.linalg.eigh(a)
            y = (v * xp.expand_dims(xp.exp(w), axis=0)) @ xp.matrix_transpose(v)
            return xp.sum(xp.multiply(y, weights))

        x = x.astype("float64")
        for transform in (fn.grad, fn.hessian):
            wanted = transform(lambda a: weighed(exponential(hermitian(a))))(x)
            found = transform(f)(given)
            assert type(found) is type(given)
            assert found.dtype == given.dtype
            np.testing.assert_allclose(np.asarray(found), wanted, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize("seed", range(8))
def test_second_derivatives_in_single_precision(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    c, d = rng.normal(size=(2, n, n))
    c, d = c + c.T, d + d.T
    weights, direction = fn.lift(c.astype(np.float32)), d.astype(np.float32)
    one = np.eye(n, dtype=np.float32)

    def exponential(x: Any) -> Any:
        w, v = xp.linalg.eigh(x)
        return xp.sum((v @ (xp.exp(w)[:, None] * v.T)) * weights)

    def cubic(x: Any) -> Any:
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
        return xp.sum((u @ (s[:, None] ** 3 * vh)) * weights)

    # exp(1 + a + b) has the mixed term e (ab + ba) / 2, x x^T x at 1 + a for symmetric a and b 3 (ab + ba).
    mixed = (c @ d + d @ c) / 2
    for f, factor in ((exponential, np.e), (cubic, 6.0)):
        found = fn.jvp(fn.grad(f), (one,), (direction,))[1]
        found = (found + found.T) / 2  # the part for symmetric changes
        np.testing.assert_allclose(found, factor * mixed, rtol=2e-5, atol=1e-5 * factor * np.max(np.abs(mixed)))


def test_batches(draw: Callable[..., Any]) -> None:
    x = np.stack([draw(spectrum=s) for s in ([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])])
    f, known = by_eigh(xp.exp), lambda a: weighed(exponential(hermitian(a)))
    for transform in (fn.grad, lambda g: fn.vmap(fn.grad(g)), lambda g: fn.grad(lambda a: xp.sum(fn.vmap(g)(a)))):
        np.testing.assert_allclose(transform(f)(x), transform(known)(x), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(fn.vmap(fn.hessian(f))(x), fn.vmap(fn.hessian(known))(x), rtol=1e-11, atol=1e-10)


def test_with_other_transformations(draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 1.0, 2.0])

    @fn.custom_vjp
    def by_vjp(w: Any) -> Any:
        return xp.exp(w)

    by_vjp.defvjp(lambda w: (xp.exp(w), xp.exp(w)), lambda y, g: (g * y,))

    @fn.custom_jvp
    def by_jvp(w: Any) -> Any:
        return xp.exp(w)

    by_jvp.defjvp(lambda p, t: (xp.exp(p[0]), xp.exp(p[0]) * t[0]))
    wanted, second = (t(lambda a: weighed(exponential(hermitian(a))))(x) for t in (fn.grad, fn.hessian))
    for f in (by_eigh(by_vjp), by_eigh(by_jvp), fn.checkpoint(by_eigh(xp.exp))):
        np.testing.assert_allclose(fn.grad(f)(x), wanted, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(fn.jacrev(fn.grad(f))(x), second, rtol=1e-11, atol=1e-11)
    y, pullback = fn.vjp(by_eigh(xp.exp), x)
    np.testing.assert_allclose(pullback(np.ones_like(y))[0], wanted, rtol=1e-11, atol=1e-11)
    y, push = fn.linearize(by_eigh(xp.exp), x)
    np.testing.assert_allclose(push(E), np.sum(wanted * E), rtol=1e-11)
    assert type(y) is np.float64
    # Numbers beside the decomposition.
    both = fn.grad(lambda p: p["c"] * by_eigh(xp.exp)(p["a"]), argnums=0)({"a": x, "c": np.float64(2.0)})
    np.testing.assert_allclose(both["a"], 2 * wanted, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(both["c"], by_eigh(xp.exp)(x), rtol=1e-12)


def test_third_derivatives(draw: Callable[..., Any]) -> None:
    def third(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        for _ in range(3):
            f = (lambda g: lambda a: fn.jvp(g, (a,), (E,))[1])(f)
        return f

    x = draw(spectrum=[1.0, 1.0, 1.0])
    wanted = third(lambda a: weighed(exponential(hermitian(a))))(x)
    np.testing.assert_allclose(third(by_eigh(xp.exp))(x), wanted, rtol=1e-10)
    for values in ([2.0, 1.0, 1.0], [2.0, 0.0, 0.0]):
        x = draw(values=values)
        # The third derivative of the determinant of three rows is six times that of the direction.
        np.testing.assert_allclose(third(xp.linalg.det)(x), 6 * np.linalg.det(E), rtol=1e-11)


def test_finite_differences(draw: Callable[..., Any]) -> None:
    check_grads(by_eigh(xp.sqrt), [draw(spectrum=[1.0, 1.0, 3.0])], order=2)
    check_grads(by_svd(xp.tanh), [draw(values=[2.0, 1.0, 1.0])], order=2)
    check_grads(lambda a: xp.linalg.matrix_norm(a, ord="nuc"), [draw(values=[2.0, 2.0, 1.0])], order=2)


def test_a_decomposition_of_what_another_gave(draw: Callable[..., Any]) -> None:
    def twice(a: Any) -> Any:
        w, v = xp.linalg.eigh(a)
        return by_eigh(lambda w: w**2)((v * xp.sqrt(w)) @ v.T + xp.asarray(np.diag([0.0, 1.0, 3.0])))

    def once(a: Any) -> Any:
        b = root(hermitian(a)) + xp.asarray(np.diag([0.0, 1.0, 3.0]))
        return weighed(b @ b)

    x = draw(spectrum=[1.0, 1.0, 2.0])
    np.testing.assert_allclose(fn.grad(twice)(x), fn.grad(once)(x), rtol=1e-10, atol=1e-10)
    with pytest.raises(NotDifferentiableError, match=r"found: .*computed from that of xp\.linalg\.eigh"):
        fn.grad(lambda a: by_eigh(xp.exp)((lambda w, v: (v * w**2) @ v.T)(*xp.linalg.eigh(a))))(x)


def single_vector(a: Any) -> Any:
    return xp.linalg.eigh(a).eigenvectors[0, 1]


def phases_of_nothing(a: Any) -> Any:
    return by_svd(lambda s: s * 0 + 1)(a)


@pytest.mark.parametrize(
    ("f", "values", "message"),
    [
        (single_vector, [1.0, 1.0, 1.0], r"eigenvalues or vectors of xp\.linalg\.eigh"),
        (phases_of_nothing, [1.0, 0.0, 0.0], r"singular values or vectors of xp\.linalg\.svd"),
        (by_svd(xp.cos), [1.0, 0.0, 0.0], r"singular values or vectors of xp\.linalg\.svd"),
    ],
)
def test_what_is_not_determined(f: Any, values: Any, message: str) -> None:
    x = np.diag(values)
    text = (
        rf"(?s){message} is not determined, in .*found: .*repeated.*\[.*without bound.*needed: .*smooth.*write: .*@ v"
    )
    text = text.replace("without bound", "(without bound|no limit|depends on the choice)")
    for run in (
        lambda: fn.grad(f)(x),
        lambda: fn.jvp(f, (x,), (E,)),
        lambda: fn.hessian(f)(x),
        lambda: fn.jvp(fn.grad(f), (x,), (E,)),
        lambda: fn.jacfwd(fn.jacfwd(f))(x),
        lambda: fn.jacrev(fn.grad(f))(x),
    ):
        with pytest.raises(NotDifferentiableError, match=text):
            run()


def test_kinks_of_single_values() -> None:
    x = np.diag([1.0, 1.0, 3.0])
    largest = fn.grad(lambda a: xp.linalg.eigvalsh(a)[-1])(x)
    np.testing.assert_allclose(largest, np.diag([0.0, 0.0, 1.0]), atol=1e-14)
    for f in (lambda a: xp.linalg.eigvalsh(a)[0], lambda a: xp.linalg.svdvals(a)[-1]):
        # One of the subgradients: positive, with trace 1.
        first = fn.grad(f)(x)
        np.testing.assert_allclose((np.trace(first), np.linalg.norm(first)), 1.0)
        with pytest.raises(NotDifferentiableError, match="without bound"):
            fn.hessian(f)(x)
    np.testing.assert_array_equal(fn.grad(lambda a: xp.sum(xp.linalg.svdvals(a)))(np.zeros((2, 2))), np.zeros((2, 2)))


def test_cotangents_that_are_numbers(draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 1.0, 2.0])
    (w, v), pullback = fn.vjp(xp.linalg.eigh, x)
    assert type(w) is type(v) is np.ndarray
    with pytest.raises(NotDifferentiableError, match="do not say how they vary"):
        pullback(EighResult(np.array([1.0, 2.0, 3.0]), v @ np.diag([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(pullback(EighResult(np.ones(3), None))[0], np.eye(3), atol=1e-13)


def test_one_of_a_batch_and_unknown_values() -> None:
    x = np.stack([np.diag([1.0, 2.0, 3.0]), np.eye(3)])
    gradient = fn.grad(lambda a: xp.sum(xp.linalg.eigh(a).eigenvectors[:, 0, 1]))
    for run in (gradient, fn.vmap(fn.grad(single_vector))):
        with pytest.raises(NotDifferentiableError, match=r"\[1\. 1\. 1\.\]"):
            run(x)
    assert fn.eval_shape(gradient, x).shape == (2, 3, 3)


def test_distinct_values_are_untouched(draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 2.0, 4.0])
    c = np.array([1.0, -2.0, 0.5])
    v = np.linalg.eigh((x + x.T) * 0.5)[1]
    np.testing.assert_array_equal(fn.grad(lambda a: xp.sum(xp.linalg.eigvalsh(a) * c))(x), (v * c) @ v.T)
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    np.testing.assert_array_equal(fn.grad(lambda a: xp.sum(xp.linalg.svdvals(a) * c))(x), (u * c) @ vh)


@pytest.mark.parametrize("f", [by_eigh(xp.exp), by_eig(xp.exp), by_svd(xp.sin)])
def test_compiled_functions(draw: Callable[..., Any], f: Any) -> None:
    stacked = np.stack([draw(spectrum=[1.0, 1.0, 2.0]), draw(spectrum=[1.0, 2.0, 4.0])])
    for x in (*stacked, np.eye(N)):
        for transform in (fn.grad, fn.hessian, lambda g: lambda a: fn.jvp(g, (a,), (E,))):
            compiled = fn.jit(transform(f))
            for _ in range(3):
                for found, wanted in zip(fn.tree.leaves(compiled(x)), fn.tree.leaves(transform(f)(x)), strict=True):
                    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-7)
    per_matrix = fn.vmap(fn.grad(f))
    np.testing.assert_allclose(fn.jit(per_matrix)(stacked), per_matrix(stacked), rtol=1e-7, atol=1e-7)


def test_compiled_functions_refuse_as_others_do(draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 1.0, 2.0])
    for compiled in (fn.jit(fn.grad(single_vector)), fn.jit(fn.hessian(lambda a: xp.linalg.eigvalsh(a)[0]))):
        with pytest.raises(NotDifferentiableError, match="is not determined"):
            compiled(x)
    with pytest.raises(NotDifferentiableError, match=r"(?s)distinct values, in .*one graph.*write:.*fn\.jit\(fn\.grad"):
        fn.grad(fn.jit(by_eigh(xp.exp)))(x)
    given = fn.jit(fn.grad(by_eigh(xp.exp)), donate=(0,))
    with pytest.raises(NotDifferentiableError, match="donated"):
        given(x.copy())
