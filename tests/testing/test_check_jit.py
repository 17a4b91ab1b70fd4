"""check_jit finds what differs under jit, and nothing else."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, xp
from funcnet.errors import JitCheckError
from funcnet.testing import check_jit

RNG = np.random.default_rng(0)


def test_a_training_step():
    x, y = RNG.standard_normal((8, 3)).astype(np.float32), RNG.standard_normal(8).astype(np.float32)
    optimizer = optim.adam(1e-2)
    params = {"w": RNG.standard_normal(3).astype(np.float32), "b": np.float32(0.5)}

    def step(params, state):
        loss, grads = fn.value_and_grad(lambda p: xp.mean((x @ p["w"] + p["b"] - y) ** 2))(params)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, loss

    check_jit(step, [params, optimizer.init(params)])


def test_special_values_integers_and_numbers():
    x = np.array([0.0, -1.0, np.inf, np.nan])
    check_jit(lambda x: {"exp": xp.exp(x), "order": xp.argsort(x), "is": x > 0, "three": 3, "i": x + 1j}, [x])
    check_jit(lambda n, x: x**n, [3, x], static_argnames="n")


def planted(monkeypatch, change, calls=3):
    """Have what runs under jit compute something else from a call on."""

    class Wrong:
        def __init__(self, f, **_):
            self.f, self.count = f, 0

        def __call__(self, *args):
            self.count += 1
            y = self.f(*args)
            return change(y, args) if self.count >= calls else y

    monkeypatch.setitem(check_jit.__globals__, "jit", Wrong)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda y, args: {"a": y["a"] * (1 + 1e-8)}, r"at .*a.*first call of compiled loops, is wrong in 4 of 4"),
        (lambda y, args: {"a": np.where(y["a"] == 2.0, np.nan, y["a"])}, r"nan at \[1\]"),
        (lambda y, args: {"a": y["a"].astype(np.float32)}, r"float32\[4\]"),
        (lambda y, args: {"a": y["a"][:3]}, r"float64\[3\]"),
        (lambda y, args: {"b": y["a"]}, "another structure"),
        (lambda y, args: (args[0].__setitem__(0, 7.0), y)[1], "wrote to an argument"),
    ],
    ids=["values", "nan", "dtype", "shape", "structure", "argument"],
)
def test_what_differs(monkeypatch, change, text):
    planted(monkeypatch, change)
    with pytest.raises(JitCheckError, match=f"(?s){text}"):
        check_jit(lambda x: {"a": x + 1}, [np.arange(4.0)])


def test_a_result_that_a_later_call_overwrites(monkeypatch):
    shared = []

    def keep(y, args):
        shared.append(y)
        shared[0] += 1e-13
        return shared[0] if len(shared) == 1 else y

    planted(monkeypatch, keep)
    with pytest.raises(JitCheckError, match="wrote to the result of the first call of compiled loops"):
        check_jit(lambda x: x + 1, [np.arange(3.0)])


def test_tolerances(monkeypatch):
    planted(monkeypatch, lambda y, args: y + 1e-6)
    f, x = (lambda x: x * 2), np.arange(3.0)
    check_jit(f, [x], atol=1e-5)
    check_jit(f, [x], rtol=1e-5)
    check_jit(f, [x.astype(np.float32)])
    with pytest.raises(JitCheckError, match="to within 4e-10"):
        check_jit(f, [x])
