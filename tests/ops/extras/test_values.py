"""Every extra on every array library: the values are NumPy's, and the derivatives agree with differences."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from funcnet import ops, xp
from funcnet.ops import extras
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads


def arrays(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape)) for shape in shapes]


class Row(NamedTuple):
    """A call of an extra and NumPy's counterpart, both functions of the same arrays."""

    name: str
    ours: Callable[..., Any]
    numpys: Callable[..., Any]
    args: list[np.ndarray[Any, Any]]
    smooth: bool = True


def row(name: str, shapes: list[tuple[int, ...]], *args: Any, smooth: bool = True, **kwargs: Any) -> Row:
    """A call whose arguments after the arrays are the same in both."""
    function = getattr(np, name)
    return Row(
        name,
        lambda *xs: getattr(xp, name)(*xs, *args, **kwargs),
        lambda *xs: function(*xs, *args, **kwargs),
        arrays(*shapes),
        smooth,
    )


_MATRIX = np.array([[1.0, np.nan, 3.5], [np.nan, np.nan, np.nan], [-1.0, 2.0, 0.5]])
_INTS = np.array([0, 2, 1, 2])
_POINTS = np.sort(arrays((6,), seed=3)[0])
_STEPS = np.array([0.5, 1.0, 2.0, 4.0, 4.5])


