"""custom_vjp and custom_jvp."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, NotDifferentiableError, ParameterError, ShapeError, TreeError
from funcnet.testing import check_grads

X = np.array([0.3, 0.7, -1.2])
W = {"w": np.array(1.3), "n": None}


@pytest.fixture(autouse=True)
def _double():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def plain(x, w):
    return {"y": xp.sin(x) * w["w"], "s": (xp.sum(x),)}


def ruled():
    @fn.custom_vjp
    def f(x, w):
        return plain(x, w)

    def fwd(x, w):
        return plain(x, w), (x, w)

    def bwd(kept, g):
        x, w = kept
        dw = xp.sum(g["y"] * xp.sin(x))
        return g["y"] * xp.cos(x) * w["w"] + g["s"][0], {"w": dw, "n": None}

    f.defvjp(fwd, bwd)
    return f


def ruled_forward():
    @fn.custom_jvp
    def f(x, w):
        return plain(x, w)

    @f.defjvp
    def rule(primals, tangents):
        (x, w), (dx, dw) = primals, tangents
        return f(x, w), {"y": xp.cos(x) * dx * w["w"] + xp.sin(x) * dw["w"], "s": (xp.sum(dx),)}

    return f


def scalar(f):
    def loss(x, w):
        r = f(x, w)
        return xp.sum(r["y"] ** 2) + r["s"][0] ** 3

    return loss


# ------------------------------------------------------------------ derivatives


@pytest.mark.parametrize("make", [ruled, ruled_forward])
@pytest.mark.requirement("D30", "T28")
def test_every_order_and_nesting_equals_the_plain_function(make):
    ours, theirs = scalar(make()), scalar(plain)
    for a, b in zip(
        fn.tree.leaves(fn.grad(ours, (0, 1))(X, W)), fn.tree.leaves(fn.grad(theirs, (0, 1))(X, W)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-14)

    def results(loss):
        def second(x):
            return xp.sum(fn.grad(loss)(x, W) ** 2)

        def forward(x):
            return fn.jvp(lambda x: loss(x, W), (x,), (xp.ones_like(x),))[1]

        yield fn.jvp(loss, (X, W), (X, W))
        yield fn.grad(second)(X)
        yield fn.jvp(second, (X,), (X,))
        yield fn.grad(lambda x: xp.sum(fn.grad(second)(x) ** 2))(X)
        yield fn.grad(forward)(X)
        yield fn.jvp(forward, (X,), (X,))
        yield fn.jvp(lambda x: fn.grad(forward)(x), (X,), (X,))

    for a, b in zip(results(ours), results(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("make", [ruled, ruled_forward])
def test_check_grads(make):
    f = make()
    check_grads(lambda x, w: scalar(f)(x, {"w": w, "n": None}), (X, W["w"]), order=2)


def test_the_rule_is_used_in_place_of_the_function():
    @fn.custom_vjp
    def double(x):
        return x * 1.0

    double.defvjp(lambda x: (x, None), lambda _, g: (g * 10.0,))
    assert fn.grad(double)(np.array(1.0)) == 10.0
    assert fn.jvp(double, (np.array(1.0),), (np.array(2.0),))[1] == 20.0
    assert double(np.array(3.0)) == 3.0
    assert fn.grad(lambda x: double(double(x)))(np.array(1.0)) == 100.0


def test_jax_gives_the_same_for_log1pexp():
    def rule(primals, tangents, xp):
        (x,), (t,) = primals, tangents
        return xp.log(1 + xp.exp(x)), t / (1 + xp.exp(-x))

    ours = fn.custom_jvp(lambda x: xp.log(1 + xp.exp(x)))
    ours.defjvp(lambda p, t: rule(p, t, xp))
    theirs = jax.custom_jvp(lambda x: jnp.log(1 + jnp.exp(x)))
    theirs.defjvp(lambda p, t: rule(p, t, jnp))
    for x in (-300.0, 0.3, 30.0):
        assert fn.grad(ours)(np.array(x)) == pytest.approx(float(jax.grad(theirs)(x)), rel=1e-14, abs=0)
        assert fn.grad(fn.grad(ours))(np.array(x)) == pytest.approx(
            float(jax.grad(jax.grad(theirs))(x)), rel=1e-12, abs=0
        )


def test_outer_levels_differentiate_the_forward_rule_as_in_jax():
    # fwd returns another value than f: what JAX's second derivative shows, ours shows.
    def both(m, sin):
        f = m.custom_vjp(lambda x: sin(x))
        f.defvjp(lambda x: (x**2, x), lambda x, g: (g * x**3,))
        return m.grad(m.grad(lambda x: f(x) * x))

    assert fn.grad(lambda x: x)(np.array(1.0)) == 1.0
    assert both(fn, xp.sin)(np.array(1.5)) == pytest.approx(float(both(jax, jnp.sin)(1.5)), rel=1e-13)


def test_integer_outputs_and_arguments():
    @fn.custom_vjp
    def top(x, k, *, unused=None):
        return x * k, xp.argmax(x)

    top.defvjp(lambda x, k: ((x * k, xp.argmax(x)), k), lambda k, g: (g[0] * k, None))
    value, pullback = fn.vjp(lambda x: top(x, 3), X)
    assert int(value[1]) == 1
    np.testing.assert_array_equal(pullback((np.ones(3), None))[0], [3.0, 3.0, 3.0])
    np.testing.assert_array_equal(fn.jvp(lambda x: top(x, 3), (X,), (X,))[1][0], 3 * X)
    tangents = []

    @fn.custom_jvp
    def scaled(x, k):
        return x * k

    @scaled.defjvp
    def _rule(primals, given):
        tangents.append(given)
        return primals[0] * primals[1], given[0] * primals[1]

    np.testing.assert_array_equal(fn.grad(lambda x: xp.sum(scaled(x, np.array([1, 2, 3]))))(X), [1.0, 2.0, 3.0])
    assert tangents[0][1] is None


@pytest.mark.requirement("DX22")
def test_outputs_without_cotangent_get_zeros():
    @fn.custom_vjp
    def two(x):
        return x, 2 * x

    two.defvjp(lambda x: ((x, 2 * x), None), lambda _, g: (g[0] + 2 * g[1],))
    np.testing.assert_array_equal(fn.grad(lambda x: xp.sum(two(x)[1]))(X), 2 * np.ones(3))
    _, pullback = fn.vjp(two, X)
    np.testing.assert_array_equal(pullback((None, X))[0], 2 * X)
    np.testing.assert_array_equal(pullback((X, None))[0], X)


def test_none_is_zero():
    @fn.custom_vjp
    def f(p, q):
        return xp.sum(p["a"] * p["b"]) * q

    f.defvjp(
        lambda p, q: (xp.sum(p["a"] * p["b"]) * q, (p, q)), lambda kept, g: ({"a": None, "b": g * kept[0]["a"]}, None)
    )
    dp, dq = fn.grad(f, (0, 1))({"a": X, "b": X}, np.array(2.0))
    np.testing.assert_array_equal(dp["a"], np.zeros(3))
    np.testing.assert_array_equal(dp["b"], X)
    assert dq == 0


def test_nondiff_argnums_and_keywords():
    @fn.custom_vjp
    def plain_vjp(x):
        return x

    def power(n, x, scale=2.0):
        return scale * x**n

    f = fn.custom_vjp(power, nondiff_argnums=0)
    f.defvjp(
        lambda n, x, scale=2.0: (power(n, x, scale), (x, scale)),
        lambda n, kept, g: (g * n * kept[1] * kept[0] ** (n - 1), None)[:2],
    )
    assert fn.grad(lambda x: f(3, x, scale=np.array(4.0)))(np.array(2.0)) == 48.0
    assert fn.grad(lambda x: f(3, x=x))(np.array(2.0)) == 24.0
    g = fn.custom_jvp(power, nondiff_argnums=(0,))
    g.defjvps(lambda t, y, n, x, scale: t * n * y / x, None)
    assert fn.grad(lambda x: g(3, x, 2.0))(np.array(2.0)) == 24.0
    with pytest.raises(NotDifferentiableError, match="declared as not differentiable"):
        fn.grad(lambda n: f(n, np.array(2.0), 1.0))(np.array(3.0))
    only = fn.custom_vjp(lambda x, *, k: x * k)
    with pytest.raises(ParameterError, match="keyword-only"):
        only(np.array(1.0), k=2)


def test_writing_into_arguments_of_rules_leaves_the_callers_arrays_alone():
    @fn.custom_vjp
    def f(x):
        return x * 1.0

    def fwd(x):
        x[0] = 5.0
        return x * 1.0, x

    def bwd(x, g):
        g[0] = 0.0
        x[1] = 7.0
        return (g * x,)

    f.defvjp(fwd, bwd)
    x = X.copy()
    value, pullback = fn.vjp(f, x)
    ct = np.ones(3)
    np.testing.assert_array_equal(pullback(ct)[0], [0.0, 7.0, -1.2])
    np.testing.assert_array_equal(pullback(ct)[0], [0.0, 7.0, -1.2])
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(ct, np.ones(3))
    np.testing.assert_array_equal(value, [5.0, 0.7, -1.2])


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
def test_backends(backend):
    with fn.use_backend(backend):
        x = xp.asarray([0.3, 0.7], dtype=xp.float64)
        f = ruled()
        w = {"w": xp.asarray(2.0, dtype=xp.float64), "n": None}
        g = fn.grad(scalar(f))(x, w)
        assert type(g) is type(x)
        np.testing.assert_allclose(fn.to_numpy(g), fn.to_numpy(fn.grad(scalar(plain))(x, w)), rtol=1e-14)


def test_shapes_without_values():
    assert fn.eval_shape(fn.grad(scalar(ruled())), X, W) == fn.Spec((3,), "float64")
    assert fn.eval_shape(ruled_forward(), X, W)["s"][0] == fn.Spec((), "float64")


@pytest.mark.parametrize("wrap", [lambda f: f, fn.checkpoint])
def test_nothing_stays_alive_until_the_garbage_collector_comes(wrap):
    class Option:
        pass

    f = fn.custom_vjp(lambda x, option: x * 1.0, nondiff_argnums=1)
    f.defvjp(lambda x, option: (x * 1.0, x), lambda option, x, g: (g * x,))
    option = Option()
    ref = weakref.ref(option)
    gc.disable()
    try:
        fn.grad(lambda x, option=option: xp.sum(wrap(lambda x: f(f(x, option), option))(x)))(X)
        fn.jvp(lambda x, option=option: f(x, option), (X,), (X,))
        del option
        assert ref() is None
    finally:
        gc.enable()


def test_keeps_name_and_docstring():
    f = fn.custom_vjp(plain)
    assert f.__name__ == "plain"
    assert repr(f) == "<custom_vjp function plain>"


# ------------------------------------------------------------------ bad input


def test_no_rule():
    with pytest.raises(ParameterError, match=r"'plain' has no rule(.|\n)*plain\.defvjp"):
        fn.grad(scalar(fn.custom_vjp(plain)))(X, W)
    with pytest.raises(ParameterError, match=r"'plain' has no rule(.|\n)*plain\.defjvp"):
        fn.grad(scalar(fn.custom_jvp(plain)))(X, W)
    with pytest.raises(ParameterError, match="decorates a function"):
        fn.custom_vjp(3)


def test_methods_are_refused():
    class Model:
        @fn.custom_vjp
        def f(self, x):
            return x

    with pytest.raises(ParameterError, match="not methods"):
        Model().f(X)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (lambda g: g, TreeError, "is not one cotangent for each differentiable argument"),
        (lambda g: (g,), TreeError, "a tuple of length 2"),
        (lambda g: ({"w": g, "v": g}, g), TreeError, r"'f' returned for argument 0 has another structure"),
        (lambda g: ({"w": (g, g)}, g), TreeError, r"another structure than argument 0, leaf \.w"),
        (lambda g: ({"w": g[:2]}, g), ShapeError, r"shape of argument 0, leaf \.w(.|\n)*\(2,\)(.|\n)*\(3,\)"),
        (lambda g: (None, xp.astype(g, xp.float32)), DtypeError, r"dtype of argument 1(.|\n)*float32(.|\n)*float64"),
    ],
)
@pytest.mark.requirement("DX23")
def test_wrong_cotangents(answer, error, text):
    f = fn.custom_vjp(lambda p, x: p["w"] * x)
    f.__wrapped__.__name__ = f.name = "f"
    f.defvjp(lambda p, x: (p["w"] * x, None), lambda _, g: answer(g))
    with pytest.raises(error, match=text):
        fn.grad(lambda p, x: xp.sum(f(p, x)), (0, 1))({"w": X}, X)


def test_wrong_pairs():
    f = fn.custom_vjp(lambda x: x)
    f.defvjp(lambda x: x, lambda _, g: (g,))
    with pytest.raises(TreeError, match=r"forward rule of '<lambda>' did not return a pair"):
        fn.grad(f)(np.array(1.0))
    g = fn.custom_jvp(lambda x: x)
    g.defjvp(lambda p, t: t[0])
    with pytest.raises(TreeError, match=r"jvp rule of '<lambda>' did not return a pair"):
        fn.grad(g)(np.array(1.0))


def test_wrong_tangents():
    f = fn.custom_jvp(lambda x: {"y": x})
    f.defjvp(lambda p, t: ({"y": p[0]}, {"y": t[0][:2]}))
    with pytest.raises(
        ShapeError, match=r"jvp rule of '<lambda>' returned does not have the shape of the output at \.y"
    ):
        fn.jvp(f, (X,), (X,))
    f.defjvp(lambda p, t: ({"y": p[0]}, t[0]))
    with pytest.raises(TreeError, match="another structure than the output"):
        fn.jvp(f, (X,), (X,))
    f.defjvps(lambda t, y, x: t, None)
    with pytest.raises(ParameterError, match="2 rules, 1 arguments"):
        fn.jvp(f, (X,), (X,))


def test_traced_arrays_from_outside_are_refused():
    def outer(w, traced):
        f = fn.custom_vjp(lambda x: x * w)
        f.defvjp(lambda x: (x * w, None), lambda _, g: (g,))
        return xp.sum(f(w if traced else X))

    for traced in (True, False):
        with pytest.raises(NotDifferentiableError, match="not among its arguments"):
            fn.grad(lambda w, traced=traced: outer(w, traced))(X)


def test_a_result_that_is_no_array():
    f = fn.custom_vjp(lambda x: "text")
    f.defvjp(lambda x: ("text", None), lambda _, g: (g,))
    with pytest.raises(DtypeError, match="returned something that is not an array"):
        fn.vjp(f, X)


@pytest.mark.parametrize("rule", [fn.custom_vjp, fn.custom_jvp])
def test_functions_that_make_arrays_of_their_own(rule):
    f = rule(lambda x: xp.zeros_like(x) + 2.0 * x)
    if rule is fn.custom_vjp:
        # The rule calls the function, whose result is in turn kept for the way back.
        f.defvjp(lambda x: ((y := f(x)), y), lambda y, g: (2.0 * g + 0.0 * y,))
    else:
        f.defjvp(lambda primals, tangents: (f(*primals), 2.0 * tangents[0]))

    def loss(x):
        constant = f(xp.ones(3, dtype="float64"))
        return xp.sum(x * constant * f(x))

    x = np.arange(3.0)
    for gradient in (fn.grad(loss), fn.jacfwd(loss), fn.jit(fn.grad(loss)), fn.grad(fn.checkpoint(loss))):
        np.testing.assert_array_equal(gradient(x), 8.0 * x)
    np.testing.assert_array_equal(fn.vmap(fn.grad(loss))(np.stack([x, x])), 8.0 * np.stack([x, x]))
    np.testing.assert_array_equal(fn.hessian(loss)(x), 8.0 * np.eye(3))
