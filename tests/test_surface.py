"""What the public modules show: their names, and which one was meant by a name that they lack."""

import pickle
import subprocess
import sys
import types
from operator import attrgetter

import pytest

import funcnet as fn
from funcnet import losses, nn, optim, random, xp
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.errors import FuncnetError, UnknownNameError
from funcnet.xp.namespace import EXTENSIONS
from funcnet.xp.spellings import SPELLINGS

#: What `xp` shows besides its functions.
XP = {*STANDARD, *OPTIONAL, *EXTENSIONS}


def _public_modules(module: types.ModuleType, name: str) -> dict[str, types.ModuleType]:
    found = {name: module}
    for one in dir(module):
        value = getattr(module, one)
        if isinstance(value, types.ModuleType) and not one.startswith("_"):
            found |= _public_modules(value, f"{name}.{one}")
    return found


MODULES = _public_modules(fn, "fn")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_public_names_are_shown(name):
    module = MODULES[name]
    shown = {one for one in dir(module) if not one.startswith("_")}
    assert shown == {*module.__all__} | (XP if name == "fn.xp" else set())
    assert all(hasattr(module, one) for one in shown)
    assert {"__all__", "__doc__", "__file__", "__name__"} <= {*dir(module)}


def test_the_public_modules_are_found():
    expected = "fn.backends fn.core fn.nn.models fn.optim.schedules fn.testing.strategies fn.xp fn.xp.linalg"
    assert {*expected.split()} <= {*MODULES}


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        (fn, "grda", "fn.grad"),
        (fn, "adam", "optim.adam"),
        (fn, "numpy", "fn.xp"),
        (xp, "sinn", "xp.sin or xp.sinh or xp.sinc"),
        (xp, "transpose", "xp.permute_dims"),
        (xp, "arctan2", "xp.atan2"),
        (xp, "solve", "xp.linalg.solve"),
        (xp, "argwhere", "xp.stack(xp.nonzero(x), axis=-1)"),
        (xp, "gelu", "nn.functional.gelu"),
        (xp, "segment_max", "xp.at(xp.full((n, *x.shape[1:]), -xp.inf), segment_ids).max(x)"),
        (xp.linalg, "solve_triangular", "xp.linalg.solve(xp.tril(a), b)"),
        (fn, "remat", "fn.checkpoint"),
        (losses, "mse_loss", "losses.mse"),
        (optim, "cosine_decay_schedule", "optim.schedules.cosine"),
        (xp.linalg, "slogdett", "xp.linalg.slogdet"),
        (xp.special, "ndtr_i", "xp.special.ndtri"),
        (nn, "BatchNorm", "nn.batch_norm"),
        (nn, "Linear", "nn.dense"),
        (nn, "he_normal", "nn.initializers.he_normal"),
        (losses, "cross_entropy", "losses.softmax_cross_entropy"),
        (optim, "AdamW", "optim.adamw"),
        (random, "PRNGKey", "random.key"),
        (random, "gumble", "random.gumbel"),
        (optim, "one_cycle", "optim.schedules.one_cycle"),
    ],
)
def test_a_name_that_a_module_lacks_is_refused_with_the_one_that_was_meant(module, name, meant):
    with pytest.raises(UnknownNameError) as caught:
        getattr(module, name)
    assert isinstance(caught.value, AttributeError)
    assert str(caught.value) == f"module {module.__name__!r} has no attribute {name!r}\n  write:  {meant}"
    assert caught.value.name == name


def test_where_nothing_is_like_it_nothing_is_suggested():
    with pytest.raises(FuncnetError) as caught:
        _ = fn.qqqqq
    assert str(caught.value) == "module 'funcnet' has no attribute 'qqqqq'"
    assert not hasattr(fn.nn, "qqqqq")


def test_the_namespace_of_a_traced_array_suggests_too():
    def f(x):
        namespace = x.__array_namespace__()
        assert {"sin", "einsum", "linalg", "float64"} <= {*dir(namespace)}
        assert "_backend" not in dir(namespace)
        with pytest.raises(UnknownNameError, match=r"(?s)'concatenate'.*write:  xp\.concat"):
            _ = namespace.concatenate
        return x

    fn.grad(f)(1.0)


def test_the_error_survives_pickling():
    with pytest.raises(UnknownNameError) as caught:
        _ = xp.sinn
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (UnknownNameError, str(caught.value))


def test_python_adds_no_suggestion_of_its_own():
    run = subprocess.run(
        [sys.executable, "-c", "from funcnet import xp; xp.arctan2"], capture_output=True, text=True, check=False
    )
    assert run.stderr.splitlines()[-2:] == [
        "funcnet.errors.UnknownNameError: module 'funcnet.xp' has no attribute 'arctan2'",
        "  write:  xp.atan2",
    ]


@pytest.mark.parametrize("ours", [ours for ours in SPELLINGS.values() if ours.replace(".", "").isidentifier()])
def test_what_is_suggested_for_names_of_other_libraries_is_there(ours):
    assert attrgetter(ours.removeprefix("xp."))(xp if ours[:3] == "xp." else fn) is not None
