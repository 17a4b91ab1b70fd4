"""vmap: every primitive's batching rule against a loop, composition with the other transformations, and bad input."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import ops, xp
from funcnet.core import Primitive, bind, case, elementwise, general, registry
from funcnet.errors import AbstractValueError, ParameterError, ShapeError, TreeError
from funcnet.random import primitives as _random_primitives  # noqa: F401  # registered by import
from funcnet.testing.backends import BackendCase, backend_cases
from funcnet.testing.batching import check_batching
from funcnet.testing.coverage import primitive_names
from funcnet.testing.primitives import native
from funcnet.testing.samples import allowed_dtypes, samples

NAMES = primitive_names()
DATA_DEPENDENT = [name for name in NAMES if registry[name].meta.get("data_dependent")]
# Numbers of elements: a batch, and its arrays' values differ from element to element.
SIZE = 3
SEEDS = range(SIZE)


def _backends() -> list[Any]:
    found = []
    for one in backend_cases():
        if one.name not in ("numpy", "strict", "torch", "cupy"):
            continue
        marks = [pytest.mark.gpu] if one.backend_name == "cupy" else []
        if one.reason is not None:
            skip = pytest.mark.skip(reason=f"backend {one.backend_name!r}: {one.reason}")
            found.append(pytest.param("every primitive", one, id=one.name, marks=[*marks, skip]))
        else:
            found += [pytest.param(name, one, id=f"{name}-{one.name}", marks=marks) for name in NAMES]
    return found


def _dtypes(primitive: Primitive, backend: BackendCase) -> list[str]:
    """Return a real, a complex and a boolean or integer dtype of those that the primitive takes."""
    there = [d for d in allowed_dtypes(primitive) if d in backend.dtypes()]
    wanted = [d for d in ("float64", "complex128", "int64", "bool") if d in there]
    return wanted or there[:1]


@pytest.mark.parametrize("name", NAMES)
def test_every_primitive_has_a_batching_rule(name: str) -> None:
    primitive = registry[name]
    assert primitive.kind == "elementwise" or primitive.batch is not None, (
        f"the declaration of {name!r} has no batching rule: batch=... (see funcnet.ops.batching)"
    )


@pytest.mark.parametrize(("name", "backend"), _backends())
def test_the_rule_agrees_with_a_loop(name: str, backend: BackendCase) -> None:
    primitive = registry[name]
    with backend.active(), np.errstate(all="ignore"):
        for dtype in _dtypes(primitive, backend):
            drawn = [samples(primitive, dtype, seed=seed) for seed in SEEDS]
            for rows in zip(*drawn, strict=True):
                if name in DATA_DEPENDENT:
                    args, params = native(primitive, backend, rows[0])
                    with pytest.raises(AbstractValueError, match=r"(?s)differ from one element.*write:"):
                        fn.vmap(lambda x, p=params: bind(primitive, x, **p))(xp.stack(args * 2))
                else:
                    elements = [native(primitive, backend, row) for row in rows]
                    check_batching(primitive, [args for args, _ in elements], elements[0][1])


DIFFERENTIABLE = [
    name
    for name in NAMES
    if (registry[name].kind == "elementwise" or registry[name].vjp is not None)
    and name not in DATA_DEPENDENT
    and "float64" in allowed_dtypes(registry[name])
]


def _agrees(f: Any, args: list[Any], in_axes: tuple[int | None, ...], label: str) -> None:
    """Compare a function under vmap with a loop."""
    size = next(a.shape[0] for a, axis in zip(args, in_axes, strict=True) if axis == 0)
    wanted = [f(*[a if axis is None else a[i] for a, axis in zip(args, in_axes, strict=True)]) for i in range(size)]
    found = fn.tree.leaves(fn.vmap(f, in_axes)(*args))
    for got, *parts in zip(found, *[fn.tree.leaves(w) for w in wanted], strict=True):
        np.testing.assert_allclose(got, np.stack(parts), rtol=1e-9, atol=1e-11, err_msg=label)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_of_the_rules_are_mapped(name: str) -> None:
    primitive = registry[name]
    invariant = primitive.meta.get("invariant")
    drawn = [samples(primitive, "float64", seed=seed) for seed in range(2)]
    for rows in zip(*drawn, strict=True):
        params = rows[0].params
        arrays = [i for i, a in enumerate(rows[0].args) if isinstance(a, np.ndarray)]
        active = tuple(i for i in arrays if rows[0].args[i].dtype.kind == "f")

        def f(*args: Any, params: Any = params, first: int = active[0]) -> Any:
            with np.errstate(all="ignore"):
                y = bind(primitive, *args, **params)
            y = invariant(*y) if invariant is not None and primitive.multiple else y
            kept = [v for v in (y if isinstance(y, (tuple, list)) else [y]) if str(v.dtype).startswith("float")]
            return sum([xp.sum(xp.sin(v) ** 2) for v in kept], start=0.0 * xp.sum(args[first]))

        def tangent(*args: Any, f: Any = f, active: tuple[int, ...] = active) -> Any:
            def of_active(*values: Any) -> Any:
                full = list(args)
                for i, v in zip(active, values, strict=True):
                    full[i] = v
                return f(*full)

            given = tuple(args[i] for i in active)
            return fn.jvp(of_active, given, tuple(xp.cos(a) for a in given))[1]

        for which in {(arrays[0],), tuple(arrays)}:
            args = [
                np.stack([row.args[i] for row in rows]) if i in which else rows[0].args[i]
                for i in range(len(rows[0].args))
            ]
            in_axes = tuple(0 if i in which else None for i in range(len(args)))
            label = f"{name}: {rows[0].describe()}, in_axes={in_axes}"
            with np.errstate(all="ignore"):
                _agrees(fn.grad(f, active), args, in_axes, label)
                _agrees(tangent, args, in_axes, label)


def _random_key(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[list[Any], list[tuple[int, Any, int]]]:
    """Return a key with holes, and for each hole its place, the shape of an index array, and the dimension's size."""
    items: list[Any] = []
    holes: list[tuple[int, Any, int]] = []
    common = tuple(rng.integers(1, 4, rng.integers(0, 3)))
    for size in shape[: rng.integers(1, len(shape) + 1)]:
        if rng.random() < 0.2:
            items.append(None)
        kind = rng.integers(0, 6)
        if kind == 0:
            items.append(int(rng.integers(-size, size)))
        elif kind == 1:
            items.append(slice(None, None, int(rng.choice([1, -1, 2]))))
        elif kind == 2:
            items.append(slice(1, None))
        else:
            own = tuple(n if rng.random() < 0.7 else 1 for n in common)[rng.integers(0, len(common) + 1) :]
            holes.append((len(items), own, size))
            items.append(None)
    return items, holes


