"""The Fourier transforms: values, derivatives in both modes, lengths, normalisations and messages."""

import copy
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads

RNG = np.random.default_rng(7)
NORMS = ("backward", "ortho", "forward")
REAL_IN = ("rfft", "ihfft", "rfftn")


def _signal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    x = RNG.normal(size=shape)
    return x if name in REAL_IN else x + 1j * RNG.normal(size=shape)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 3, 6, 7])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize("axis", [0, -1])
def test_one_dimension_is_numpys(name: str, n: int | None, axis: int, norm: Any) -> None:
    x = _signal(name, (4, 5))
    wanted = getattr(np.fft, name)(x, n=n, axis=axis, norm=norm)
    found = getattr(xp.fft, name)(x, n=n, axis=axis, norm=norm)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)
    assert found.dtype == wanted.dtype


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("s", "axes"), [(None, None), (None, (0, 2)), ((3, 6), (2, 0)), ((5, 2), (-2, -1))])
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_several_dimensions_are_numpys(name: str, s: Any, axes: Any, norm: Any) -> None:
    x = _signal(name, (4, 3, 5))
    wanted = getattr(np.fft, name)(x, s=s, axes=axes, norm=norm)
    np.testing.assert_allclose(getattr(xp.fft, name)(x, s=s, axes=axes, norm=norm), wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"])
def test_single_precision_stays(name: str) -> None:
    x = _signal(name, (4, 6))
    x = x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)
    y = getattr(xp.fft, name)(x)
    assert y.dtype == (np.float32 if name in ("irfft", "hfft", "irfftn") else np.complex64)
    np.testing.assert_allclose(y, getattr(xp.fft, name)(x.astype(np.result_type(x, np.float64))), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [1, 4, 5, 8, 9])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_derivatives_by_differences(name: str, n: int, norm: Any) -> None:
    # Shorter and longer than the signal, odd and even.
    transform = getattr(xp.fft, name)
    check_grads(lambda x: transform(x, n=n, norm=norm), [_signal(name, (2, 5))], order=2)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@pytest.mark.parametrize(("s", "axes"), [(None, None), ((3, 6), (1, 0))])
def test_derivatives_in_several_dimensions_by_differences(name: str, s: Any, axes: Any) -> None:
    transform = getattr(xp.fft, name)
    check_grads(lambda x: transform(x, s=s, axes=axes, norm="ortho"), [_signal(name, (4, 5))], order=2)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [4, 5])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_cotangents_are_jaxs(name: str, n: int, norm: Any) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    x = _signal(name, (3, 5))
    with jax.enable_x64(True):
        y, pull = jax.vjp(lambda a: getattr(jax.numpy.fft, name)(a, n=n, norm=norm), x)
        g = RNG.normal(size=y.shape)
        g = g + 1j * RNG.normal(size=y.shape) if np.iscomplexobj(y) else g
        (wanted,) = (np.asarray(v) for v in pull(jax.numpy.asarray(g)))
    _, ours = fn.vjp(lambda a: getattr(xp.fft, name)(a, n=n, norm=norm), x)
    found = ours(g)
    np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, wanted, rtol=1e-12, atol=1e-12)


def test_the_tangent_is_the_transform_of_the_tangent() -> None:
    x, t = RNG.normal(size=(2, 7))
    np.testing.assert_array_equal(fn.jvp(xp.fft.rfft, (x,), (t,))[1], np.fft.rfft(t))


