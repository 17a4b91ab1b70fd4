"""The namespace ``xp.linalg``."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from funcnet import xp
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp


def test_it_has_the_functions_of_the_standard() -> None:
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict lists the standard's functions")
    names = sorted(set(xp.linalg.__all__) - {"expm", "logm", "sqrtm"})
    assert len(names) == 25
    for name in names:
        ours, theirs = inspect.signature(getattr(xp.linalg, name)), inspect.signature(getattr(strict.linalg, name))
        kinds = [(p.name if p.kind is p.KEYWORD_ONLY else "", p.kind) for p in ours.parameters.values()]
        wanted = [(p.name if p.kind is p.KEYWORD_ONLY else "", p.kind) for p in theirs.parameters.values()]
        assert sorted(kinds) == sorted(wanted), name


def test_it_is_loaded_at_first_use() -> None:
    code = (
        "import sys; import funcnet as fn, numpy as np; from funcnet import xp;"
        "fn.grad(lambda x: xp.sum(x))(np.ones(2));"
        "assert 'funcnet.xp.linalg' not in sys.modules and 'funcnet.ops.linalg.common' not in sys.modules;"
        "xp.linalg.solve; assert 'funcnet.xp.linalg' in sys.modules;"
        "xp.linalg.vector_norm(np.ones(2)); assert 'array_api_compat.numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("case", backend_params())
def test_through_the_namespace_of_a_traced_array(case: BackendCase) -> None:
    def f(a, b):  # type: ignore[no-untyped-def]
        namespace = a.__array_namespace__()
        return namespace.linalg.solve(a, b)

    with case.active():
        a, b = case.asarray(np.diag([2.0, 4.0]).astype("float32")), case.asarray(np.ones(2, np.float32))
        y, pullback = vjp(f, a, b)
        da, db = pullback(case.asarray(np.ones(2, np.float32)))
    np.testing.assert_allclose(case.to_numpy(y), [0.5, 0.25])
    np.testing.assert_allclose(case.to_numpy(db), [0.5, 0.25])
    np.testing.assert_allclose(case.to_numpy(da), -np.outer([0.5, 0.25], [0.5, 0.25]))


def test_results_have_the_names_of_the_standard() -> None:
    x = np.array([[2.0, 1.0], [1.0, 3.0]])
    assert xp.linalg.eigh(x)._fields == xp.linalg.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert xp.linalg.qr(x)._fields == ("Q", "R")
    assert xp.linalg.svd(x)._fields == ("U", "S", "Vh")
    assert xp.linalg.slogdet(x)._fields == ("sign", "logabsdet")
    assert float(grad(lambda a: xp.linalg.slogdet(a).logabsdet)(np.eye(1))[0, 0]) == 1.0