@pytest.mark.parametrize("seed", range(100))
def test_keys_with_index_arrays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(2, 5, rng.integers(1, 4)))
    items, holes = _random_key(rng, shape)

    def key(indices: tuple[Any, ...]) -> tuple[Any, ...]:
        full = list(items)
        for (place, _, _), index in zip(holes, indices, strict=True):
            full[place] = index
        return tuple(full)

    x = rng.normal(size=(SIZE, *shape))
    indices = [rng.integers(-n, n, (SIZE, *own)) for _, own, n in holes]
    mapped = [bool(rng.random() < 0.5) for _ in range(1 + len(indices))]
    if not any(mapped):
        mapped[0] = True
    args = [a if m else a[0] for a, m in zip([x, *indices], mapped, strict=True)]
    in_axes = tuple(0 if m else None for m in mapped)
    label = f"{shape}, {items}, {[i.shape for i in indices]}, {in_axes}"
    _agrees(lambda x, *i: ops.getitem(x, key(i)), args, in_axes, label)
    values = rng.normal(size=(SIZE, *x[0][key(tuple(i[0] for i in indices))].shape))
    for update in (ops.index_set, ops.index_add, ops.index_max):
        for axis in (0, None):
            _agrees(
                lambda x, v, *i, update=update: update(x, key(i), v),
                [args[0], values if axis == 0 else values[0], *args[1:]],
                (in_axes[0], axis, *in_axes[1:]),
                f"{update.__name__}: {label}, values {axis}",
            )


