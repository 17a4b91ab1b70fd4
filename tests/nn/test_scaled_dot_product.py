"""Attention as a function: against PyTorch and a direct formula, in blocks and at once, masks, memory, and errors."""

import tracemalloc

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")
attend = nn.functional.scaled_dot_product_attention
RNG = np.random.default_rng


def _relative(found, wanted):
    return float(np.max(np.abs(found - wanted)) / max(np.max(np.abs(wanted)), 1e-300))


def _arrays(queries=5, keys=7, heads=4, kv_heads=2, features=3, out=2, seed=0):
    rng = RNG(seed)
    shapes = (2, queries, heads, features), (2, keys, kv_heads, features), (2, keys, kv_heads, out)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def _torch(q, k, v, mask=None, bias=None, causal=False, **options):
    q, k, v = (x.permute(0, 2, 1, 3) for x in (q, k, v))
    if mask is not None:
        added = torch.zeros(mask.shape, dtype=torch.float64).masked_fill(~mask, -torch.inf)
        bias = added if bias is None else bias + added
    y = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1], **options
    )
    return y.permute(0, 2, 1, 3)


_BIAS = RNG(3).standard_normal((4, 5, 7))
_MASK = RNG(4).random((2, 1, 5, 7)) < 0.6
_MASK[..., 0] = True

#: name, shapes, options without arrays, bias, mask.
CASES = [
    ("plain", {"kv_heads": 4}, {}, None, None),
    ("grouped queries", {}, {}, None, None),
    ("one head of keys", {"kv_heads": 1}, {"scale": 0.3}, None, None),
    ("causal", {"keys": 5}, {"causal": True}, None, None),
    ("causal, more keys", {}, {"causal": True}, None, None),
    ("boolean mask", {}, {}, None, _MASK),
    ("bias", {}, {}, _BIAS, None),
    ("bias and mask", {}, {}, _BIAS[:, :1], _MASK),
]
CHUNKS = [None, 2, 4]


def _compare(shapes, options, bias, mask, chunk):
    """Return the errors of the output and of the gradients of queries, keys, values and bias."""
    arrays = _arrays(**shapes)
    arrays = arrays if bias is None else (*arrays, bias)

    def ours(q, k, v, bias=None):
        return attend(q, k, v, bias=bias, mask=mask, chunk=chunk, **options)

    y, pullback = fn.vjp(ours, *arrays)
    g = RNG(9).standard_normal(y.shape)
    found = pullback(g)
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]
    wanted = _torch(
        *tensors[:3],
        mask=None if mask is None else torch.from_numpy(mask),
        bias=None if bias is None else tensors[3],
        **options,
    )
    wanted.backward(torch.from_numpy(g))
    slopes = [_relative(f, t.grad.numpy()) for f, t in zip(found, tensors, strict=True)]
    return _relative(y, wanted.detach().numpy()), max(slopes)


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, *case in CASES:
        found = [_compare(*case, chunk) for chunk in CHUNKS]
        yield f"attention, {name}", "torch", max(f[0] for f in found), max(f[1] for f in found), None


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(("name", "shapes", "options", "bias", "mask"), CASES, ids=[c[0] for c in CASES])
def test_equals_torch(name, shapes, options, bias, mask, chunk):
    assert max(_compare(shapes, options, bias, mask, chunk)) < 1e-12


