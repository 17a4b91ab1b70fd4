"""The namespace: complete, usable by other libraries, following arrays and the current backend."""

import importlib
import pickle
import types

import numpy as np
import pytest

import funcnet as fn
from funcnet import backends, xp
from funcnet.errors import ParameterError

STANDARD_FUNCTIONS = (
    "abs acos acosh add all any arange argmax argmin argsort asarray asin asinh astype atan atan2 atanh bitwise_and "
    "bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays broadcast_shapes "
    "broadcast_to can_cast ceil clip concat conj copysign cos cosh count_nonzero cumulative_prod cumulative_sum "
    "diff divide empty empty_like equal exp expand_dims expm1 eye finfo flip floor floor_divide from_dlpack full "
    "full_like greater greater_equal hypot iinfo imag isdtype isfinite isin isinf isnan less less_equal linspace "
    "log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor matmul matrix_transpose max "
    "maximum mean meshgrid min minimum moveaxis multiply negative nextafter nonzero not_equal ones ones_like "
    "permute_dims positive pow prod real reciprocal remainder repeat reshape result_type roll round searchsorted "
    "sign signbit sin sinh sort sqrt square squeeze stack std subtract sum take take_along_axis tan tanh tensordot "
    "tile tril triu trunc unique_all unique_counts unique_inverse unique_values unstack var vecdot where zeros "
    "zeros_like "
).split()


def traced_namespace(x, **kwargs):
    return fn.grad(lambda x: (xp.sum(x * x), [x.__array_namespace__(**kwargs)]), has_aux=True)(x)[1][0]


@pytest.mark.parametrize("name", STANDARD_FUNCTIONS)
def test_every_function_of_the_main_namespace_is_there(name):
    assert name in xp.__all__
    assert callable(getattr(xp, name))
    assert getattr(xp, name).__doc__


def test_constants_and_version():
    assert (xp.pi, xp.e, xp.inf, xp.newaxis) == (np.pi, np.e, np.inf, None)
    assert np.isnan(xp.nan)
    assert xp.__array_api_version__ == "2025.12"
    assert xp.__array_namespace_info__().default_device() is not None


def test_dtypes_follow_the_current_backend():
    assert xp.float32 == np.float32
    if "strict" in backends.available():
        strict = pytest.importorskip("array_api_strict", reason="the backend 'strict' needs it")
        with fn.use_backend("strict"):
            assert xp.float32 is strict.float32
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = xp.nonsense


def test_a_tracer_gives_a_real_hashable_module():
    ns = traced_namespace(np.ones(3))
    assert isinstance(ns, types.ModuleType)
    assert ns is traced_namespace(np.zeros(()))
    assert {ns: 1}[ns] == 1
    assert ns.__name__ == "funcnet.xp.numpy"
    assert pickle.loads(pickle.dumps(ns)) is ns
    for name in STANDARD_FUNCTIONS:
        assert callable(getattr(ns, name))
    for name in ("bool", "int8", "float32", "complex128"):
        assert getattr(ns, name) == np.dtype(name)


def test_a_tracers_namespace_creates_what_its_library_would():
    ns = traced_namespace(np.ones(3, dtype=np.float32))
    assert ns.zeros(3).dtype == np.float64
    assert ns.asarray([1.0]).dtype == np.float64
    assert ns.zeros(3, dtype=ns.float32).dtype == np.float32
    assert ns.__array_namespace_info__().default_dtypes()["real floating"] == np.float64
    assert xp.zeros(3).dtype == np.float32


def test_api_version():
    assert traced_namespace(np.ones(3), api_version="2022.12") is traced_namespace(np.ones(3))
    with pytest.raises(ParameterError, match="version of the Array API standard"):
        traced_namespace(np.ones(3), api_version="2099.12")


def test_each_backends_tracers_have_their_own_namespace():
    if "strict" not in backends.available():
        pytest.skip("array_api_strict is not installed")
    with fn.use_backend("strict"):
        x = xp.ones(3)
    ns = traced_namespace(x)
    assert ns.__name__ == "funcnet.xp.strict"
    assert backends.backend_of(ns.zeros(2)).name == "strict"


def test_code_written_for_any_namespace_is_differentiated():
    def standardise(x):
        ns = x.__array_namespace__()
        centred = x - ns.mean(x, axis=0)
        out = ns.empty(x.shape, dtype=x.dtype)
        out[...] = centred / ns.std(x, axis=0)
        return ns.sum(out[0, :] ** 3)

    x = np.random.default_rng(0).normal(size=(5, 2))
    g = fn.grad(standardise)(x)
    eps = 1e-6
    for i in np.ndindex(x.shape):
        d = np.zeros_like(x)
        d[i] = eps

        def value(x):
            return np.sum(((x - x.mean(0)) / x.std(0))[0] ** 3)

        assert g[i] == pytest.approx((value(x + d) - value(x - d)) / (2 * eps), abs=1e-7)


def test_every_module_imports():
    for module in (
        "core",
        "ops",
        "xp",
        "transforms",
        "backends",
        "tree",
        "random",
        "nn",
        "losses",
        "optim",
        "serialize",
        "testing",
    ):
        assert importlib.import_module(f"funcnet.{module}").__doc__