@pytest.mark.parametrize("side", ["left", "right"])
def test_searches_with_nan(side: str) -> None:
    rng = np.random.default_rng(0)
    given = np.where(rng.random((SIZE, 7)) < 0.2, np.nan, rng.integers(0, 5, (SIZE, 7)))
    wanted = np.where(rng.random((SIZE, 2, 3)) < 0.3, np.nan, rng.integers(-1, 6, (SIZE, 2, 3)))
    _agrees(lambda a, b: xp.searchsorted(xp.sort(a), b, side=side), [given, wanted], (0, 0), side)
    _agrees(lambda a: xp.searchsorted(xp.sort(a), 2.0, side=side), [given], (0,), side)
    _agrees(lambda a, b: xp.isin(b, a, invert=side == "left"), [given, wanted], (0, None), side)
    _agrees(lambda a: xp.isin(2.0, a), [given], (0,), side)


@pytest.fixture
def _jax_in_double_precision() -> Any:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


RNG = np.random.default_rng(0)
W = {"w1": RNG.normal(size=(5, 7)), "b1": RNG.normal(size=7), "w2": RNG.normal(size=(7, 3))}
X = RNG.normal(size=(6, 5))
LABELS = RNG.integers(0, 3, 6)
CUBE = RNG.normal(size=(3, 4, 5))


def _loss(ns: Any, p: Any, x: Any, label: Any) -> Any:
    z = ns.tanh(x @ p["w1"] + p["b1"]) @ p["w2"]
    z = z - ns.max(z)
    return ns.log(ns.sum(ns.exp(z))) - z[label]


def _mixed(ns: Any, x: Any) -> Any:
    """Products, a matrix product, an extreme, cumulative and sorted values, and indices of x, of shape (5,)."""
    y = ns.sin(x) * x[::-1] ** 2
    outer = ns.expand_dims(y, axis=-1) @ ns.expand_dims(x, axis=0)
    order = ns.argsort(x)
    return ns.sum(outer[order], axis=1) * ns.max(y) + ns.cumulative_sum(ns.sort(x)) + ns.prod(x[:3])


def _scalar(ns: Any, x: Any) -> Any:
    return ns.sum(_mixed(ns, x) ** 2)


COMPOSED = {
    "per-example gradients": (
        lambda m, ns: m.vmap(m.grad(lambda p, x, y: _loss(ns, p, x, y)), (None, 0, 0)),
        (W, X, LABELS),
    ),
    "gradient of a mean": (
        lambda m, ns: m.grad(lambda p: ns.mean(m.vmap(lambda x, y: _loss(ns, p, x, y))(X, LABELS))),
        (W,),
    ),
    "jvp of vmap": (
        lambda m, ns: lambda x: m.jvp(m.vmap(lambda r: _mixed(ns, r)), (x,), (ns.cos(x),)),
        (X,),
    ),
    "vmap of jvp": (
        lambda m, ns: m.vmap(lambda x: m.jvp(lambda r: _mixed(ns, r), (x,), (ns.ones_like(x),))),
        (X,),
    ),
    "hessians of a batch": (
        lambda m, ns: m.vmap(
            lambda x: m.vmap(lambda v: m.jvp(m.grad(lambda r: _scalar(ns, r)), (x,), (v,))[1])(
                ns.eye(5, dtype="float64")
            )
        ),
        (X,),
    ),
    "jacobian by vjp": (
        lambda m, ns: lambda x: m.vmap(m.vjp(lambda r: _mixed(ns, r), x)[1])(ns.eye(5, dtype="float64"))[0],
        (X[1],),
    ),
    "nested with axes": (
        lambda m, ns: m.vmap(m.vmap(lambda a, b: ns.sin(a) @ b, (1, None), 0), (0, 1), 1),
        (CUBE, CUBE[0, :, :3]),
    ),
    "gradient of nested": (
        lambda m, ns: m.grad(lambda c: ns.sum(m.vmap(m.vmap(lambda r: ns.prod(r) * ns.max(r)))(c) ** 2)),
        (CUBE,),
    ),
    "second order of vmap": (
        lambda m, ns: m.grad(lambda x: ns.sum(m.grad(lambda z: ns.sum(m.vmap(lambda r: _scalar(ns, r))(z)))(x) ** 2)),
        (X / 3.0,),
    ),
    "out axes in trees": (
        lambda m, ns: m.vmap(
            lambda x, y: {"a": x * y, "b": (ns.sum(y), ns.expand_dims(x, axis=1) * y)},
            in_axes=(0, -1),
            out_axes={"a": 1, "b": (0, -1)},
        ),
        (X, X.T),
    ),
}


