"""The suite of primitives, generated from what their declarations say."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from funcnet.core import bind, registry
from funcnet.testing import strategies
from funcnet.testing.backends import BackendCase, backend_cases, case
from funcnet.testing.check_grads import check_grads
from funcnet.testing.coverage import check_planned, plan, primitive_names
from funcnet.testing.primitives import check_values
from funcnet.testing.samples import Sample, allowed_dtypes, away_from_kinks, samples, smooth_everywhere
from funcnet.transforms.forward import jvp

NAMES = primitive_names()
ELEMENTWISE = [name for name in NAMES if registry[name].kind == "elementwise"]
WITH_DOMAIN = [
    name
    for name in ELEMENTWISE
    if "domain" in registry[name].meta
    and "float64" in allowed_dtypes(registry[name])
    and not registry[name].meta.get("scalars")
    # Kernel and reference are the same function of SciPy's.
    and not registry[name].meta.get("hosted")
]


def _combinations() -> list[Any]:
    found = []
    for one in backend_cases():
        marks = [pytest.mark.gpu] if one.backend_name == "cupy" else []
        if one.reason is not None:
            # One test says so, in place of one for each primitive.
            skip = pytest.mark.skip(reason=f"backend {one.backend_name!r}: {one.reason}")
            found.append(pytest.param("every primitive", one, id=one.name, marks=[*marks, skip]))
            continue
        found += [pytest.param(name, one, id=f"{name}-{one.name}", marks=marks) for name in NAMES]
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.requirement("T31")
def test_the_declaration_has_its_metadata(name: str) -> None:
    primitive = registry[name]
    assert allowed_dtypes(primitive)
    if primitive.kind == "elementwise":
        assert "cases" in primitive.meta or "domain" in primitive.meta, f"{name} has neither a domain nor cases"
        assert len(primitive.meta["derivative"]) == len(primitive.partials)
    else:
        assert primitive.meta.get("cases"), f"{name} has no cases"
        assert primitive.shape is not None or primitive.meta.get("data_dependent"), f"{name} has no shape rule"


@pytest.mark.parametrize(("name", "backend"), _combinations())
@pytest.mark.requirement("A10", "T32", "T37", "T39")
def test_primitive(name: str, backend: BackendCase, record_property: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        covered = check_planned(name, backend)
    assert {one.dtype for one in covered} == set(plan(name, backend))
    record_property("covered", [list(one) for one in covered])


@pytest.mark.parametrize("name", WITH_DOMAIN)
@settings(max_examples=6)
@given(data=st.data())
def test_elementwise_on_generated_arrays(name: str, data: st.DataObject) -> None:
    primitive = registry[name]
    domain, kinks = primitive.meta["domain"], primitive.meta.get("kinks", ())
    shapes = data.draw(strategies.broadcastable_shapes(len(domain), max_dims=2, max_side=3))
    exclude = kinks if len(domain) == 1 else ()
    args = [
        data.draw(strategies.arrays(shape=shape, domain=interval, exclude=exclude, margin=0.1, size=2.0))
        for shape, interval in zip(shapes, domain, strict=True)
    ]
    assume(away_from_kinks(primitive, args) and smooth_everywhere(primitive, args))
    with np.errstate(all="ignore"):
        assume(np.all(np.isfinite(bind(primitive, *args))))
    check_values(primitive, case("numpy"), Sample(tuple(args), {}))
    if bind(primitive, *args).dtype == np.float64:
        check_grads(lambda *a: bind(primitive, *a), args, order=1)


def _formula(text: str, count: int) -> Any:
    sympy = pytest.importorskip("sympy", reason="sympy is not installed")
    symbols = sympy.symbols("x" if count == 1 else [f"x{i + 1}" for i in range(count)])
    symbols = [symbols] if count == 1 else list(symbols)
    names = {str(s): s for s in symbols}
    # One of the library's functions may be named in a formula as sympy does not know it.
    expression = sympy.sympify(text, locals=names)
    return sympy.lambdify(symbols, expression, modules=["numpy", "scipy"])


@pytest.mark.parametrize(
    "name", [n for n in ELEMENTWISE if {"float64", "bool"} & set(allowed_dtypes(registry[n])) and n not in ("imag",)]
)
def test_the_documented_derivative_is_that_of_the_rule(name: str) -> None:
    primitive = registry[name]
    if "float64" not in allowed_dtypes(primitive):
        assert primitive.meta["derivative"] == ("0",) * len(primitive.partials)
        return
    checked = 0
    for sample in samples(primitive, "float64", seed=1):
        args = [np.asarray(a) for a in sample.args]
        shape = np.broadcast_shapes(*[a.shape for a in args])
        full = [np.array(np.broadcast_to(a, shape)) for a in args]
        result = bind(
            primitive, *[f if a.__class__ is np.ndarray else a for f, a in zip(full, sample.args, strict=True)]
        )
        for i, text in enumerate(primitive.meta["derivative"]):
            if not text:
                # Refused, or no formula of known functions; differences are all there is to compare with.
                continue
            numbers = [np.asarray(a, dtype=np.float64) for a in full]
            with np.errstate(all="ignore"):
                wanted = np.broadcast_to(np.asarray(_formula(text, len(args))(*numbers), dtype=np.float64), shape)
            if full[i].dtype != np.float64 or sample.args[i].__class__ is not np.ndarray:
                continue
            if result.dtype != np.float64:
                assert np.all(wanted == 0.0), f"the result of {name} is not floating-point"
                continue
            one = [
                x if k == i else np.asarray(a) if a.__class__ is np.ndarray else a
                for k, (x, a) in enumerate(zip(full, sample.args, strict=True))
            ]

            def of_one(x: Any, at: int = i, others: list[Any] = one) -> Any:
                return bind(primitive, *others[:at], x, *others[at + 1 :])

            _, found = jvp(of_one, (full[i],), (np.ones(shape),))
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12, err_msg=f"d/dx{i + 1} = {text}")
            checked += found.size
    assert checked or all(text in ("", "0") for text in primitive.meta["derivative"])
