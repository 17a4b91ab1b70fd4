"""Derivatives of what solvers return."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.linear_model import Ridge

import funcnet as fn
from funcnet import xp
from funcnet.errors import (
    AbstractValueError,
    DtypeError,
    NonScalarOutputError,
    NotDifferentiableError,
    ParameterError,
    ShapeError,
    TreeError,
)
from funcnet.testing import check_grads

A = np.array([[3.0, 1.0], [0.5, 2.0]])
S = np.array([[3.0, 0.5], [0.5, 2.0]])
B = np.array([0.3, 0.7])


def cubic(matrix, solve="dense"):
    """The root of ``matrix u scale + u**3 = b`` by SciPy."""

    @fn.implicit.root(lambda y, scale, b: {"u": matrix @ y["u"] * scale["s"] + y["u"] ** 3 - b}, solve=solve)
    def solver(init, scale, b):
        assert type(b) is np.ndarray
        u = optimize.root(lambda u: matrix @ u * scale["s"] + u**3 - b, np.zeros(2), tol=1e-14).x
        for _ in range(3):
            residual = matrix @ u * scale["s"] + u**3 - b
            u = u - np.linalg.solve(matrix * scale["s"] + np.diag(3 * u**2), residual)
        return {"u": u}

    return lambda s, b: solver(None, {"s": s}, b)["u"]


@pytest.mark.parametrize(
    ("matrix", "solve"),
    [
        (A, "dense"),
        (S, "cg"),
        (A, "normal_cg"),
        (A, lambda m, b: np.linalg.solve(np.stack([m(e) for e in np.eye(2)], 1), b)),
    ],
)
def test_root_in_both_modes_at_every_order(matrix, solve):
    f = cubic(matrix, solve)
    s = np.array(1.5)
    u = f(s, B)
    inverse = np.linalg.inv(matrix * s + np.diag(3 * u**2))
    np.testing.assert_allclose(fn.jacrev(f, 1)(s, B), inverse, rtol=1e-10)
    np.testing.assert_allclose(fn.jacfwd(f, 1)(s, B), inverse, rtol=1e-10)
    np.testing.assert_allclose(fn.jacrev(f, 0)(s, B), -inverse @ matrix @ u, rtol=1e-10)
    check_grads(f, (s, B), order=2)


def test_third_order():
    f = fn.implicit.root(lambda y, a: y * y - a)(lambda init, a: np.sqrt(a))

    def g(a):
        return f(None, a)

    assert fn.grad(fn.grad(fn.grad(g)))(np.array(4.0)) == pytest.approx(3 / 8 * 4.0**-2.5)
    assert fn.jvp(fn.grad(fn.grad(g)), (np.array(4.0),), (np.array(1.0),))[1] == pytest.approx(3 / 8 * 4.0**-2.5)


def test_brentq():
    @fn.implicit.root(lambda y, a: xp.cos(y) - a * y)
    def solver(init, a):
        return optimize.brentq(lambda y: np.cos(y) - a * y, 0.0, 2.0, xtol=1e-15)

    y, g = fn.value_and_grad(lambda a: solver(None, a))(np.array(1.0))
    assert g == pytest.approx(-y / (np.sin(y) + 1.0), rel=1e-12)
    assert solver(None, 1.0) == y


def test_minimize_with_aux():
    def objective(y, p):
        return xp.sum((y - p["c"]) ** 4) + xp.sum(y * y) * p["k"]

    @fn.implicit.optimum(objective, solve="cg", has_aux=True)
    def solver(init, p):
        grad = fn.grad(objective)
        result = optimize.minimize(
            objective,
            init,
            args=(p,),
            jac=grad,
            hess=fn.hessian(objective),
            method="trust-exact",
            options={"gtol": 1e-12},
        )
        return result.x, result.nit

    def f(c, k):
        y, steps = solver(np.zeros(2), {"c": c, "k": k})
        assert steps > 0
        return y

    check_grads(f, (B, np.array(0.5)), order=1)


def test_fixed_point_of_a_tree():
    def iteration(y, w):
        return {"h": xp.tanh(w @ y["h"] + y["b"]), "b": 0.5 * y["b"] + 0.1}

    @fn.implicit.fixed_point(iteration)
    def solver(y, w):
        for _ in range(100):
            y = iteration(y, w)
        return y

    start = {"h": np.zeros(2), "b": np.zeros(2)}
    w = S / 8

    def unrolled(w):
        y = start
        for _ in range(100):
            y = iteration(y, w)
        return xp.sum(y["h"] ** 2)

    np.testing.assert_allclose(
        fn.grad(lambda w: xp.sum(solver(start, w)["h"] ** 2))(w), fn.grad(unrolled)(w), rtol=1e-10
    )


def test_ridge_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(8, 3)), rng.normal(size=8)

    @fn.implicit.optimum(lambda w, x, t, alpha: xp.sum((x @ w - t) ** 2) + alpha * xp.sum(w * w))
    def ridge(init, x, t, alpha):
        return Ridge(alpha=float(alpha), fit_intercept=False, solver="cholesky").fit(x, t).coef_

    def closed(x, t, alpha):
        return np.linalg.solve(x.T @ x + alpha * np.eye(3), x.T @ t)

    alpha = np.array(0.7)
    np.testing.assert_allclose(ridge(None, x, t, alpha), closed(x, t, alpha), rtol=1e-10)
    jac = fn.jacrev(lambda x, t, alpha: ridge(None, x, t, alpha), (0, 1, 2))(x, t, alpha)
    inverse = np.linalg.inv(x.T @ x + alpha * np.eye(3))
    np.testing.assert_allclose(jac[1], inverse @ x.T, rtol=1e-9)
    np.testing.assert_allclose(jac[2], -inverse @ closed(x, t, alpha), rtol=1e-9)
    eps = 1e-6
    step = np.zeros_like(x)
    step[2, 1] = eps
    difference = (closed(x + step, t, alpha) - closed(x - step, t, alpha)) / (2 * eps)
    np.testing.assert_allclose(jac[0][:, 2, 1], difference, rtol=1e-6)


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
@pytest.mark.parametrize("solve", ["dense", "cg"])
def test_backends(backend, solve):
    seen = []

    @fn.implicit.root(lambda y, a: y * y - a, solve=solve)
    def solver(init, a):
        seen.append(type(a))
        return np.sqrt(fn.to_numpy(a))

    with fn.use_backend(backend):
        a = xp.asarray([4.0, 9.0], dtype=xp.float32)
        g = fn.grad(lambda a: xp.sum(solver(None, a)))(a)
        assert type(g) is type(a)
        assert g.dtype == a.dtype
        np.testing.assert_allclose(fn.to_numpy(g), [1 / 4, 1 / 6], rtol=1e-6)
        assert seen == [type(a)]


def test_vmap_and_start_without_derivative():
    f = cubic(S)
    s, bs = np.array(1.5), np.stack([B, 2 * B])
    np.testing.assert_allclose(
        fn.vmap(lambda b: fn.jacrev(f, 1)(s, b))(bs), [fn.jacrev(f, 1)(s, b) for b in bs], rtol=1e-12
    )
    root = fn.implicit.root(lambda y, a: y - a)(lambda init, a: a + 0 * init)
    assert fn.grad(lambda i, a: root(i, a) + 0 * i)(np.array(1.0), np.array(2.0)) == 0.0


# ------------------------------------------------------------------ bad input


def test_singular():
    for solve, text in (("dense", "is singular"), ("cg", "did not solve"), ("normal_cg", "did not solve")):
        root = fn.implicit.root(lambda y, a: (y - a) ** 2 * xp.asarray([1.0, 0.0]) - 0.0 * a, solve=solve)(
            lambda init, a: a
        )
        with pytest.raises(NotDifferentiableError, match=text):
            fn.vjp(lambda a, root=root: root(None, a), np.ones(2))[1](np.ones(2))


def test_conditions_unlike_the_solution():
    def use(condition, decorator=fn.implicit.root):
        return fn.grad(lambda a: xp.sum(decorator(condition)(lambda init, a: {"u": a})(None, a)["u"]))(B)

    with pytest.raises(TreeError, match=r"condition of '<lambda>' returned has another structure than the solution"):
        use(lambda y, a: y["u"] - a)
    with pytest.raises(ShapeError, match=r"does not have the shape of the solution at \.u"):
        use(lambda y, a: {"u": xp.sum(y["u"] - a)})
    with pytest.raises(ShapeError, match=r"iteration returned does not have the shape of the solution at \.u"):
        use(lambda y, a: {"u": xp.sum(y["u"] - a)}, fn.implicit.fixed_point)


def test_misuse():
    for name in ("root", "fixed_point", "optimum"):
        decorator = getattr(fn.implicit, name)
        with pytest.raises(ParameterError, match=rf"fn\.implicit\.{name} takes a function"):
            decorator(3)
        with pytest.raises(ParameterError, match=rf"fn\.implicit\.{name} takes a function"):
            decorator(lambda y: y)(3)
        with pytest.raises(ParameterError, match="does not know how to solve linear systems by 'lu'"):
            decorator(lambda y: y, solve="lu")
    with pytest.raises(AbstractValueError, match="is not known where only shapes are"):
        fn.eval_shape(lambda b: cubic(S)(np.array(1.0), b), B)
    with pytest.raises(DtypeError, match="not a real floating-point array"):
        fn.implicit.root(lambda y, a: y)(lambda init, a: np.arange(3))(None, B)
    with pytest.raises(NonScalarOutputError, match="did not return a pair"):
        fn.implicit.root(lambda y, a: y, has_aux=True)(lambda init, a: a)(None, B)


def test_a_condition_that_closes_over_a_traced_array():
    def f(w, a):
        return xp.sum(fn.implicit.root(lambda y, a: y * w - a)(lambda init, a: a / 2)(None, a))

    with pytest.raises(NotDifferentiableError, match="not among its arguments"):
        fn.grad(lambda w: f(w, w * B))(np.array(2.0))
    with pytest.raises(NotDifferentiableError, match="not among its arguments"):
        fn.grad(lambda w: f(w, B))(np.array(2.0))
    with pytest.raises(NotDifferentiableError, match="not among its arguments"):
        fn.jvp(lambda w: f(w, w * B), (np.array(2.0),), (np.array(1.0),))


def test_a_solver_may_work_in_place():
    @fn.implicit.root(lambda y, a: y * y - a)
    def solver(init, a):
        for _ in range(60):
            init += a / init
            init /= 2.0
        a *= 0.0
        return init

    start, a = np.ones(2), np.array([4.0, 9.0])

    def f(a):
        first = solver(start, a)
        return (first * solver(start, 4.0 * a)).sum()

    value, gradient = fn.value_and_grad(f)(a)
    assert value == 2.0 * a.sum()
    np.testing.assert_allclose(gradient, [2.0, 2.0], rtol=1e-12)
    np.testing.assert_array_equal(start, np.ones(2))
    np.testing.assert_array_equal(a, [4.0, 9.0])
    assert f(a) == value


def test_a_solver_may_make_arrays_of_its_own_and_take_constants_from_outside():
    def iteration(y, a):
        return xp.cos(a * y)

    def loss(a, outside):
        start = xp.zeros(2, dtype="float64")

        @fn.implicit.fixed_point(iteration, solve=lambda m, b: xp.linalg.solve(xp.stack([m(e) for e in np.eye(2)]), b))
        def solver(_, a):
            y = start if outside else xp.zeros_like(a)
            assert outside or type(y) is np.ndarray
            for _ in range(60 if a[0] else 0):
                y = iteration(y, a)
            return y

        return xp.sum(solver(None, a) ** 2)

    a = np.array([0.3, 0.6])
    wanted = fn.grad(lambda a: xp.sum(fn.fori_loop(0, 60, lambda _, y: iteration(y, a), np.zeros(2)) ** 2))(a)
    for outside in (False, True):
        np.testing.assert_allclose(fn.grad(loss)(a, outside), wanted, rtol=1e-12)
        np.testing.assert_allclose(fn.jacfwd(loss)(a, outside), wanted, rtol=1e-12)
        per_example = fn.vmap(lambda a: fn.grad(loss)(a, False))(np.stack([a, a]))
        np.testing.assert_allclose(per_example[1], wanted, rtol=1e-12)


def newton(y, a):
    return (y + a / y) / 2


def square_root(init, a):
    assert type(a) is np.ndarray
    for _ in range(50):
        init = newton(init, a)
    return init


ROOT = fn.implicit.fixed_point(newton)(square_root)


class TestUnderJit:
    A = np.array([4.0, 9.0])

    @pytest.mark.parametrize(
        "transformed",
        [
            lambda f: f,
            fn.value_and_grad,
            fn.hessian,
            lambda f: fn.jacfwd(fn.jacfwd(f)),
            lambda f: fn.vmap(fn.grad(lambda a: f(a[None]))),
        ],
        ids=["value", "gradient", "hessian", "forward", "vmap"],
    )
    def test_as_without(self, transformed):
        f = transformed(lambda a: xp.sum(ROOT(xp.ones_like(a), a) * a))
        wanted = fn.tree.leaves(f(self.A))
        for found in (fn.jit(f)(self.A), transformed(fn.jit(lambda a: xp.sum(a * ROOT(xp.ones_like(a), a))))(self.A)):
            for x, y in zip(fn.tree.leaves(found), wanted, strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-12)
                assert x.dtype == y.dtype

    @pytest.mark.parametrize(
        "solve", ["dense", "cg", "normal_cg", lambda m, b: np.linalg.solve(np.stack([m(e) for e in np.eye(2)], 1), b)]
    )
    def test_linear_systems_and_a_declared_shape(self, solve):
        @fn.implicit.root(
            lambda y, s, b: {"u": S @ y["u"] * s + y["u"] ** 3 - b}, solve=solve, shape=lambda init, s, b: {"u": b}
        )
        def solver(init, s, b):
            return {"u": optimize.root(lambda u: S @ u * s + u**3 - b, np.zeros(2), tol=1e-14).x}

        s = np.array(1.5)
        u = solver(None, s, B)["u"]
        inverse = np.linalg.inv(S * s + np.diag(3 * u**2))
        for jacobian in (fn.jacrev, fn.jacfwd):
            found = fn.jit(jacobian(lambda s, b: solver(None, s, b)["u"], (0, 1)))(s, B)
            np.testing.assert_allclose(found[0], -inverse @ S @ u, rtol=1e-8)
            np.testing.assert_allclose(found[1], inverse, rtol=1e-8)

    def test_in_the_steps_of_a_loop(self):
        def loss(start, xs):
            def step(c, x):
                y = ROOT(xp.ones_like(c), c + x)
                return y, y

            return xp.sum(fn.scan(step, start, xs)[1])

        xs = np.random.default_rng(0).random((5, 2)) + 1
        wanted = fn.grad(lambda c: sum([xp.sum(c := xp.sqrt(c + x)) for x in xs]))(self.A)
        np.testing.assert_allclose(fn.jit(fn.grad(loss))(self.A, xs), wanted, rtol=1e-12)

    def test_a_compiled_solver(self):
        compiled = fn.jit(lambda init, a: fn.fori_loop(0, 50, lambda _, y: newton(y, a), init))
        root = fn.implicit.fixed_point(newton)(compiled)
        f = fn.jit(fn.grad(lambda a: xp.sum(root(xp.ones_like(a), a))))
        np.testing.assert_allclose(f(self.A), [0.25, 1 / 6], rtol=1e-12)

    def test_a_number_to_start_from(self):
        found = fn.jit(fn.grad(lambda a: ROOT(1.0, a)))(np.array(4.0, np.float32))
        np.testing.assert_allclose(found, 0.25, rtol=1e-6)
        assert found.dtype == np.float32
        assert fn.eval_shape(lambda a: ROOT(1.0, a), np.array(4.0, np.float32)) == fn.Spec((), "float32")

    def test_what_the_solver_keeps_is_not_written_to(self):
        kept = np.array([2.0, 3.0])
        f = fn.jit(fn.implicit.root(lambda y, a: y * y - a)(lambda init, a: kept))
        f(self.A, self.A)[:] = 0
        np.testing.assert_array_equal(kept, [2.0, 3.0])

    def test_no_solution(self):
        f = fn.implicit.root(lambda y, a: y * y - a)(lambda init, a: init)
        with pytest.raises(NotDifferentiableError, match="returned what is no solution"):
            fn.jit(fn.grad(lambda a: xp.sum(f(xp.ones_like(a), a))))(self.A)

    def test_singular(self):
        f = fn.implicit.root(lambda y, a: 0 * y - 0 * a)(lambda init, a: init)
        with pytest.raises(np.linalg.LinAlgError):
            fn.jit(fn.grad(lambda a: xp.sum(f(xp.ones_like(a), a))))(self.A)

    @pytest.mark.parametrize(
        ("solver", "error"),
        [(lambda init, a: a[:1], ShapeError), (lambda init, a: a.astype(np.float32), DtypeError)],
        ids=["shape", "dtype"],
    )
    def test_unlike_what_was_said(self, solver, error):
        f = fn.implicit.root(lambda y, a: y - a)(solver)
        with pytest.raises(error, match="than its rule says"):
            fn.jit(f)(self.A, self.A)

    def test_unknown_shapes(self):
        root = fn.implicit.root(lambda y, a: y - a)(lambda init, a: a)
        for init in (None, np.arange(2)):
            with pytest.raises(AbstractValueError, match="shape=lambda init, a"):
                fn.jit(lambda a, init=init: root(init, a))(self.A)
        with pytest.raises(AbstractValueError, match="auxiliary data"):
            fn.jit(fn.implicit.root(lambda y, a: y - a, has_aux=True)(lambda init, a: (a, 1)))(self.A, self.A)
        with pytest.raises(ParameterError, match="takes shape as a function"):
            fn.implicit.root(lambda y, a: y - a, shape=(2,))