@pytest.mark.usefixtures("_jax_in_double_precision")
@pytest.mark.parametrize("name", COMPOSED)
def test_composed_as_in_jax(name: str) -> None:
    import jax
    import jax.numpy as jnp

    make, args = COMPOSED[name]
    found = fn.tree.leaves(make(fn, xp)(*args))
    wanted = jax.tree.leaves(make(jax, jnp)(*args))
    assert len(found) == len(wanted)
    for got, needed in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, needed, rtol=1e-9, atol=1e-11)


@pytest.mark.usefixtures("_jax_in_double_precision")
def test_draws_from_several_keys_are_those_of_jax() -> None:
    import jax

    keys = fn.random.split(fn.random.key(7), 4)

    def ours(key: Any) -> Any:
        k1, k2 = fn.random.split(key)
        k3 = fn.random.fold_in(k1, 5)
        return fn.random.bits(k2, (3,)), fn.random.uniform(k3, (2, 2)), k3, fn.random.permutation(k2, 6)

    def theirs(key: Any) -> Any:
        k1, k2 = jax.random.split(key)
        k3 = jax.random.fold_in(k1, 5)
        drawn = jax.random.uniform(k3, (2, 2), "float32"), jax.random.key_data(k3), jax.random.permutation(k2, 6)
        return jax.random.bits(k2, (3,), "uint32"), *drawn

    found = fn.vmap(ours)(keys)
    wanted = jax.vmap(theirs)(jax.random.wrap_key_data(jax.numpy.asarray(keys)))
    for got, needed in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got, np.asarray(needed))
    many = fn.vmap(lambda key: fn.random.normal(key, (5,)))(keys)
    np.testing.assert_array_equal(many, np.stack([fn.random.normal(key, (5,)) for key in keys]))
    # One key for all elements, and bounds that differ.
    drawn = fn.vmap(lambda low: fn.random.randint(keys[0], (3,), low, 100))(np.arange(4))
    np.testing.assert_array_equal(drawn, np.stack([fn.random.randint(keys[0], (3,), i, 100) for i in range(4)]))


def test_shapes_do_not_show_the_batch() -> None:
    seen = []

    def f(x: Any, y: Any) -> Any:
        seen.append((x.shape, x.ndim, x.size, len(x), y.shape, xp.zeros_like(x).shape, xp.full_like(x, 2.0).shape))
        assert len(list(x)) == 5
        assert str(x.dtype) == "float64"
        return xp.reshape(x, (1, -1)) + xp.ones_like(x) + xp.empty_like(x) * 0.0

    y = fn.vmap(f, (0, None))(X, np.ones(2))
    assert y.shape == (6, 1, 5)
    assert seen == [((5,), 1, 5, 5, (2,), (5,), (5,))]


