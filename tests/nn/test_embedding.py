"""Embeddings and bags of them: against PyTorch, repeated ids, padding, and ids that are out of range."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")

IDS = np.array([[3, 1, 1], [0, 4, 3]])
OFFSETS = np.array([0, 2, 2, 5])
FLAT = np.array([3, 1, 1, 0, 4, 3])


def _relative(found, wanted):
    wanted = np.asarray(wanted)
    return float(np.max(np.abs(found - wanted)) / max(np.max(np.abs(wanted)), 1e-300)) if wanted.size else 0.0


def _table(rows=5, size=3):
    return np.random.default_rng(0).standard_normal((rows, size))


def _compare(ours, theirs):
    """Return the errors of the output and of the gradient of the table."""
    table = _table()
    y, pullback = fn.vjp(ours, table)
    g = np.random.default_rng(1).standard_normal(y.shape)
    reference = torch.from_numpy(table.copy()).requires_grad_()
    wanted = theirs(reference)
    wanted.backward(torch.from_numpy(g))
    return _relative(y, wanted.detach().numpy()), _relative(pullback(g)[0], reference.grad.numpy())


def _embedding(padding):
    layer = nn.embedding(5, features=3, padding_idx=padding)
    ids = torch.from_numpy(IDS)
    return (
        lambda t: layer.apply({"table": t}, {}, IDS)[0],
        lambda t: torch.nn.functional.embedding(ids, t, padding_idx=padding),
    )


def _bag(mode, padding):
    layer = nn.embedding_bag(5, features=3, mode=mode, padding_idx=padding)
    ids = torch.from_numpy(IDS)
    return (
        lambda t: layer.apply({"table": t}, {}, IDS)[0],
        lambda t: torch.nn.functional.embedding_bag(ids, t, mode=mode, padding_idx=padding),
    )


def _ragged(mode, padding):
    layer = nn.embedding_bag(5, features=3, mode=mode, padding_idx=padding)
    ids, offsets = torch.from_numpy(FLAT), torch.from_numpy(OFFSETS)
    return (
        lambda t: layer.apply({"table": t}, {}, (FLAT, OFFSETS))[0],
        lambda t: torch.nn.functional.embedding_bag(ids, t, offsets, mode=mode, padding_idx=padding),
    )


def _weighted():
    weights = np.random.default_rng(2).standard_normal(IDS.shape)
    return (
        lambda t: nn.functional.embedding_bag(IDS, t, weights=weights, mode="sum"),
        lambda t: torch.nn.functional.embedding_bag(
            torch.from_numpy(IDS), t, per_sample_weights=torch.from_numpy(weights), mode="sum"
        ),
    )


CASES = [
    ("embedding", *_embedding(None)),
    ("embedding, padding", *_embedding(1)),
    *[
        (f"embedding_bag, {mode}{', padding' if padding is not None else ''}", *_bag(mode, padding))
        for mode in ("sum", "mean", "max")
        for padding in (None, 1)
        if (mode, padding) != ("max", None)
    ],
    *[
        (f"embedding_bag, {mode}, offsets{', padding' if padding is not None else ''}", *_ragged(mode, padding))
        for mode in ("sum", "mean", "max")
        for padding in (None, 1)
    ],
    ("embedding_bag, weights", *_weighted()),
]


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, ours, theirs in CASES:
        output, gradient = _compare(ours, theirs)
        yield name, "torch", output, None, gradient


@pytest.mark.parametrize(("name", "ours", "theirs"), CASES, ids=[c[0] for c in CASES])
def test_equals_torch(name, ours, theirs):
    assert max(_compare(ours, theirs)) < 1e-13


@pytest.mark.requirement("D61", "D83")
def test_repeated_ids_accumulate_and_equal_a_dense_product_with_one_hot_rows():
    table = _table()
    one_hot = np.eye(5)[IDS]
    g = np.random.default_rng(1).standard_normal((2, 3, 3))
    y, pullback = fn.vjp(lambda t: nn.functional.embedding(IDS, t), table)
    np.testing.assert_allclose(y, one_hot @ table, rtol=1e-15)
    np.testing.assert_allclose(pullback(g)[0], np.einsum("blr,blf->rf", one_hot, g), rtol=1e-14, atol=1e-15)
    # Row 2 does not occur.
    assert not pullback(g)[0][2].any()


@pytest.mark.requirement("D61")
@pytest.mark.parametrize("bad", [5, -1, 2**40])
@pytest.mark.parametrize("function", ["embedding", "embedding_bag"])
def test_ids_out_of_range_are_refused(bad, function):
    layer = getattr(nn, function)(5, features=3)
    with pytest.raises(ParameterError, match=f"(?s)out of range.*{bad}.*integers from 0 to 4"):
        layer.apply({"table": _table()}, {}, np.array([[0, bad]]))
    if function == "embedding":
        with pytest.raises(ParameterError, match="out of range"):
            fn.grad(lambda t: xp.sum(layer.apply({"table": t}, {}, np.array([bad]))[0]))(_table())


@pytest.mark.requirement("D83")
def test_data_type_of_the_table():
    assert nn.embedding(5, features=3, dtype="float16").init(random.key(0), IDS)[0]["table"].dtype == np.float16
    assert nn.embedding(5, features=3).init(random.key(0), IDS)[0]["table"].dtype == np.float32


def test_row_of_padding_starts_as_zeros_and_stays():
    layer = nn.embedding(5, features=3, padding_idx=-1)
    params, _ = layer.init(random.key(0), IDS)
    assert not params["table"][4].any()
    assert params["table"][:4].all()
    grad = fn.grad(lambda p: xp.sum(layer.apply(p, {}, IDS)[0]))(params)["table"]
    assert grad[:, 0].tolist() == [1.0, 2.0, 0.0, 2.0, 0.0]


def test_maximum_shares_the_derivative_of_equal_rows():
    table = np.ones((3, 1))
    grad = fn.grad(lambda t: xp.sum(nn.functional.embedding_bag(np.array([[0, 1]]), t, mode="max")))(table)
    assert grad[:, 0].tolist() == [0.5, 0.5, 0.0]


def test_second_derivatives():
    for mode in ("sum", "mean", "max"):
        check_grads(
            lambda t, mode=mode: nn.functional.embedding_bag(FLAT, t, offsets=OFFSETS, mode=mode) ** 2, [_table()]
        )
    check_grads(lambda t: nn.functional.embedding(IDS, t) ** 2, [_table()])


def test_batches_of_tables_and_of_ids():
    tables = np.random.default_rng(0).standard_normal((2, 5, 3))
    found = fn.vmap(nn.functional.embedding)(IDS, tables)
    np.testing.assert_array_equal(found, np.stack([t[i] for t, i in zip(tables, IDS, strict=True)]))
    found = fn.vmap(lambda i: nn.functional.embedding(i, tables[0], padding_idx=1))(IDS)
    np.testing.assert_array_equal(found, tables[0][IDS])


def test_compiled():
    found = fn.jit(fn.grad(lambda t, i: xp.sum(nn.functional.embedding(i, t, padding_idx=1) ** 2)))(_table(), IDS)
    wanted = 2 * _table() * np.array([1, 0, 0, 2, 1])[:, None]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    bags = fn.jit(lambda i, t, o: nn.functional.embedding_bag(i, t, offsets=o))(FLAT, _table(), OFFSETS)
    np.testing.assert_allclose(bags, nn.functional.embedding_bag(FLAT, _table(), offsets=OFFSETS), rtol=1e-12)


def test_in_a_model_whose_init_sees_the_ids():
    model = nn.sequential(nn.embedding(5, features=4), nn.dense(2))
    params, state = model.init(random.key(0), IDS)
    assert model.apply(params, state, IDS)[0].shape == (2, 3, 2)
    again, _ = model.init(random.key(0), fn.Spec(IDS.shape, "int64"))
    np.testing.assert_array_equal(params["embedding_0"]["table"], again["embedding_0"]["table"])


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    if "int64" not in case.dtypes():
        pytest.skip("array_api_strict cannot sort on its device without 64-bit numbers")
    with case.active():
        ids = case.asarray(IDS, "int64")
        layer = nn.embedding(5, features=3, padding_idx=1)
        params, state = layer.init(random.key(0), ids)
        grad = fn.grad(lambda p: xp.sum(xp.square(layer.apply(p, state, ids)[0])))(params)["table"]
        table, grad = case.to_numpy(params["table"]), case.to_numpy(grad)
        flat = case.asarray(FLAT, "int64")
        offsets = case.asarray(OFFSETS, "int64")
        bags = case.to_numpy(nn.functional.embedding_bag(flat, params["table"], offsets=offsets))
    counts = np.bincount(IDS.ravel(), minlength=5)[:, None] * (np.arange(5) != 1)[:, None]
    np.testing.assert_allclose(grad, 2 * counts * table, rtol=1e-5)
    wanted = [table[[3, 1]].mean(0), np.zeros(3), table[[1, 0, 4]].mean(0), table[3]]
    np.testing.assert_allclose(bags, np.stack(wanted), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("make", [nn.embedding, nn.embedding_bag])
def test_arguments_are_checked(make):
    with pytest.raises(ParameterError, match="number of rows and of features"):
        make(0, features=3)
    with pytest.raises(ParameterError, match="row of padding"):
        make(5, features=3, padding_idx=5)
    with pytest.raises(ParameterError, match="not its own"):
        make(5, features=3).apply({"table": np.ones((4, 3))}, {}, IDS)


def test_bad_input():
    embedding, bag = nn.functional.embedding, nn.functional.embedding_bag
    table = _table()
    with pytest.raises(DtypeError, match=r"(?s)array of integers.*float64.*fn\.Spec"):
        embedding(np.array([1.0]), table)
    with pytest.raises(DtypeError, match="found:  list"):
        embedding([1], table)
    with pytest.raises(ShapeError, match="no matrix"):
        embedding(IDS, table[0])
    with pytest.raises(ParameterError, match="does not know this mode"):
        bag(IDS, table, mode="median")
    with pytest.raises(ParameterError, match="weights for sums only"):
        bag(IDS, table, weights=np.ones(IDS.shape))
    with pytest.raises(ShapeError, match="wrong number of dimensions"):
        bag(FLAT, table)
    with pytest.raises(ShapeError, match="weights that do not fit"):
        bag(IDS, table, weights=np.ones(3), mode="sum")
    with pytest.raises(ParameterError, match="offsets that are none"):
        bag(FLAT, table, offsets=np.array([0, 7]))
    with pytest.raises(DtypeError, match="vector of integers"):
        bag(FLAT, table, offsets=np.array([0.0]))
    with pytest.raises(ParameterError, match="does not know this mode"):
        nn.embedding_bag(5, features=3, mode="median")