def _quiet(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    # NumPy warns of rows that are all NaN, and its maximum of them is NaN.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(*args, **kwargs)


def _nan(name: str, **kwargs: Any) -> Row:
    numpys = {("ddof" if k == "correction" else k): v for k, v in kwargs.items()}
    return Row(
        name,
        lambda x: getattr(xp, name)(x, **kwargs),
        lambda x: _quiet(getattr(np, name), x, **numpys),
        [_MATRIX],
        False,
    )


ROWS = [
    *[row("dot", s) for s in ([(3,), (3,)], [(2, 3), (3, 4)], [(2, 3), (4, 3, 2)], [(), (3,)], [(3,), (2, 3, 2)])],
    *[row("inner", s) for s in ([(3,), (3,)], [(2, 3), (4, 3)], [(), (3,)])],
    row("outer", [(2, 2), (3,)]),
    *[row("kron", s) for s in ([(2, 3), (3, 2)], [(3,), (2, 2)], [(), (2,)])],
    *[row("convolve", [(5,), (3,)], mode=m) for m in ("full", "same", "valid")],
    *[row("convolve", [(2,), (4,)], mode=m) for m in ("full", "same", "valid")],
    *[row("pad", [(3, 4)], w, m) for m in ("edge", "reflect", "symmetric", "wrap") for w in (1, ((1, 2), (0, 5)))],
    *[row("pad", [(2, 3)], (2, 1), constant_values=c) for c in (0, 2.5, (1, 2), ((1, 2), (3, 4)), ((1,), (2,)))],
    row("pad", [(0, 2)], 1),
    row("pad", [()], 1),
    *[row("median", [(3, 4, 2)], axis=a, keepdims=k) for a in (None, 1, (0, 2)) for k in (False, True)],
    row("median", [(5,)]),
    *[
        row("quantile", [(3, 7)], q, axis=1, method=m)
        for q in (0.0, 0.3, [0.1, 1.0])
        for m in ("linear", "lower", "higher", "midpoint", "nearest")
    ],
    row("percentile", [(3, 7)], [[30.0, 77.0]], axis=0, keepdims=True),
    *[_nan(n, axis=a, keepdims=k) for n in ("nansum", "nanprod") for a in (None, 0, 1) for k in (False, True)],
    *[_nan(n, axis=a) for n in ("nanmax", "nanmin", "nanmedian", "nanmean") for a in (None, 0, 1, (0, 1))],
    *[_nan(n, axis=a, correction=c) for n in ("nanvar", "nanstd") for a in (None, 0) for c in (0, 1)],
    Row("interp", xp.interp, np.interp, [*arrays((2, 4)), _POINTS, *arrays((6,), seed=1)]),
    Row(
        "interp",
        lambda *a: xp.interp(*a, left=2.0, right=3.0),
        lambda *a: np.interp(*a, 2.0, 3.0),
        [*arrays((9,)), _POINTS, *arrays((6,), seed=1)],
    ),
    Row(
        "interp",
        lambda *a: xp.interp(*a, period=2.5),
        lambda *a: np.interp(*a, period=2.5),
        [np.array([0.4, 2.4, 3.5, -2.0, 4.6]), np.array([0.1, 0.9, -1.0, 4.5]), *arrays((4,), seed=1)],
    ),
    row("trapezoid", [(3, 4)]),
    row("trapezoid", [(3, 4)], dx=0.5, axis=0),
    row("trapezoid", [(3, 4), (3, 4)]),
    Row(
        "trapezoid",
        lambda y, x: xp.trapezoid(y, x, axis=0),
        lambda y, x: np.trapezoid(y, x, axis=0),
        arrays((3, 2), (3,)),
    ),
    *[row("gradient", [(5,)], edge_order=e) for e in (1, 2)],
    *[row("gradient", [(4, 5)], 0.5, edge_order=e) for e in (1, 2)],
    *[
        Row(
            "gradient",
            lambda f, x, e=e: xp.gradient(f, x, axis=1, edge_order=e),
            lambda f, x, e=e: np.gradient(f, x, axis=1, edge_order=e),
            [*arrays((2, 5)), _STEPS],
        )
        for e in (1, 2)
    ],
    row("gradient", [(4, 5)], 0.5, 2.0, axis=(1, 0)),
    row("gradient", [(2,)]),
    row("polyval", [(4,), (2, 3)]),
    row("polyval", [(1,), (2, 3)]),
    row("vander", [(3,)]),
    Row("vander", lambda x: xp.vander(x, 5, increasing=True), lambda x: np.vander(x, 5, True), arrays((3,))),
    row("sinc", [(7,)]),
    row("deg2rad", [(3,)]),
    row("rad2deg", [(3,)]),
    row("cov", [(3, 6)]),
    row("cov", [(3, 6), (2, 6)]),
    row("cov", [(6, 3)], rowvar=False),
    row("cov", [(6,)]),
    Row("cov", lambda x: xp.cov(x, correction=0), lambda x: np.cov(x, ddof=0), arrays((3, 6))),
    Row(
        "cov",
        lambda x, w: xp.cov(x, aweights=ops.abs(w)),
        lambda x, w: np.cov(x, aweights=np.abs(w)),
        arrays((3, 6), (6,)),
    ),
    Row("cov", lambda x: xp.cov(x, fweights=np.arange(1, 7)), lambda x: np.cov(x, fweights=np.arange(1, 7)), []),
    row("corrcoef", [(3, 6)], smooth=False),
    Row("corrcoef", lambda x: xp.corrcoef(x)[0, 1], lambda x: np.corrcoef(x)[0, 1], arrays((3, 6))),
    row("rot90", [(2, 3)]),
    *[row("rot90", [(2, 3, 4)], k=k, axes=(2, 0)) for k in (-1, 2, 4)],
    row("swapaxes", [(2, 3, 4)], 0, 2),
    row("ravel", [(2, 3)]),
    *[row("split", [(8,)], s) for s in (4, [2, 5], [0, 9], [3, 2])],
    row("array_split", [(2, 8)], 3, axis=1),
    *[row(f"atleast_{n}d", [s]) for n in (1, 2, 3) for s in ((), (2,), (2, 3), (2, 3, 4))],
    *[
        Row(n, lambda *a, n=n: getattr(xp, n)(a), lambda *a, n=n: getattr(np, n)(a), arrays(s, s))
        for n in ("vstack", "hstack", "dstack", "column_stack")
        for s in ((3,), (2, 3))
    ],
    Row(
        "block",
        lambda a, b, c, d: xp.block([[a, b], [c, d]]),
        lambda a, b, c, d: np.block([[a, b], [c, d]]),
        arrays((2, 2), (2, 3), (1, 2), (3,)),
    ),
    Row("block", lambda a: xp.block([a, 1.0]), lambda a: np.block([a, 1.0]), arrays((3,))),
    row("append", [(2, 3), (1, 3)], axis=0),
    row("append", [(2, 3), (1, 2)]),
    *[row("delete", [(2, 3)], o, axis=1) for o in (1, [0, 2], slice(0, 2), np.array([True, False, True]))],
    row("delete", [(2, 3)], -1),
    *[
        Row(
            "insert", lambda x, v, o=o, a=a: xp.insert(x, o, v, axis=a), lambda x, v, o=o, a=a: np.insert(x, o, v, a), s
        )
        for o, a, s in [
            (1, 1, arrays((2, 3), (2,))),
            (1, 0, arrays((2, 3), (3,))),
            ([0, 2], 1, arrays((2, 3), (2, 1))),
            ([1], 1, arrays((2, 3), (2, 2))),
            (slice(0, 2), None, arrays((2, 3), (2,))),
        ]
    ],
    Row(
        "select",
        lambda x, y: xp.select([x < 0, x > 1], [x * y, y], 3.0),
        lambda x, y: np.select([x < 0, x > 1], [x * y, y], 3.0),
        arrays((2, 5), (5,)),
    ),
    Row(
        "apply_where",
        lambda x, y: xp.apply_where(x > 0, (x, y), lambda x, y: ops.log(x) * y, lambda x, y: x * y),
        lambda x, y: np.where(x > 0, np.log(np.abs(x)) * y, x * y),
        arrays((2, 5), (5,)),
    ),
    Row(
        "apply_where",
        lambda x: xp.apply_where(x > 0, x, ops.log, fill_value=2.0),
        lambda x: np.where(x > 0, np.log(np.abs(x)), 2.0),
        arrays((2, 5)),
    ),
    Row(
        "segment_sum",
        lambda x: xp.segment_sum(x, [0, 2, 1, 2], num_segments=4),
        lambda x: np.stack([x[_INTS == i].sum(0) for i in range(4)]),
        arrays((4, 2)),
    ),
    Row(
        "segment_sum",
        lambda x: xp.segment_sum(x, [0, 2, 0]),
        lambda x: np.array([x[0] + x[2], 0.0, x[1]]),
        arrays((3,)),
    ),
    *[row("histogram", [(4, 5)], b, range=r, smooth=False) for b, r in ((5, None), (3, (-0.5, 1.0)))],
    row("histogram", [(20,)], [-1.0, 0.0, 0.5, 2.0], smooth=False),
    Row(
        "histogram",
        lambda w: xp.histogram(w * 0.0 + np.arange(4.0), 3, weights=w, density=True)[0],
        lambda w: np.histogram(np.arange(4.0), 3, weights=w, density=True)[0],
        [],
    ),
    row("histogram", [(20,)], 4, density=True),
    row("nan_to_num", [(3,)]),
]
ROWS = [r for r in ROWS if r.args]


def _id(r: Row) -> str:
    return r.name


def _leaves(y: Any) -> list[Any]:
    return list(y) if isinstance(y, (tuple, list)) else [y]


#: What a variant of array_api_strict cannot do: it has no positions on a device without int64, and none of a mask.
_LACKING = {
    "strict-no-x64": ("interp", "apply_where", "segment_sum", "histogram"),
    "strict-flags": ("apply_where",),
}


@pytest.mark.parametrize(
    ("case", "r"),
    [
        pytest.param(*p.values, r, marks=p.marks, id=f"{p.id}-{r.name}")
        for p in backend_params()
        for r in ROWS
        if r.name not in _LACKING.get(str(p.id), ())
    ],
)
def test_values(case: BackendCase, r: Row) -> None:
    with case.active():
        found = _leaves(r.ours(*[case.asarray(a) for a in r.args]))
        found = [case.to_numpy(y) for y in found]
    expected = _leaves(r.numpys(*r.args))
    assert len(found) == len(expected)
    for y, e in zip(found, expected, strict=True):
        assert y.shape == np.shape(e)
        np.testing.assert_allclose(
            y, e, rtol=1e-10 if y.dtype == np.float64 else 2e-5, atol=1e-13 if y.dtype == np.float64 else 2e-6
        )


@pytest.mark.parametrize("r", [r for r in ROWS if r.smooth and all(a.size for a in r.args)], ids=_id)
def test_derivatives(r: Row) -> None:
    check_grads(r.ours, r.args)


def test_names() -> None:
    assert sorted(extras.__all__) == list(extras.__all__)
    assert set(extras.__all__) <= set(xp.__all__)
    assert set(extras.__all__) <= set(dir(extras))
    assert all(getattr(ops, name) is getattr(xp, name) for name in extras.__all__)
    for module in (extras, ops, xp):
        with pytest.raises(AttributeError, match="no attribute 'einstein'"):
            module.einstein  # noqa: B018


def test_select_promotes_before_it_chooses() -> None:
    x, small = np.array([0.5, 1.5, 0.25]), np.array([100, 3, 77], np.uint8)
    found = xp.select([x > 1, x > 0.4], [x, small], -1)
    np.testing.assert_array_equal(found, [100.0, 1.5, -1.0])
    assert found.dtype == np.float64
