"""Indexing in every form, and the updates, against NumPy; derivatives against scatters, adjoints and JAX."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet.backends.keys import layout
from funcnet.core import Spec
from funcnet.errors import (
    AbstractValueError,
    DtypeError,
    MixedBackendError,
    ParameterError,
    ShapeError,
)
from funcnet.ops import (
    getitem,
    index_add,
    index_max,
    index_min,
    index_multiply,
    index_set,
    setitem,
    sin,
    sum,
)
from funcnet.ops.encoding import encoded
from funcnet.testing import check_grads
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.batch import vmap
from funcnet.transforms.forward import jvp
from funcnet.transforms.jacobians import hessian
from funcnet.transforms.reverse import grad, vjp
from funcnet.transforms.shape import eval_shape

# array_api_strict's own argsort and nonzero give 64-bit integers even on the device that has none.
BACKENDS = [param for param in backend_params() if param.id != "strict-no-x64"]
PLAIN = backend_params(variants=False)


@pytest.fixture(params=BACKENDS)
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


def values(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 9, shape).astype(np.float32)


def of(case: BackendCase, key: Any) -> Any:
    """Return a key whose NumPy arrays belong to the backend of a case."""
    if isinstance(key, tuple):
        return tuple(of(case, k) for k in key)
    return case.asarray(key) if isinstance(key, np.ndarray) and key.shape else key


@st.composite
def shapes_and_keys(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape, and a key for it: static items, index arrays and masks in any mixture."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    broadcast = draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    items: list[Any] = []
    axis, dotted, masked = 0, False, False
    while axis < len(shape):
        size = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "slice", "array", "array", "new", "dots", "mask", "stop"]))
        if kind == "stop":
            break
        if kind == "new":
            items.append(None)
            if len(items) > 6:
                break
            continue
        if kind == "dots":
            if not dotted:
                dotted = True
                items.append(Ellipsis)
            axis = draw(st.integers(axis, len(shape)))
            continue
        if kind == "int":
            items.append(draw(st.integers(-size, size - 1)))
        elif kind == "slice":
            items.append(draw(st.slices(size)))
        elif kind == "mask":
            if masked:
                continue
            masked = True
            items.append(draw(hnp.arrays(bool, size)))
            broadcast = (int(items[-1].sum()),)
            if any(isinstance(k, np.ndarray) and k.dtype != bool for k in items):
                items.pop()
                continue
        else:
            items.append(draw(hnp.arrays(np.int64, broadcast, elements=st.integers(-size, size - 1))))
        axis += 1
    return shape, tuple(items) if len(items) != 1 or draw(st.booleans()) else items[0]


def with_dots_in_place(shape: tuple[int, ...], key: Any) -> bool:
    """Whether a drawn key names no more dimensions than there are and each item fits its own."""
    try:
        np.empty(shape)[key]
    except IndexError:
        return False
    return True


@pytest.mark.parametrize("case", PLAIN)
@pytest.mark.requirement("D26", "D38", "P31")
def test_values_and_gradients_of_any_key(case: BackendCase) -> None:
    @settings(max_examples=150)
    @given(drawn=shapes_and_keys())
    def check(drawn: tuple[tuple[int, ...], Any]) -> None:
        shape, key = drawn
        if not with_dots_in_place(shape, key):
            return
        host = values(shape)
        x, there = case.asarray(host), of(case, key)
        y, pullback = vjp(lambda x: getitem(x, there), x)
        wanted = host[key]
        np.testing.assert_array_equal(case.to_numpy(y), wanted)
        assert tuple(y.shape) == wanted.shape
        g = values(wanted.shape, 1)
        scattered = np.zeros_like(host)
        np.add.at(scattered, key, g)
        np.testing.assert_array_equal(case.to_numpy(pullback(case.asarray(g))[0]), scattered)
        _, static, indices, _ = encoded(x, there)
        assert layout(shape, static, tuple(tuple(i.shape) for i in indices)).shape == wanted.shape
        np.testing.assert_array_equal(case.to_numpy(x), host)

    check()


@pytest.mark.parametrize("case", PLAIN)
def test_updates_at_any_key(case: BackendCase) -> None:
    @settings(max_examples=100)
    @given(drawn=shapes_and_keys(), seed=st.integers(0, 99))
    def check(drawn: tuple[tuple[int, ...], Any], seed: int) -> None:
        shape, key = drawn
        if not with_dots_in_place(shape, key):
            return
        host = values(shape, seed)
        v = values(host[key].shape, seed + 1)
        x, there, new = case.asarray(host), of(case, key), case.asarray(v)
        expected = {"set": host.copy(), "add": host.copy(), "multiply": host.copy(), "min": host.copy()}
        expected["set"][key] = v
        np.add.at(expected["add"], key, v)
        np.multiply.at(expected["multiply"], key, v)
        np.minimum.at(expected["min"], key, v)
        for name, update in (("set", index_set), ("add", index_add), ("multiply", index_multiply), ("min", index_min)):
            np.testing.assert_array_equal(case.to_numpy(update(x, there, new)), expected[name], err_msg=name)
        np.testing.assert_array_equal(case.to_numpy(x), host)
        np.testing.assert_array_equal(case.to_numpy(new), v)
        # The transposes of both linear updates: <A(x, v), g> = <x, A'g> + <v, A''g>.
        g = values(shape, seed + 2)
        for name, update in (("set", index_set), ("add", index_add)):
            gx, gv = vjp(lambda x, v, u=update: u(x, there, v), x, new)[1](case.asarray(g))
            left = (expected[name] * g).sum(dtype=np.float64)
            right = (host * case.to_numpy(gx)).sum(dtype=np.float64) + (v * case.to_numpy(gv)).sum(dtype=np.float64)
            assert left == right, name

    check()


KEYS = {
    "int": 1,
    "negative": -1,
    "slice": slice(None, None, -2),
    "new": (None, Ellipsis, 0),
    "list": [0, 2, 0],
    "pair": ([0, 1, 1], [2, 0, 0]),
    "apart": ([1, 1], None, 0),
    "mask": np.array([[True, False, True], [False] * 3, [True] * 3]),
    "mask and int": (np.array([True, False, True]), -1),
    "true": True,
    "false": (False, 0),
    "numpy int": np.int64(2),
    "numpy true": (np.True_, Ellipsis),
    "range": range(2),
    "nothing": [],
    "nested": [[0, 1], [2, 2]],
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_forms_of_keys(case: BackendCase, key: Any, request: pytest.FixtureRequest) -> None:
    host = values((3, 3))
    if case.name == "strict-flags" and "mask" in request.node.name:
        with pytest.raises(RuntimeError, match="data-dependent"):
            getitem(case.asarray(host), of(case, key))
        return
    x = case.asarray(host)
    np.testing.assert_array_equal(case.to_numpy(getitem(x, of(case, key))), host[key])
    updated = host.copy()
    updated[key] = 7
    np.testing.assert_array_equal(case.to_numpy(setitem(x, of(case, key), 7.0)), updated)
    np.testing.assert_array_equal(case.to_numpy(x), host)


@pytest.mark.parametrize("key", [k for name, k in KEYS.items() if name in ("int", "negative", "slice", "new")])
@pytest.mark.parametrize("case", [param for param in backend_params() if param.id == "strict-no-x64"])
def test_static_keys_where_there_are_no_long_integers(case: BackendCase, key: Any) -> None:
    host = values((3, 3))
    with case.active():
        y, pullback = vjp(lambda x: getitem(x, key), case.asarray(host))
        np.testing.assert_array_equal(case.to_numpy(y), host[key])
        scattered = np.zeros_like(host)
        scattered[key] = 1
        np.testing.assert_array_equal(case.to_numpy(pullback(case.asarray(np.ones_like(host[key])))[0]), scattered)


def test_integer_arrays_of_any_dtype(case: BackendCase) -> None:
    host = values((3, 2))
    for dtype in ("int8", "uint8", "int32"):
        i = np.array([2, 0, 2], dtype=dtype)
        x = case.asarray(host)
        np.testing.assert_array_equal(case.to_numpy(getitem(x, case.asarray(i))), host[i])
        added = host.copy()
        np.add.at(added, i, 1.0)
        np.testing.assert_array_equal(case.to_numpy(index_add(x, case.asarray(i), 1.0)), added)


def test_traced_indices(case: BackendCase) -> None:
    host = values((4,))
    x, i = case.asarray(host), case.asarray(np.array([1, 1, 3]))

    def f(x: Any, w: Any) -> Any:
        # An integer array that a computation gave, and one element of it.
        j = i + 0
        return sum(getitem(x, j) * w) + getitem(x, j[0]) + getitem(x, (j[2],)) + x[[j[0], 0]][1]

    gx, gw = grad(f, argnums=(0, 1))(x, case.asarray(np.array([1.0, 2.0, 4.0], np.float32)))
    np.testing.assert_array_equal(case.to_numpy(gx), [1.0, 4.0, 0.0, 5.0])
    np.testing.assert_array_equal(case.to_numpy(gw), host[[1, 1, 3]])


def test_numpy_indices_of_other_arrays(case: BackendCase) -> None:
    host = values((4, 2))
    got = getitem(case.asarray(host), np.array([3, 0, 3]))
    np.testing.assert_array_equal(case.to_numpy(got), host[[3, 0, 3]])
    assert case.backend.device_of(got) == case.backend.device_name(case.device)


def test_the_last_of_repeated_values_stays_and_gets_the_cotangent(case: BackendCase) -> None:
    x, v = case.asarray(np.zeros(3, np.float32)), case.asarray(np.arange(1.0, 7.0, dtype=np.float32))
    key = [0, 2, 0, 2, 2, 0]
    y, pullback = vjp(lambda x, v: index_set(x, key, v), x, v)
    np.testing.assert_array_equal(case.to_numpy(y), [6.0, 0.0, 5.0])
    gx, gv = pullback(case.asarray(np.array([10.0, 20.0, 30.0], np.float32)))
    np.testing.assert_array_equal(case.to_numpy(gx), [0.0, 20.0, 0.0])
    np.testing.assert_array_equal(case.to_numpy(gv), [0.0, 0.0, 0.0, 0.0, 30.0, 10.0])
    _, tangent = jvp(lambda v: index_set(x, key, v), (v,), (v * 2,))
    np.testing.assert_array_equal(case.to_numpy(tangent), [12.0, 0.0, 10.0])


def test_extrema_share_ties_at_a_place() -> None:
    x, v = np.array([1.0, 5.0, 0.0]), np.array([1.0, 1.0, 7.0, -1.0])
    gx, gv = vjp(lambda x, v: index_max(x, [0, 0, 1, 2], v), x, v)[1](np.array([3.0, 1.0, 1.0]))
    np.testing.assert_array_equal(gx, [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(gv, [1.0, 1.0, 1.0, 0.0])
    gx, gv = vjp(lambda x, v: index_min(x, [0, 0, 1, 2], v), x, v)[1](np.array([3.0, 1.0, 1.0]))
    np.testing.assert_array_equal(gx, [1.0, 1.0, 0.0])
    np.testing.assert_array_equal(gv, [1.0, 1.0, 0.0, 1.0])
    with np.errstate(all="raise"):
        gx, gv = vjp(lambda x, v: index_max(x, 0, v), np.array([np.nan]), np.array(1.0))[1](np.array([1.0]))
    assert (gx[0], gv) == (0.0, 0.0)


def test_factors_at_repeated_places() -> None:
    x, v = np.array([2.0, 3.0]), np.array([5.0, 7.0])
    gx, gv = grad(lambda x, v: sum(index_multiply(x, [1, 0], v)), argnums=(0, 1))(x, v)
    np.testing.assert_array_equal(gx, [7.0, 5.0])
    np.testing.assert_array_equal(gv, [3.0, 2.0])
    np.testing.assert_array_equal(grad(lambda x: sum(index_multiply(x, [1, 1], v)))(x), [1.0, 35.0])
    np.testing.assert_array_equal(grad(lambda v: sum(index_multiply(x, [1, 1], v)))(v), [21.0, 15.0])
    # Zeros among the factors.
    for factors in ([5.0, 7.0, 0.0, 2.0], [0.0, 7.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]):
        check_grads(lambda x, v: sin(index_multiply(x, [1, 1, 0, -1], v)), [x, np.array(factors)], order=2)


def test_factors_at_repeated_places_of_batches() -> None:
    x, keys = np.array([2.0, 3.0, -1.0]), np.array([[1, 1, 0], [0, 1, 0], [2, 2, 2]])
    v = np.array([[5.0, 7.0, 0.5], [0.0, 2.0, 0.0], [1.0, 2.0, 3.0]])

    def f(v: Any, key: Any) -> Any:
        return sum(sin(index_multiply(x, key, v)))

    wanted = [grad(f)(a, k) for a, k in zip(v, keys, strict=True)]
    np.testing.assert_allclose(vmap(grad(f))(v, keys), wanted, rtol=1e-14)
    np.testing.assert_allclose(grad(lambda v: sum(vmap(f)(v, keys)))(v), wanted, rtol=1e-14)
    second = [hessian(f)(a, k) for a, k in zip(v, keys, strict=True)]
    np.testing.assert_allclose(vmap(hessian(f))(v, keys), second, rtol=1e-13)


@pytest.mark.requirement("D38")
def test_gradients_against_jax(jax64: Any) -> None:
    rng = np.random.default_rng(3)
    x, v = rng.normal(size=(4, 5)), rng.normal(size=(3, 2))
    i, j = np.array([0, 3, 3]), np.array([[1], [1], [4]])
    jnp = jax64.numpy

    def ours(x: Any, v: Any) -> Any:
        y = index_add(x, (i[:, None], j), v[:, :1])
        y = index_set(y, (slice(None, None, 2), 0), sum(v))
        y = index_max(y, (slice(1, 3), slice(None, None, 3)), v[:2])
        return sum(sin(getitem(y, (slice(None), i)) * getitem(y, (i, slice(None, 3)))[0, 0]))

    def theirs(x: Any, v: Any) -> Any:
        y = x.at[i[:, None], j].add(v[:, :1])
        y = y.at[::2, 0].set(jnp.sum(v))
        y = y.at[1:3, ::3].max(v[:2])
        return jnp.sum(jnp.sin(y[:, i] * y[i, :3][0, 0]))

    for got, wanted in zip(grad(ours, argnums=(0, 1))(x, v), jax64.grad(theirs, argnums=(0, 1))(x, v), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
    direction, step = rng.normal(size=x.shape), 1e-6
    second = grad(lambda x: sum(grad(ours)(x, v) * direction))(x)
    numerical = (grad(ours)(x + step * direction, v) - grad(ours)(x - step * direction, v)) / (2 * step)
    np.testing.assert_allclose(second, numerical, rtol=1e-6, atol=1e-8)


def test_assignment_in_a_traced_function() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        y[0] = y[1] * y[2]
        y[1:] = 2.0 * y[:2]
        y[[0, 0]] = sin(x[:2])
        return sum(y * y)

    x = np.array([0.3, 0.5, -0.7])
    g = grad(f)(x)
    step = 1e-6 * np.eye(3)

    def plain(x: np.ndarray) -> float:
        y = x.copy()
        y[0] = y[1] * y[2]
        y[1:] = 2.0 * y[:2]
        y[[0, 0]] = np.sin(x[:2])
        return float((y * y).sum())

    np.testing.assert_allclose(g, [(plain(x + e) - plain(x - e)) / 2e-6 for e in step], rtol=1e-8, atol=1e-9)


def test_many_uses_share_one_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    from funcnet.ops import slicing

    made = []
    zeros = slicing.zeros_raw
    monkeypatch.setattr(slicing, "zeros_raw", lambda *args: made.append(1) or zeros(*args))

    def f(x: Any) -> Any:
        total = 0.0
        for i in range(200):
            total = total + x[i] * x[-1 - i : 200 - i][0]
        return total

    x = np.arange(200.0)
    np.testing.assert_array_equal(grad(f)(x), 2 * x[::-1])
    # One for x, and one for each of the short slices.
    assert len(made) == 201


def test_a_cotangent_of_the_caller_is_not_written() -> None:
    g = np.ones(3)

    def f(x: Any) -> Any:
        y = x * 1.0
        return y, y[0]

    got = vjp(f, np.ones(3))[1]((g, np.array(5.0)))[0]
    np.testing.assert_array_equal(got, [6.0, 1.0, 1.0])
    np.testing.assert_array_equal(g, 1.0)


def test_out_of_range_indices(case: BackendCase) -> None:
    x = case.asarray(values((3, 2)))
    keys: list[Any] = [3, -4, (0, 2), (0, 0, 0), (Ellipsis, Ellipsis)]
    keys += [case.asarray(np.array([0, 3])), (slice(None), case.asarray(np.array([-3])))]
    for key in keys:
        with pytest.raises(IndexError):
            getitem(x, key)
        with pytest.raises(IndexError):
            index_add(x, key, 1.0)
        with pytest.raises(IndexError):
            index_set(x, key, 1.0)


def test_masks_that_do_not_fit(case: BackendCase) -> None:
    x = case.asarray(values((3, 2)))
    for key in ([True, False], (Ellipsis, [True, False, True]), np.ones((2, 2), bool)):
        with pytest.raises((IndexError, RuntimeError), match=r"does not match|data-dependent"):
            getitem(x, key)


@pytest.mark.parametrize(
    ("key", "error", "match"),
    [
        ("a", ParameterError, "cannot be indexed by this"),
        (1.0, ParameterError, "found: +float: 1.0"),
        (np.array([1.0]), DtypeError, "indexed by integers or booleans"),
        ({0}, ParameterError, "x\\[xp.asarray\\(i\\)\\]"),
    ],
)
def test_what_is_no_key(key: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        getitem(np.ones(3), key)


def test_values_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="values of shape \\(2,\\) for a place of shape \\(3,\\)"):
        index_set(np.ones((3, 3)), 0, np.ones(2))
    with pytest.raises(DtypeError, match="float64 into int64"):
        index_set(np.ones(3, int), 0, 1.5)
    with pytest.raises(DtypeError, match="complex128 into float64"):
        index_add(np.ones(3), 0, 1j)
    np.testing.assert_array_equal(index_set(np.zeros((2, 2)), 0, np.ones((1, 1, 2))), [[1, 1], [0, 0]])
    assert index_set(np.zeros(2, np.float32), 0, np.float64(2)).dtype == np.float32


def test_values_of_another_library() -> None:
    torch = pytest.importorskip("torch", reason="a second array library")
    with pytest.raises(MixedBackendError):
        index_set(np.ones(3), 0, torch.ones(()))
    assert float(index_set(torch.ones(3), 0, np.float64(4))[0]) == 4.0


def test_nested_lists_of_traced_values() -> None:
    g = grad(lambda a: sum(index_set(np.zeros(3), slice(None), [a, 2.0, a * a]) * np.arange(1.0, 4.0)))(np.array(5.0))
    assert g == 1.0 + 3.0 * 10.0


def test_integers_and_complex_numbers() -> None:
    np.testing.assert_array_equal(index_add(np.array([1, 2, 3]), [0, 0], [4, 5]), [10, 2, 3])
    z = np.array([1 + 2j, 3j])
    y, pullback = vjp(lambda z: getitem(z, [1, 1, 0]), z)
    np.testing.assert_array_equal(y, z[[1, 1, 0]])
    np.testing.assert_array_equal(pullback(np.array([1j, 2.0 + 0j, 3.0 + 0j]))[0], [3.0, 2.0 + 1j])


def test_shapes_without_values() -> None:
    spec = Spec((4, 5), "float32")

    def f(x: Any) -> Any:
        y = x[1:, [0, 0, 2]]
        y[0] = 1.0
        return y, index_add(x, (Ellipsis, None, 0), x[:, 1:2])

    assert eval_shape(f, spec) == (Spec((3, 3), "float32"), spec)
    with pytest.raises(AbstractValueError, match="depends on the values"):
        eval_shape(lambda x: x[x > 0], spec)
    with pytest.raises(AbstractValueError):
        eval_shape(lambda x: x[x[0, 0] > 0], spec)


@pytest.mark.parametrize("transform", [lambda f: f, fn.jit, lambda f: lambda x: fn.vmap(f)(x[None])[0]])
def test_one_value_is_put_at_a_mask_whose_values_are_unknown(transform):
    def f(x):
        y = x * 1.0
        y[y < 0] = 0.0
        y[x[:, 0] > 1] = 0.5 * x[0, 0]
        return y

    x = np.array([[0.3, -0.7], [1.9, 0.2]])
    np.testing.assert_array_equal(transform(f)(x), f(x))
    gradient = transform(fn.grad(lambda x: (f(x) * np.array([[2.0, 3.0], [5.0, 7.0]])).sum()))(x)
    np.testing.assert_allclose(gradient, [[8.0, 0.0], [0.0, 0.0]])