def test_a_convolution_by_transforms_has_the_gradient_of_the_sum() -> None:
    a, b = RNG.normal(size=(2, 6))

    def by_transforms(a: Any, b: Any) -> Any:
        return (xp.fft.irfft(xp.fft.rfft(a, n=11) * xp.fft.rfft(b, n=11), n=11) ** 2).sum()

    da, db = fn.grad(by_transforms, argnums=(0, 1))(a, b)
    c = np.convolve(a, b)
    np.testing.assert_allclose(da, 2 * np.correlate(c, b, "valid"), rtol=1e-12)
    np.testing.assert_allclose(db, 2 * np.correlate(c, a, "valid"), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies_are_numpys(n: int) -> None:
    np.testing.assert_allclose(xp.fft.fftfreq(n, d=0.5, dtype=np.float64), np.fft.fftfreq(n, d=0.5), rtol=1e-15)
    np.testing.assert_allclose(xp.fft.rfftfreq(n, d=0.5, dtype=np.float64), np.fft.rfftfreq(n, d=0.5), rtol=1e-15)
    assert xp.fft.fftfreq(n).dtype == np.float32


@pytest.mark.parametrize("axes", [None, 0, (1,), (0, -1)])
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts_are_numpys(name: str, axes: Any) -> None:
    x = RNG.normal(size=(4, 5))
    np.testing.assert_array_equal(getattr(xp.fft, name)(x, axes=axes), getattr(np.fft, name)(x, axes=axes))
    check_grads(lambda x: getattr(xp.fft, name)(x, axes=axes) ** 2, [x])


@pytest.mark.parametrize("backend", ["numpy", "strict", "torch"])
def test_frequencies_follow_the_traced_array(backend: str) -> None:
    if backend != "numpy":
        pytest.importorskip({"strict": "array_api_strict"}.get(backend, backend), reason=f"no {backend}")
    like = fn.backends.get(backend)
    x = like.asarray([1.0, 2.0, 4.0], dtype="float64")

    def low_pass(x: Any) -> Any:
        there = x.__array_namespace__()
        f = there.fft.fftfreq(3, dtype=there.float64)
        y = there.fft.fft(there.astype(x, there.complex128)) * there.exp(-(f**2))
        return there.sum(there.real(there.fft.ifft(y))[:2] ** 2)

    g = fn.grad(low_pass)(x)
    assert type(g) is type(x)
    plain = np.array([1.0, 2.0, 4.0])
    step = np.eye(3) * 1e-6
    wanted = [(_low_pass_value(plain + h) - _low_pass_value(plain - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(fn.to_numpy(g), wanted, rtol=1e-7)


def _low_pass_value(x: np.ndarray) -> float:
    y = np.fft.ifft(np.fft.fft(x) * np.exp(-(np.fft.fftfreq(3) ** 2))).real
    return float(np.sum(y[:2] ** 2))


def test_the_extension_is_one_module_of_each_namespace() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        there = x.__array_namespace__()
        seen.append(there.fft)
        assert not hasattr(there, "quaternions")
        assert copy.copy(there) is there
        return there.sum(x)

    fn.grad(f)(np.ones(2))
    fn.grad(f)(np.ones(2))
    assert seen[0] is seen[1]
    assert seen[0].__all__ == xp.fft.__all__


def test_messages() -> None:
    x = np.ones((2, 3))
    with pytest.raises(ParameterError, match=r"xp\.fft\.fft does not have that normalisation"):
        xp.fft.fft(x, norm="unitary")
    with pytest.raises(ParameterError, match=r"xp\.fft\.rfft takes an integer as length"):
        xp.fft.rfft(x, n=2.5)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"xp\.fft\.ifft needs at least one element"):
        xp.fft.ifft(x, n=0)
    with pytest.raises(ShapeError, match=r"xp\.fft\.irfft needs at least one element"):
        xp.fft.irfft(np.ones((1,)))
    with pytest.raises(ShapeError, match=r"xp\.fft\.fftn needs one length for each axis"):
        xp.fft.fftn(x, s=(2,), axes=(0, 1))
    with pytest.raises(ShapeError, match=r"xp\.fft\.fftn was given the same axis twice"):
        xp.fft.fftn(x, axes=(0, 0))
    with pytest.raises(ShapeError, match=r"xp\.fft\.fft got an axis that the array does not have"):
        xp.fft.fft(x, axis=2)
    with pytest.raises(ShapeError, match=r"xp\.fft\.rfftn needs an axis to transform"):
        xp.fft.rfftn(x, axes=())
    with pytest.raises(DtypeError, match=r"xp\.fft\.rfft transforms real numbers"):
        xp.fft.rfft(x + 0j)
    with pytest.raises(DtypeError, match=r"xp\.fft\.fft does not take this data type"):
        xp.fft.fft(np.ones(3, dtype=np.int64))
    with pytest.raises(DtypeError, match=r"xp\.fft\.fftfreq transforms real numbers"):
        xp.fft.fftfreq(3, dtype=np.complex128)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"])
def test_batches_are_transformed_at_once(name: str) -> None:
    x = _signal(name, (4, 3, 5))
    transform = getattr(xp.fft, name)
    given = {"s": (4, 6)} if name.endswith("n") else {"n": 6, "axis": 0}
    wanted = np.stack([transform(x[:, i], **given) for i in range(3)])
    np.testing.assert_allclose(fn.vmap(lambda a: transform(a, **given), in_axes=1)(x), wanted, rtol=1e-13, atol=1e-14)

    def loss(a: Any) -> Any:
        return (abs(transform(a, **given)) ** 3).sum()

    slopes = fn.vmap(fn.grad(loss), in_axes=1)(x)
    np.testing.assert_allclose(slopes, np.stack([fn.grad(loss)(x[:, i]) for i in range(3)]), rtol=1e-12, atol=1e-12)
