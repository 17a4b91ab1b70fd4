"""Assignment through views: traced code does what the same code does on plain arrays."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import funcnet as fn
from funcnet import xp
from funcnet.errors import CopyError
from funcnet.testing.backends import backend_params
from funcnet.testing.numerical import numerical_grad

X = np.array([0.37, -0.71, 1.13, 0.41])


def test_what_is_written_into_a_part_is_written_into_the_array():
    def f(x):
        a = xp.zeros((2, 3), dtype=x.dtype)
        a[0][1] = x[0]
        a.T[2][1] = x[1]
        a.reshape(6)[::-1][2] += x[2] ** 2
        row = a[1]
        row *= 2.0
        return (a * np.arange(1.0, 7.0).reshape(2, 3)).sum()

    np.testing.assert_allclose(fn.grad(f)(X), [2.0, 12.0, 2 * 2 * 4 * X[2], 0.0])


def test_what_is_written_into_the_array_shows_in_its_parts():
    def f(x):
        a = x * 1.0
        part, turned = a[1:3], a.reshape(2, 2).T
        copied = a[[1, 2]]
        a *= 3.0
        a[1] = 0.0
        return part.sum() + 10.0 * turned[1, 0] + 100.0 * copied.sum()

    np.testing.assert_allclose(fn.grad(f)(X), [0.0, 100.0, 103.0, 0.0])


def test_the_callers_array_is_left_alone():
    x = X.copy()

    def f(x):
        x[1:][0] = 0.0
        return (x**2).sum()

    np.testing.assert_allclose(fn.grad(f)(x), [2 * X[0], 0.0, 2 * X[2], 2 * X[3]])
    np.testing.assert_array_equal(x, X)


def test_a_scalar_of_numpy_is_no_view():
    def f(x):
        first = x[0]
        first += 10.0
        return x.sum() + first

    np.testing.assert_array_equal(fn.grad(f)(X), [2.0, 1.0, 1.0, 1.0])
    assert fn.value_and_grad(f)(X)[0] == f(X.copy())


def _program(seed):
    """Views of views, and assignments to them, at random."""

    def f(x):
        rng = np.random.default_rng(seed)
        shown = [np.zeros((2, 3, 2)) + 0.0 * x[0], x * 1.0]
        for _ in range(14):
            v = shown[int(rng.integers(len(shown)))]
            action = int(rng.integers(7))
            if action == 0 and v.ndim:
                shown.append(v[int(rng.integers(v.shape[0]))] if v.ndim > 1 else v[int(rng.integers(2)) :])
            elif action == 1:
                shown.append(v.T)
            elif action == 2:
                shown.append(v.reshape(-1))
            elif action == 3 and v.ndim:
                shown.append(v[::-1])
            elif action == 4 and v.ndim and v.size:
                v[int(rng.integers(v.shape[0]))] = float(rng.normal()) * x[int(rng.integers(4))]
            elif action == 5 and v.size:
                v *= float(rng.normal())
                v += x[1]
            elif action == 6 and v.ndim and v.size:
                v[v > 0.2345] = 0.5 * x[2]
        return sum(((i + 1) * v * v).sum() for i, v in enumerate(shown))

    return f


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_of_views_have_numpys_values_and_derivatives(seed):
    f = _program(seed)
    value, gradient = fn.value_and_grad(f)(X)
    np.testing.assert_allclose(fn.vmap(f)(np.stack([2 * X, X]))[1], value, rtol=1e-12)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-12)
    np.testing.assert_allclose(gradient, numerical_grad(lambda x: f(x.copy()), X), rtol=1e-7, atol=1e-7)
    _, tangent = fn.jvp(f, (X,), (X,))
    np.testing.assert_allclose(tangent, gradient @ X, rtol=1e-9, atol=1e-9)


#: What NumPy makes a view of, and what it makes a copy of.
PARTS = {
    "all of it": lambda y: y[...],
    "a new dimension": lambda y: y[None],
    "a new dimension within": lambda y: y[:, None, 1:],
    "squeezed": lambda y: y[None].squeeze(),
    "a NumPy integer": lambda y: y[np.int64(1)],
    "NumPy integers": lambda y: y[np.int64(1) :, np.int32(2)],
    "split": lambda y: np.split(y, 2)[1],
    "split unevenly": lambda y: np.array_split(y, 3, axis=-1)[0],
    "split at": lambda y: np.hsplit(y, [1])[1],
    "unstacked": lambda y: np.unstack(y, axis=1)[2],
    "rows": lambda y: list(y)[2],
    "raveled": lambda y: y.ravel(),
    "flattened": lambda y: y.flatten(),
    "raveled, transposed": lambda y: y.T.ravel(),
    "Fortran order": lambda y: np.reshape(y, (3, 4), order="F"),
    "tiled once": lambda y: np.tile(y, 1),
    "padded by nothing": lambda y: np.pad(y, 0),
    "resized to its shape": lambda y: np.resize(y, (4, 3)),
    "of its own data type": lambda y: np.astype(y, np.float64),
    "of its own data type, no copy": lambda y: y.astype(np.float64, copy=False),
    "conjugate": lambda y: y.conj(),
    "the function conjugate": lambda y: np.conj(y),
    "plus": lambda y: +y,
    "real part": lambda y: y.real,
    "turned": lambda y: np.rot90(y),
    "picked": lambda y: y[[0, 1]],
    "a number": lambda y: y[0, 1][None],
    "an array without dimensions": lambda y: y[0, 1, ...][None],
    "new labels": lambda y: np.einsum("ij->ji", y),
    "the same labels": lambda y: np.einsum("ij->ij", y),
    "the diagonal": lambda y: np.einsum("ii->i", y[1:]),
    "a diagonal of three dimensions": lambda y: np.einsum("iji->ji", y.reshape(2, 3, 2)),
    "a slice of what is turned": lambda y: y.reshape(2, 2, 3).swapaxes(0, 1)[0].reshape(-1),
    "rows that follow each other": lambda y: y[1:3].reshape(-1),
    "columns apart": lambda y: y[:, ::2].reshape(-1),
    "reversed and raveled": lambda y: y[::-1].reshape(-1),
    "a grid": lambda y: np.meshgrid(y[0], y[1])[0],
    "a sparse grid": lambda y: np.meshgrid(y[0], y[1], sparse=True)[1],
    "a sparse grid of views": lambda y: np.meshgrid(y[0], y[1], sparse=True, copy=False)[1],
    "a grid of one": lambda y: np.meshgrid(y[0])[0],
}


@pytest.mark.parametrize("name", PARTS)
def test_what_is_a_view_and_what_a_copy_is_as_in_numpy(name):
    take = PARTS[name]

    def programs(y):
        first, second, third = y * 1.0, y * 1.0, y * 1.0
        part, other, changed = take(first), take(second), take(third)
        part[..., 0] = 99.0
        second[..., 0] = 77.0
        changed *= 5.0
        return [first * 1.0, part * 1.0, second * 1.0, other * 1.0, third * 1.0, changed * 1.0]

    x = np.arange(1.0, 13.0).reshape(4, 3)
    found, _ = fn.vjp(programs, x)
    several = fn.vmap(programs)(np.stack([2 * x, x]))
    inside = fn.vmap(programs, in_axes=2)(np.stack([2 * x, x], axis=2))
    between = fn.vmap(fn.vmap(programs, in_axes=1), in_axes=1)(np.stack([np.stack([x, 2 * x], axis=1)] * 2, axis=1))
    captured = fn.jit(programs)(x)
    for k, numpys in enumerate(programs(x)):
        np.testing.assert_array_equal(found[k], numpys)
        np.testing.assert_array_equal(several[k][1], numpys)
        np.testing.assert_array_equal(inside[k][1], numpys)
        np.testing.assert_array_equal(between[k][1, 0], numpys)
        np.testing.assert_array_equal(captured[k], numpys)
    weights = np.cos(np.arange(12.0)).reshape(4, 3)
    gradient = fn.grad(lambda x: sum((p * p).sum() for p in programs(x * weights)))(x)
    expected = numerical_grad(lambda x: sum((p * p).sum() for p in programs(x * weights)), x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8)
    captured = fn.jit(fn.grad(lambda x: sum((p * p).sum() for p in programs(x * weights))))(x)
    np.testing.assert_allclose(captured, gradient, rtol=1e-12)


#: What NumPy shows but lets nobody write to.
SHOWN = {
    "the diagonal": lambda y: np.diagonal(y, 1),
    "the method diagonal": lambda y: y.diagonal(),
    "diag": lambda y: np.diag(y),
    "broadcast": lambda y: np.broadcast_to(y, (2, 4, 3)),
    "windows": lambda y: sliding_window_view(y, 2, axis=1),
    "a part of windows": lambda y: sliding_window_view(y, (2, 2))[0, 1],
}


@pytest.mark.parametrize("name", SHOWN)
def test_views_that_cannot_be_written_to_show_what_is_written_and_refuse_the_rest(name):
    take = SHOWN[name]

    def program(y):
        y = y * 1.0
        shown = take(y)
        y[1] *= y[0, 0]
        y[0] = 3.0
        return shown * 1.0

    def writing(y):
        y = y * 1.0
        take(y)[0] = 3.0
        return y

    x = np.arange(1.0, 13.0).reshape(4, 3)
    weights = np.cos(np.arange(float(np.size(program(x))))).reshape(np.shape(program(x)))
    value, gradient = fn.value_and_grad(lambda y: (program(y) * weights).sum())(x)
    np.testing.assert_allclose(value, (program(x) * weights).sum(), rtol=1e-14)
    np.testing.assert_allclose(gradient, numerical_grad(lambda y: (program(y) * weights).sum(), x), atol=1e-8)
    np.testing.assert_array_equal(fn.jit(program)(x), program(x))
    np.testing.assert_array_equal(fn.vmap(program)(x[None])[0], program(x))
    with pytest.raises(ValueError, match="read-only"):
        writing(x)
    for transformed in (fn.jit(writing), lambda x: fn.vjp(writing, x), lambda x: fn.vmap(writing)(x[None])):
        with pytest.raises(CopyError, match=r"cannot be written to, in .*test_views(.|\n)*np.einsum"):
            transformed(x)


@pytest.mark.parametrize("case", backend_params())
def test_diagonals_can_be_written_to_where_the_library_lets_them(case):
    def program(x):
        a = x * 1.0
        xp.linalg.diagonal(a, offset=1)[...] = a[1, 0] ** 2
        return xp.sum(a)

    x = case.asarray([[2.0, 3.0], [5.0, 7.0]], "float32")
    with case.active():
        if case.backend_name in ("numpy", "strict"):
            with pytest.raises(CopyError):
                fn.grad(program)(x)
        else:
            expected = np.float32([[1.0, 0.0], [11.0, 1.0]])
            np.testing.assert_array_equal(case.to_numpy(fn.grad(program)(x)), expected)
            np.testing.assert_array_equal(case.to_numpy(fn.jit(fn.grad(program))(x)), expected)


def test_numbers_are_no_views_inside_of_vmap_and_jit():
    def f(x):
        first, (second, *_) = x[0], np.unstack(x)
        first += 10.0
        second *= 3.0
        return x * 1.0, first, second

    for found in (fn.jit(f)(X), fn.vjp(f, X)[0], [y[0] for y in fn.vmap(f)(X[None])]):
        for ours, numpys in zip(found, f(X.copy()), strict=True):
            np.testing.assert_array_equal(ours, numpys)


def _number_in_a_list(x):
    s, kept = x[0], []
    for i in range(3):
        kept.append(s)
        s += x[1]
        kept[-1] *= 1.0 + i
    return sum(kept) * s


def _number_of_a_sum(x):
    s = (x * x).sum() / 2
    before = s
    s -= x[0]
    s **= 2
    return before * s


def _number_that_becomes_an_array(x):
    s = x.max()
    before = s
    s += x
    return before * s.sum()


def _array_without_dimensions(x):
    s = x[0, ...]
    before = s
    s += 1.0
    s *= x[1]
    return before * x.sum()


@pytest.mark.parametrize(
    "f", [_number_in_a_list, _number_of_a_sum, _number_that_becomes_an_array, _array_without_dimensions]
)
def test_numbers_are_replaced_and_arrays_are_written_to(f):
    value, gradient = fn.value_and_grad(f)(X)
    assert value == pytest.approx(f(X.copy()), rel=1e-14)
    np.testing.assert_allclose(gradient, numerical_grad(lambda x: f(x.copy()), X), rtol=1e-8)
    assert fn.jvp(f, (X,), (X,))[1] == pytest.approx(gradient @ X)
    for found in (fn.jit(f)(X), fn.vmap(f)(X[None])[0], fn.jit(fn.vmap(f))(X[None])[0]):
        assert found == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(fn.jit(fn.grad(f))(X), gradient, rtol=1e-12)
    np.testing.assert_allclose(fn.vmap(fn.grad(f))(X[None])[0], gradient, rtol=1e-12)


def test_an_array_without_dimensions_stays_one():
    def f(x):
        s = fn.lift(np.array(1.0))
        same = s
        s += x[0]
        s *= x[1]
        return same + 0.0 * x[2]

    assert fn.value_and_grad(f)(X)[0] == pytest.approx((1.0 + X[0]) * X[1])


def test_a_traced_number_fills_an_array_of_its_own():
    def f(x):
        filled = xp.full((), x[0])
        filled += 1.0
        return x[0] + filled

    assert fn.value_and_grad(f)(X)[0] == pytest.approx(2 * X[0] + 1.0)
    assert fn.jit(f)(X) == pytest.approx(2 * X[0] + 1.0)


@pytest.mark.parametrize("part", ["real", "imag"])
def test_parts_of_complex_numbers_are_views(part):
    def program(x):
        z = x * (1.0 + 2.0j)
        view = getattr(z, part)
        view[1:] = x[:-1] ** 2
        z[0] = 3.0 - x[0] * 1j
        return (np.abs(z) ** 2).sum() + view[0]

    assert fn.value_and_grad(program)(X)[0] == pytest.approx(program(X), rel=1e-14)
    np.testing.assert_allclose(fn.grad(program)(X), numerical_grad(program, X), rtol=1e-8)
    np.testing.assert_allclose(fn.jit(fn.grad(program))(X), fn.grad(program)(X), rtol=1e-14)


@pytest.mark.parametrize("case", backend_params())
def test_views_on_every_backend(case):
    def f(x):
        a = x * 1.0
        a[1][0] = 0.0
        xp.permute_dims(a, (1, 0))[1] *= x[0, 0]
        xp.reshape(a, (4,))[3] = 0.0
        return xp.sum(a)

    x = case.asarray([[2.0, 3.0], [5.0, 7.0]], "float32")
    with case.active():
        for gradient in (fn.grad(f)(x), fn.jit(fn.grad(f))(x)):
            np.testing.assert_array_equal(case.to_numpy(gradient), np.float32([[4.0, 2.0], [0.0, 0.0]]))


def test_parts_that_are_gone_are_forgotten():
    def f(x):
        for i in range(1000):
            x[i % 4 :].sum()
        assert len(x.views) <= 32
        return x.sum()

    fn.grad(f)(X)


def test_shapes_alone():
    def f(x):
        x[0][1] = 0.0
        return x.T

    assert fn.eval_shape(f, fn.Spec((2, 3))) == fn.Spec((3, 2))
