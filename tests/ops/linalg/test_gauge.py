"""What depends on the choice of eigenvectors and singular vectors is refused; what does not is right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError
from funcnet.ops.linalg.gauge import alike, turned
from funcnet.testing.check_grads import check_grads

E = np.array([[0.2, 1.0, -0.3], [0.8, -0.5, 0.6], [-1.2, 0.4, 0.9]])
TWO = np.diag([1.0, 1.0, 3.0])
ONE_ZERO = np.diag([2.0, 1.0, 0.0])
TWO_ZEROS = np.diag([2.0, 0.0, 0.0])
FREE = "is not determined"


def of_eigh(f: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda a: f(*xp.linalg.eigh(a))


def of_eig(f: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda a: f(*xp.linalg.eig(a))


def of_svd(f: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda a: f(*xp.linalg.svd(a))


DEPENDENT = {
    "entry": of_eigh(lambda w, v: v[0, 0]),
    "square": of_eigh(lambda w, v: v[0, 0] ** 2),
    "fourth powers": of_eigh(lambda w, v: xp.sum(v**4)),
    "sizes": of_eigh(lambda w, v: xp.sum(xp.abs(v))),
    "weighted": of_eigh(lambda w, v: xp.sum(w * v[0, :])),
    "times a gap": of_eigh(lambda w, v: (w[1] - w[0]) * v[0, 0]),
    "held": of_eigh(lambda w, v: xp.sum(w * fn.stop_gradient(v)[0, :])),
    "signs chosen": of_eigh(lambda w, v: xp.sum(v * xp.sign(v[0, :]) * xp.asarray([1.0, 2.0, 3.0]))),
    "one projector": of_eigh(lambda w, v: v[0, 0] * v[1, 0]),
    "eig entry": of_eig(lambda w, v: xp.real(v[0, 0])),
    "eig size": of_eig(lambda w, v: xp.abs(v[0, 0]) ** 2),
    "left entry": of_svd(lambda u, s, vh: u[0, 0]),
    "right entry": of_svd(lambda u, s, vh: vh[0, 0]),
    "one pair": of_svd(lambda u, s, vh: u[0, 0] * vh[0, 0]),
}


@pytest.mark.parametrize("x", [np.eye(3), TWO])
@pytest.mark.parametrize("name", DEPENDENT)
def test_what_depends_on_the_choice_is_refused(name: str, x: np.ndarray) -> None:
    if x is TWO and name in ("left entry", "right entry", "one pair"):
        x = np.diag([3.0, 3.0, 1.0])
    f = DEPENDENT[name]
    along = E if name == "times a gap" else np.eye(3)  # along the identity, the vectors stay as they are
    for run in (
        lambda: fn.grad(f)(x),
        lambda: fn.value_and_grad(f)(x),
        lambda: fn.vjp(f, x)[1](np.float64(1.0)),
        lambda: fn.jvp(f, (x,), (E,)),
        lambda: fn.jvp(f, (x,), (along,)),
        lambda: fn.hessian(f)(x),
        lambda: fn.jacfwd(f)(x),
        lambda: fn.hvp(f, (x,), (E,)),
        lambda: fn.vmap(fn.grad(f))(np.stack([x, np.diag([1.0, 2.0, 3.0])])),
        lambda: fn.vmap(lambda a: fn.jvp(f, (a,), (E,))[1])(np.stack([x, np.diag([1.0, 2.0, 3.0])])),
        lambda: fn.grad(lambda a: xp.sum(fn.vmap(f)(a)))(np.stack([x, np.diag([1.0, 2.0, 3.0])])),
    ):
        with pytest.raises(NotDifferentiableError, match=FREE):
            run()


@pytest.mark.parametrize("x", [ONE_ZERO, TWO_ZEROS])
def test_signs_and_bases_at_zero_singular_values(x: np.ndarray) -> None:
    for f in (
        of_svd(lambda u, s, vh: xp.sum((u @ vh) * E)),
        of_svd(lambda u, s, vh: u[2, 2] * vh[2, 2]),
        of_svd(lambda u, s, vh: xp.linalg.det(u) * xp.linalg.det(vh)),
    ):
        for run in (lambda f=f: fn.grad(f)(x), lambda f=f: fn.jvp(f, (x,), (E,)), lambda f=f: fn.hessian(f)(x)):
            with pytest.raises(NotDifferentiableError, match=FREE):
                run()


def test_a_kink_that_hides_the_choice() -> None:
    f = of_eigh(lambda w, v: xp.maximum(v[0, 0] - 0.9, 0.0))
    for run in (fn.grad(f), fn.jacrev(f), fn.jacfwd(f), fn.hessian(f), lambda x: fn.jvp(f, (x,), (E,))):
        with pytest.raises(NotDifferentiableError, match=FREE):
            run(np.eye(3))


def test_vectors_as_results_beside_the_derivative() -> None:
    value, aux = fn.grad(of_eigh(lambda w, v: (xp.sum(w), {"v": v})), has_aux=True)(np.eye(3))
    np.testing.assert_array_equal(value, np.eye(3))
    np.testing.assert_array_equal(aux["v"], np.linalg.eigh(np.eye(3))[1])
    order = fn.grad(of_eigh(lambda w, v: (xp.sum(w), xp.argmax(xp.abs(v), axis=0))), has_aux=True)(np.eye(3))[1]
    np.testing.assert_array_equal(order, [0, 1, 2])


def test_positions_and_comparisons_follow_their_choice(draw: Callable[..., Any]) -> None:
    def f(a: Any) -> Any:
        w, v = xp.linalg.eigh(a)
        # By comparisons and sorting back to what does not depend on the choice.
        up, down = xp.where(v > 0.1, v, 0.0), xp.where(v > 0.1, 0.0, v)
        projector = up @ v.T + down @ v.T
        order = xp.argsort(v[0, :])
        return xp.sum(projector * E) + xp.sum((v[:, order] * w[order]) @ v[:, order].T * E)

    for x in (draw(spectrum=[1.0, 1.0, 3.0]), draw(spectrum=[1.0, 2.0, 2.0])):
        np.testing.assert_allclose(fn.grad(f)(x), (E + E.T) / 2, atol=1e-12)
        np.testing.assert_allclose(fn.jvp(f, (x,), (E,))[1], np.sum((E + E.T) / 2 * E), atol=1e-12)
        np.testing.assert_allclose(fn.hessian(f)(x), np.zeros((3, 3, 3, 3)), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_squares_of_a_gap_are_smooth(draw: Callable[..., Any], dtype: str) -> None:
    x = np.eye(2, dtype=dtype) * 2
    e = draw(2, 2, dtype=dtype)
    e = e + e.conj().T

    def gap(a: Any) -> Any:
        w = xp.linalg.eigvalsh(a)
        return (w[1] - w[0]) ** 2

    def known(a: Any) -> Any:
        a = (a + xp.conj(a.T)) / 2
        return xp.real(xp.linalg.trace(a) ** 2 - 4 * xp.linalg.det(a))

    for run in (lambda g: fn.grad(g)(x), lambda g: fn.hvp(g, (x,), (e,))):
        np.testing.assert_allclose(run(gap), run(known), atol=1e-12)


def test_choices_are_decompositions_of_the_same_matrix(draw: Callable[..., Any]) -> None:
    for dtype in ("float64", "complex128"):
        q = np.linalg.qr(draw(4, 4, dtype=dtype))[0]
        w = np.array([1.0, 1.0, 1.0, 2.0])
        values, v = turned("eigh", (w, q))
        np.testing.assert_allclose((v * values) @ v.conj().T, (q * w) @ q.conj().T, atol=1e-14)
        np.testing.assert_allclose(v.conj().T @ v, np.eye(4), atol=1e-14)
        assert np.min(np.abs(v - q)[:, :3].max(axis=0)) > 0.1
        basis = draw(4, 4, dtype="complex128")
        basis /= np.linalg.norm(basis, axis=0)
        values, v = turned("eig", (w + 0j, basis))
        a = (basis * w) @ np.linalg.inv(basis)
        np.testing.assert_allclose(a @ v, v * values, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(v, axis=0), np.ones(4), atol=1e-14)
        for s in ([2.0, 2.0, 1.0], [2.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]):
            for m, n, full in ((3, 3, False), (5, 3, True), (5, 3, False), (3, 5, True)):
                u = np.linalg.qr(draw(m, m, dtype=dtype))[0][:, : m if full else 3]
                vh = np.linalg.qr(draw(n, n, dtype=dtype))[0][: n if full else 3]
                left, _, right = turned("svd", (u, np.array(s), vh))
                np.testing.assert_allclose((left[:, :3] * s) @ right[:3], (u[:, :3] * s) @ vh[:3], atol=1e-13)
                np.testing.assert_allclose(left.conj().T @ left, np.eye(left.shape[1]), atol=1e-13)
                np.testing.assert_allclose(right @ right.conj().T, np.eye(right.shape[0]), atol=1e-13)
                free = np.array(s) == 0
                gone = np.abs((left[:, :3] * free) @ right[:3] - (u[:, :3] * free) @ vh[:3])
                assert not np.any(free) or gone.max() > 0.1


def test_values_that_are_alike_by_others_between() -> None:
    step = 30 * 2.0**-52
    together = alike(np.array([1.0, 1.0 + step, 1.0 + 2 * step, 2.0]))
    np.testing.assert_array_equal(together, [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]])


def test_phases_of_complex_vectors(draw: Callable[..., Any]) -> None:
    a = draw(3, 3, dtype="complex128")
    h = a + a.conj().T
    for f, x in (
        (lambda z: xp.real((1 + 2j) * xp.linalg.eigh(z)[1][0, 0]), h),
        (lambda z: xp.real((1 + 2j) * xp.linalg.eig(z)[1][0, 0]), a),
        (lambda z: xp.real((1 + 2j) * xp.linalg.svd(z).U[0, 0]), a),
        (lambda z: xp.real((1 + 2j) * xp.linalg.svd(z).Vh[0, 0]), a),
    ):
        with pytest.raises(NotDifferentiableError, match=r"(?s)complex vectors of xp\.linalg.*phases.*write:.*xp\.abs"):
            fn.grad(f)(x)

    def fixed(z: Any) -> Any:
        v = xp.linalg.eigh(z)[1]
        v = v / (v[:1] / xp.abs(v[:1]))
        return xp.sum(xp.real(v) * E + xp.imag(v) * E.T)

    check_grads(fixed, [h], order=2)
    check_grads(lambda z: xp.sum(xp.abs(xp.linalg.svd(z).U) * E), [a], order=2)
    check_grads(lambda z: xp.sum(xp.abs(xp.linalg.eig(z)[1]) * E), [a], order=2)


def test_the_basis_of_a_complement(draw: Callable[..., Any]) -> None:
    x = draw(5, 3)
    c = draw(5, 5)
    for f, y in ((lambda a: xp.linalg.svd(a).U[0, 3], x), (lambda a: xp.linalg.svd(a).Vh[4, 0], x.T)):
        with pytest.raises(NotDifferentiableError, match=r"(?s)further vectors .*write:.*full_matrices"):
            fn.grad(f)(y)
    check_grads(lambda a: xp.sum((lambda u: u[:, 3:] @ u[:, 3:].T)(xp.linalg.svd(a).U) * c), [x], order=2)
    # One vector alone is known but for its sign.
    check_grads(lambda a: xp.linalg.svd(a).U[1, 3], [draw(4, 3)], order=2)


@pytest.mark.parametrize("turned_by", [None, 0.3])
def test_matrices_that_lack_eigenvectors(turned_by: Any) -> None:
    x = np.array([[1.0, 1.0], [0.0, 1.0]])
    if turned_by is not None:
        c, s = np.cos(turned_by), np.sin(turned_by)
        x = np.array([[c, -s], [s, c]]) @ x @ np.array([[c, s], [-s, c]])
    e = np.array([[0.3, -1.0], [0.5, 2.0]])
    for f in (
        lambda a: xp.real(xp.linalg.eigvals(a)[0]),
        lambda a: xp.real(xp.prod(xp.linalg.eigvals(a))),
        lambda a: xp.sum(xp.abs(xp.linalg.eig(a)[1])),
        of_eig(lambda w, v: xp.sum(xp.real((v * xp.exp(w)) @ xp.linalg.inv(v)))),
    ):
        for run in (fn.grad(f), fn.jit(fn.grad(f)), fn.hessian(f), lambda a, f=f: fn.jvp(f, (a,), (e,))):
            with pytest.raises(NotDifferentiableError, match=r"(?s)independent eigenvectors.*write: .*expm"):
                run(x)