def test_axes() -> None:
    c = CUBE
    np.testing.assert_array_equal(fn.vmap(lambda x: x, -1)(c), np.moveaxis(c, -1, 0))
    np.testing.assert_array_equal(fn.vmap(lambda x: x, 1, -1)(c), np.moveaxis(c, 1, -1))
    np.testing.assert_array_equal(fn.vmap(lambda x: x, 0, -2)(c), np.moveaxis(c, 0, -2))
    np.testing.assert_array_equal(fn.vmap(lambda x, *, y: x * y, 1)(c[0], y=c[1].T), c[0].T * c[1].T)
    got = fn.vmap(lambda x, scale, name: x * scale if name == "a" else x, (0, None, None))(c, 2.0, "a")
    np.testing.assert_array_equal(got, c * 2.0)
    same, each = fn.vmap(lambda x, w: (xp.sum(w), xp.sum(x) + w), (0, None), (None, 0))(X, np.ones(2))
    assert same == 2.0
    assert each.shape == (6, 2)
    given = {"a": X, "b": {"c": X.T, "d": np.ones(2)}}
    tree = fn.vmap(lambda p: p["a"] * p["b"]["c"] + xp.sum(p["b"]["d"]), ({"a": 0, "b": {"c": 1, "d": None}},))(given)
    np.testing.assert_array_equal(tree, X * X + 2.0)


def test_results_that_are_the_same_for_all_elements_are_repeated() -> None:
    shared = np.ones(3)
    x, number, y = fn.vmap(lambda v: (shared, 3, xp.zeros(2)), out_axes=(1, 0, 0))(X)
    assert (x.shape, number.shape, y.shape) == ((3, 6), (6,), (6, 2))
    y[0, 0] = 1.0
    assert shared.sum() == 3.0
    assert y.sum() == 1.0


def test_assignment() -> None:
    table = np.zeros((2, 3))

    def f(x: Any, i: Any, buffer: Any) -> Any:
        z = xp.zeros(4, dtype="float64")
        z[i] = x[0]
        z[0] += x[1]
        buffer[1, i] = x[2]
        x[:2] = 7.0
        return z, buffer, x

    i = np.array([1, 2, 0, 2, 1, 0])
    original = X.copy()
    z, buffer, x = fn.vmap(f, (0, 0, None))(X, i, table)
    for k in range(6):
        wanted = np.zeros(4)
        wanted[i[k]] = original[k, 0]
        wanted[0] += original[k, 1]
        np.testing.assert_array_equal(z[k], wanted)
        assert buffer[k, 1, i[k]] == original[k, 2]
        np.testing.assert_array_equal(x[k], [7.0, 7.0, *original[k, 2:]])
    assert not table.any()
    np.testing.assert_array_equal(X, original)
    gradient = fn.grad(lambda x: xp.sum(fn.vmap(lambda r, j: f(r, j, fn.lift(np.zeros((2, 3))))[0])(x, i) ** 2))(X)
    loop = fn.grad(lambda x: sum(xp.sum(f(x[k], i[k], fn.lift(np.zeros((2, 3))))[0] ** 2) for k in range(6)))(X)
    np.testing.assert_allclose(gradient, loop)


def test_inside_eval_shape() -> None:
    spec = fn.eval_shape(
        fn.vmap(fn.grad(lambda p, x, y: _loss(xp, p, x, y)), (None, 0, 0)), W, fn.Spec((6, 5), "float64"), LABELS
    )
    assert fn.tree.map(lambda s: s.shape, spec) == {"b1": (6, 7), "w1": (6, 5, 7), "w2": (6, 7, 3)}