@pytest.mark.parametrize("chunk", CHUNKS)
def test_rows_that_see_nothing_give_zero_and_get_zero(chunk):
    q, k, v = _arrays()
    mask = np.ones((5, 7), dtype=bool)
    mask[1] = mask[4] = False
    for arguments in ({"mask": mask}, {"mask": np.where(mask, 0.0, -np.inf)}):

        def f(q, k, v, arguments=arguments):
            return attend(q, k, v, chunk=chunk, **arguments)

        y, pullback = fn.vjp(f, q, k, v)
        dq, dk, dv = pullback(np.ones_like(y))
        assert not y[:, [1, 4]].any()
        assert y[:, 0].all()
        assert not dq[:, [1, 4]].any()
        # The others are as if the two were not there.
        rest = [0, 2, 3]
        _, without = fn.vjp(lambda q, k, v: attend(q, k, v), q[:, rest], k, v)
        for a, b in zip((dq[:, rest], dk, dv), without(np.ones_like(y[:, rest])), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    nothing = fn.grad(lambda q: xp.sum(attend(q, k, v, mask=np.zeros((1, 1), dtype=bool), chunk=chunk)))(q)
    assert not nothing.any()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("chunk", [None, 1, 3, 4])
def test_window(causal, chunk):
    q, k, v = _arrays(queries=9, keys=9)
    i, j = np.arange(9)[:, None], np.arange(9)
    seen = (abs(i - j) < 3) & ((j <= i) | (not causal))
    wanted = attend(q, k, v, mask=seen)
    np.testing.assert_allclose(attend(q, k, v, window=3, causal=causal, chunk=chunk), wanted, rtol=1e-12)


@pytest.mark.parametrize("chunk", [None, 2])
def test_second_derivatives_in_all_arguments(chunk):
    q, k, v = _arrays(queries=3, keys=3, heads=2, kv_heads=1, features=2)
    bias = RNG(1).standard_normal((2, 1, 3))
    check_grads(lambda q, k, v, b: attend(q, k, v, bias=b, causal=True, chunk=chunk), [q, k, v, bias], order=2)


def test_third_derivative_of_blocks():
    q, k, v = (x[:1] for x in _arrays(queries=2, keys=3, heads=1, kv_heads=1, features=2))

    def along(chunk):
        f = lambda t: xp.sum(xp.sin(attend(q * t, k * t, v, chunk=chunk)))  # noqa: E731
        return fn.grad(fn.grad(fn.grad(f)))(np.array(0.7))

    np.testing.assert_allclose(along(2), along(None), rtol=1e-10)


def test_batches_and_forward_mode():
    q, k, v = _arrays()
    for chunk in (None, 2):

        def f(q, k, v, chunk=chunk):
            return attend(q, k, v, causal=True, chunk=chunk)

        y = f(q, k, v)
        np.testing.assert_allclose(fn.vmap(f)(q, k, v), y, rtol=1e-13)
        np.testing.assert_allclose(
            fn.vmap(f, in_axes=(None, None, 0))(q[0], k[0], v), f(q[[0, 0]], k[[0, 0]], v), rtol=1e-13
        )
        each = fn.vmap(fn.grad(lambda *a, f=f: xp.sum(f(*a) ** 2)))(q, k, v)
        np.testing.assert_allclose(each, fn.grad(lambda q, f=f: xp.sum(f(q, k, v) ** 2))(q), rtol=1e-12)
        tangents = tuple(RNG(7).standard_normal(x.shape) for x in (q, k, v))
        _, t = fn.jvp(f, (q, k, v), tangents)
        g = RNG(8).standard_normal(y.shape)
        pulled = fn.vjp(f, q, k, v)[1](g)
        np.testing.assert_allclose(
            np.sum(g * t), sum(np.sum(a * b) for a, b in zip(pulled, tangents, strict=True)), rtol=1e-11
        )


def _peak(f, *args):
    f(*args)
    tracemalloc.start()
    f(*args)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("differentiated", [False, True])
def test_memory_is_linear_in_the_length(differentiated):
    def run(q, k, v):
        return xp.sum(attend(q, k, v, causal=True))

    f = fn.grad(run, (0, 1, 2)) if differentiated else run
    peaks = []
    for length in (4096, 8192):
        q, k, v = (RNG(i).standard_normal((1, length, 1, 8)).astype("float32") for i in range(3))
        peaks.append(_peak(f, q, k, v))
    # The scores alone would be 64 and 256 MiB.
    assert peaks[0] < 16 * 2**20
    assert peaks[1] < 2.2 * peaks[0]


def test_memory_of_second_derivatives_and_of_dropout_does_not_grow_with_the_square():
    q, k, v = (RNG(i).standard_normal((1, 2048, 1, 4)).astype("float32") for i in range(3))
    square = 4 * 2048**2

    def second(q):
        first = fn.grad(lambda q: xp.sum(attend(q, k, v, chunk=64) ** 2))
        return fn.grad(lambda q: xp.sum(first(q) * q))(q)

    assert _peak(second, q) < square
    dropped = fn.grad(lambda q: xp.sum(attend(q, k, v, dropout=0.5, key=random.key(0), chunk=64)))
    assert _peak(dropped, q) < square


def test_dropout_scales_what_stays():
    q, k, _ = _arrays(queries=40, keys=50)
    v = np.broadcast_to(np.eye(50)[:, None, :], (2, 50, 2, 50))
    whole = attend(q, k, v)
    for chunk in (None, 16):
        y = attend(q, k, v, dropout=0.25, key=random.key(0), chunk=chunk)
        kept = y != 0
        np.testing.assert_allclose(y[kept], whole[kept] / 0.75, rtol=1e-12)
        assert kept.mean() == pytest.approx(0.75, abs=0.01)
        again = attend(q, k, v, dropout=0.25, key=random.key(0), chunk=chunk)
        np.testing.assert_array_equal(y, again)
    small = tuple(x[:1, :3] for x in (q, k, v))
    check_grads(lambda *a: attend(*a, dropout=0.25, key=random.key(0), chunk=2, causal=True), small, order=1)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    arrays = [x.astype("float32") for x in _arrays()]
    wanted = attend(*arrays, causal=True)
    slope = fn.grad(lambda q: xp.sum(attend(q, *arrays[1:], causal=True) ** 2))(arrays[0])
    with case.active():
        q, k, v = (case.asarray(x, "float32") for x in arrays)
        for chunk in (None, 2):
            y = case.to_numpy(attend(q, k, v, causal=True, chunk=chunk))
            f = lambda q, k=k, v=v, chunk=chunk: xp.sum(attend(q, k, v, causal=True, chunk=chunk) ** 2)  # noqa: E731
            found = case.to_numpy(fn.grad(f)(q))
            np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(found, slope, rtol=1e-4, atol=1e-5)


def test_shapes_without_values_and_empty_sequences():
    q, k, v = (fn.Spec(x.shape) for x in _arrays())
    for chunk in (None, 2):
        assert fn.eval_shape(lambda *a, chunk=chunk: attend(*a, causal=True, chunk=chunk), q, k, v).shape == (
            2,
            5,
            4,
            2,
        )
        q0, k0, v0 = _arrays(keys=0)
        assert not attend(q0, k0, v0, chunk=chunk).any()
        q0, k0, v0 = _arrays(queries=0)
        assert attend(q0, k0, v0, chunk=chunk).shape == (2, 0, 4, 2)


def test_bad_input():
    q, k, v = _arrays()
    with pytest.raises(ShapeError, match=r"(?s)q \(2, 5, 4, 3\).*kv_heads divides heads"):
        attend(q, k[:, :, :1], v)
    with pytest.raises(ShapeError, match="do not fit"):
        attend(q[:, :, :3], k, v)
    with pytest.raises(ShapeError, match="do not fit"):
        attend(q[0, 0], k, v)
    with pytest.raises(DtypeError, match=r"(?s)one data type.*k float32"):
        attend(q, k.astype("float32"), v)
    with pytest.raises(DtypeError, match="mask of integers"):
        attend(q, k, v, mask=np.ones((5, 7), dtype="int64"))
    with pytest.raises(ShapeError, match=r"(?s)mask that does not fit.*\(2, 4, 5, 7\)"):
        attend(q, k, v, mask=np.ones((7, 5), dtype=bool))
    with pytest.raises(ParameterError, match="window=0"):
        attend(q, k, v, window=0)
    with pytest.raises(ParameterError, match="share of weights"):
        attend(q, k, v, dropout=1.0)
    with pytest.raises(ParameterError, match="needs a random key"):
        attend(q, k, v, dropout=0.5)
