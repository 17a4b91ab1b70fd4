"""check_primitive: declarations that keep their promises pass, others are named."""

from collections.abc import Iterator

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import Refused, case, elementwise, general, linear, registry
from funcnet.errors import GradientCheckError, ParameterError
from funcnet.testing import check_primitive
from funcnet.testing.primitives import Covered


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = set(registry)
    yield
    for name in set(registry) - before:
        del registry[name]


def test_it_says_what_it_checked() -> None:
    found = check_primitive("abs", "numpy", ["float64"])
    assert found == [
        Covered("abs", "numpy", "float64", m) for m in ("values", "shape", "vjp", "jvp", "order 2", "vmap", "ties")
    ]
    of_floats = check_primitive("greater", "numpy", ["float64"])
    assert {one.mode for one in of_floats} == {"values", "shape", "constant", "vmap"}
    assert {one.mode for one in check_primitive("greater", "numpy", ["int64"])} == {"values", "shape", "vmap"}


def test_batching_rules_are_checked_where_there_are_any() -> None:
    assert "vmap" not in {one.mode for one in check_primitive("sin", batched=False)}
    assert "vmap" not in {one.mode for one in check_primitive("nonzero")}
    for backend in ("numpy", "numpy-readonly", "strict", "strict-device1"):
        assert "vmap" in {one.mode for one in check_primitive("sum", backend, ["float64"], order=1)}


def test_a_wrong_batching_rule_is_named() -> None:
    wrong = general(
        "test.batch",
        lambda ns, x, y: ns.sum(x) * y,
        vjp=None,
        shape=lambda x, y: y.shape,
        batch=lambda primitive, size, batched, x, y: xp.broadcast_to(xp.sum(x) * y, (size, 2)),
        dtypes="floating",
        cases=(case((3,), (2,)),),
    )
    with pytest.raises(GradientCheckError, match=r"(?s)'test\.batch' failed.*does not give what a loop gives"):
        check_primitive(wrong, dtypes=["float64"])


def test_dtypes_that_the_backend_or_the_declaration_lacks_are_left_out() -> None:
    assert check_primitive("sin", "strict-no-x64", ["float64"]) == []
    assert check_primitive("sin", "numpy", ["int64"]) == []


@pytest.mark.requirement("D30")
def test_a_users_primitive() -> None:
    p = general(
        "test.scale",
        lambda ns, x, *, factor: x * factor,
        vjp=[lambda y, x, *, factor: lambda g: g * factor],
        shape=lambda x, *, factor: x.shape,
        dtypes="floating",
        cases=(case((2, 3), factor=2.0), case((), factor=-1.0)),
    )
    for backend in ("numpy", "numpy-readonly", "strict", "strict-device1"):
        assert {one.mode for one in check_primitive(p, backend)} == {"values", "shape", "vjp", "jvp", "order 2"}


def test_arguments_that_are_refused_must_raise() -> None:
    refusing = general(
        "test.refused",
        lambda ns, x, n: x * n,
        vjp=[lambda y, x, n: lambda g: g * n, Refused("counts have no derivative")],
        shape=lambda x, n: x.shape,
        dtypes="floating",
        cases=(case((3,), (3,)),),
    )
    assert "refused" in {one.mode for one in check_primitive(refusing, "numpy", ["float64"])}


def test_failures_name_the_primitive_and_the_arguments() -> None:
    wrong = linear(
        "test.wrong",
        lambda ns, x: 2.0 * x,
        transpose=[lambda y, x: lambda g: g],
        shape=lambda x: x.shape,
        dtypes="floating",
        cases=(case((2, 3)),),
    )
    with pytest.raises(GradientCheckError, match=r"'test\.wrong' failed on 'numpy'") as caught:
        check_primitive(wrong, dtypes=["float64"])
    message = str(caught.value)
    assert "xp.test.wrong(float64[2, 3])" in message
    assert "The derivative is wrong: vjp" in message
    assert "check_primitive('test.wrong', 'numpy', ['float64'], seed=0)" in message


@pytest.mark.requirement("T37", "T35")
def test_shape_rules() -> None:
    for rule in (lambda x: x.shape[1:], lambda x: (*x.shape, 1)):
        wrong = general(
            "test.shape",
            lambda ns, x: ns.sum(x, axis=0, keepdims=True),
            vjp=[lambda y, x: lambda g: xp.broadcast_to(g, x.shape)],
            shape=rule,
            dtypes="floating",
            cases=(case((2, 3)),),
        )
        with pytest.raises(GradientCheckError, match="shape of the result by the shape rule is wrong"):
            check_primitive(wrong)
        del registry["test.shape"]
    missing = general("test.none", lambda ns, x: x, vjp=None, dtypes="floating", cases=(case((2,)),))
    with pytest.raises(GradientCheckError, match="has no shape rule"):
        check_primitive(missing)


@pytest.mark.requirement("T31")
def test_a_constant_that_carries_a_derivative() -> None:
    flat = elementwise("test.flag", lambda ns, x: x > 0, partials=[None], dtypes="real", domain=((-2.0, 2.0),))
    assert "constant" in {one.mode for one in check_primitive(flat, dtypes=["float64"])}


def test_kernels_are_compared_with_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    from funcnet import backends

    right = elementwise(
        "test.kernel",
        lambda ns, x: ns.sin(x),
        partials=[lambda g, x: g * xp.cos(x)],
        dtypes="floating",
        domain=((-2.0, 2.0),),
    )
    kernels = backends.get("numpy").kernels
    monkeypatch.setitem(kernels, "test.kernel", np.sin)
    check_primitive(right)
    right.table.clear()
    monkeypatch.setitem(kernels, "test.kernel", lambda x: np.sin(x.astype(np.float32)).astype(x.dtype))
    with pytest.raises(GradientCheckError, match="values of the result are wrong"):
        check_primitive(right, dtypes=["float64"])
    right.table.clear()
    monkeypatch.setitem(kernels, "test.kernel", lambda x: np.sin(x)[None])
    with pytest.raises(GradientCheckError, match="shape of the result is wrong"):
        check_primitive(right, dtypes=["float64"])


def test_missing_metadata_is_an_error() -> None:
    bare = general("test.bare", lambda ns, x: x, vjp=None)
    with pytest.raises(ParameterError, match="does not say which dtypes"):
        check_primitive(bare)