def test_layers_and_losses() -> None:
    keys = fn.random.split(fn.random.key(0), 3)
    layer = fn.nn.sequential(fn.nn.dense(4), fn.nn.relu(), fn.nn.dense(2))
    x = X.astype(np.float32)
    params, state = fn.vmap(lambda key: layer.init(key, (6, 5)))(keys)
    one, _ = layer.init(keys[1], (6, 5))
    np.testing.assert_array_equal(params["dense_0"]["kernel"][1], one["dense_0"]["kernel"])

    def loss(params: Any) -> Any:
        return fn.losses.softmax_cross_entropy(layer.apply(params, state, x)[0], LABELS % 2)

    optimizer = fn.optim.adam(0.01)

    def step(params: Any) -> Any:
        value, grads = fn.value_and_grad(loss)(params)
        return value, optimizer.update(grads, optimizer.init(params), params)[0]

    values, updates = fn.vmap(step)(params)
    for k in range(3):
        part = fn.tree.map(lambda leaf, k=k: leaf[k], params)
        value, update = step(part)
        assert values[k] == pytest.approx(value, rel=1e-6)
        np.testing.assert_allclose(updates["dense_1"]["kernel"][k], update["dense_1"]["kernel"], rtol=1e-4, atol=1e-7)


def test_an_empty_batch() -> None:
    y, g = fn.vmap(fn.value_and_grad(lambda x: xp.sum(x * x)))(np.ones((0, 3)))
    assert (y.shape, g.shape) == ((0,), (0, 3))


# ---------------------------------------------------------------------- values that may not be read


@pytest.mark.parametrize(
    ("what", "f"),
    [
        (r"bool\(\)", lambda x: x if x[0] > 0 else -x),
        (r"float\(\)", lambda x: x * float(x[0])),
        (r"int\(\)", lambda x: x * int(x[0])),
        ("use as an index", lambda x: x * len(range(xp.astype(x[0], xp.int64)))),
        (r"\.item\(\)", lambda x: x * x[0].item()),
        (r"conversion to a NumPy array \(numpy.asarray\)", lambda x: np.asarray(x)),
        (r"bool\(\)", fn.grad(lambda x: x[0] if x[0] > 0 else x[1])),
    ],
)
def test_mapped_values_cannot_be_read(what: str, f: Any) -> None:
    with pytest.raises(
        AbstractValueError, match=rf"(?s){what} needs one value, but fn.vmap maps.*test_batch.py.*where"
    ):
        fn.vmap(f)(X)


def test_a_plain_array_cannot_receive_mapped_values() -> None:
    table = np.zeros(3)

    def f(x: Any) -> Any:
        table[0] = x[0]
        return table

    # NumPy wraps what float() raises.
    with pytest.raises(ValueError, match="setting an array element") as caught:
        fn.vmap(f)(X)
    assert isinstance(caught.value.__cause__, AbstractValueError)
    assert "a = fn.lift(a) before a[i] = x" in str(caught.value.__cause__)


def test_values_that_are_not_mapped_can_be_read() -> None:
    def f(x: Any, w: Any) -> Any:
        return x * float(w) if w > 0 else x

    np.testing.assert_array_equal(fn.vmap(f, (0, None))(X, np.array(2.0)), X * 2.0)


def test_masks() -> None:
    keep = X[0] > 0
    np.testing.assert_array_equal(fn.vmap(lambda x: x[keep])(X), X[:, keep])
    with pytest.raises(AbstractValueError, match=r"(?s)x\[mask\].*xp.where"):
        fn.vmap(lambda x: x[x > 0])(X)
    with pytest.raises(AbstractValueError, match=r"(?s)xp.unique_values.*xp.sort"):
        fn.vmap(xp.unique_values)(X)


# ---------------------------------------------------------------------- bad input


def test_bad_input() -> None:
    with pytest.raises(ParameterError, match="transforms a function"):
        fn.vmap(3)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"(?s)nothing to map over.*None for every array"):
        fn.vmap(xp.sin, None)(X)
    with pytest.raises(ParameterError, match="nothing to map over"):
        fn.vmap(lambda: 1.0)()
    with pytest.raises(ParameterError, match=r"(?s)integers and None as in_axes.*float: 1.0"):
        fn.vmap(xp.sin, 1.0)
    with pytest.raises(ParameterError, match="integers and None as out_axes"):
        fn.vmap(xp.sin, 0, True)
    with pytest.raises(ParameterError, match=r"(?s)entry of in_axes for each.*1 entries for 2 arguments"):
        fn.vmap(xp.add, (0,))(X, X)
    with pytest.raises(TreeError, match=r"in_axes of fn.vmap"):
        fn.vmap(lambda p: p["a"], ({"b": 0},))({"a": X})
    with pytest.raises(TreeError, match=r"out_axes of fn.vmap"):
        fn.vmap(lambda x: x, 0, {"a": 0})(X)
    with pytest.raises(ParameterError, match=r"(?s)cannot map over argument 1.*float: 2.0.*in_axes=\(0, None\)"):
        fn.vmap(xp.multiply)(X, 2.0)
    with pytest.raises(ShapeError, match=r"(?s)axis 2 of argument 0, leaf .a.*shape \(6, 5\).*from -2 to 1"):
        fn.vmap(lambda p: p["a"], 2)({"a": X})
    with pytest.raises(ShapeError, match=r"(?s)axis 0 of argument 0.*shape \(\)"):
        fn.vmap(xp.sin)(np.array(1.0))
    with pytest.raises(
        ShapeError,
        match=r"(?s)sizes differ.*6 along axis 0 of argument 0; 2 along axis 0 of argument 1, leaf .w; "
        "5 along axis 0 of keyword argument z",
    ):
        fn.vmap(lambda x, p, z: x)(X, {"w": X[:2]}, z=X.T)
    with pytest.raises(ParameterError, match=r"(?s), leaf \[1\] differs between elements, but out_axes is None"):
        fn.vmap(lambda x: (x, x), 0, (0, None))(X)
    with pytest.raises(ParameterError, match=r"(?s), leaf .name is no array.*str: 'a'"):
        fn.vmap(lambda x: {"name": "a", "x": x})(X)
    with pytest.raises(ShapeError, match=r"(?s)at axis 2 of the result.*shape \(5,\)"):
        fn.vmap(xp.sin, 0, 2)(X)


# ---------------------------------------------------------------------- primitives of users


@pytest.fixture
def _user_primitives() -> Any:
    before = set(registry)
    yield
    for name in set(registry) - before:
        del registry[name]


@pytest.mark.usefixtures("_user_primitives")
def test_a_primitive_without_a_rule_is_called_for_each_element() -> None:
    calls = []

    def impl(xp: Any, x: Any, y: Any) -> Any:
        calls.append(x.shape)
        return xp.sum(x) * y, y

    pair = general(
        "tests.pair",
        impl,
        vjp=(None, lambda out, x, y: lambda g: g[0] * xp.sum(x) if g[1] is None else g[0] * xp.sum(x) + g[1]),
        shape=lambda x, y: (y.shape, y.shape),
        multiple=True,
        cases=(case((3,), (2,)),),
    )
    a, b = fn.vmap(lambda x, y: bind(pair, x, y), (0, None))(X, np.ones(2))
    np.testing.assert_allclose(a, X.sum(axis=1)[:, None] * np.ones(2))
    assert b.shape == (6, 2)
    assert calls == [(5,)] * 6
    single = general("tests.total", lambda xp, x: xp.sum(x), vjp=None, shape=lambda x: ())
    np.testing.assert_allclose(fn.vmap(lambda x: bind(single, x))(X), X.sum(axis=1))
    with pytest.raises(ParameterError, match=r"(?s)'tests.total' has no batching rule.*batch of size 0"):
        fn.vmap(lambda x: bind(single, x))(X[:0])


@pytest.mark.usefixtures("_user_primitives")
def test_an_elementwise_primitive_of_a_user_needs_no_rule() -> None:
    shapes = []

    def impl(xp: Any, x: Any, y: Any) -> Any:
        shapes.append(x.shape)
        return x * y

    product = elementwise("tests.product", impl, partials=[lambda g, x2: g * x2, lambda g, x1: g * x1])
    found = fn.vmap(lambda x, y: bind(product, x, y))(X, CUBE.reshape(6, 2, 5))
    np.testing.assert_array_equal(found, X[:, None, :] * CUBE.reshape(6, 2, 5))
    assert shapes == [(6, 1, 5)]
