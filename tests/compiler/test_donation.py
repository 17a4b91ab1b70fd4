"""Donated arrays: the same results with less memory, and an error for whoever uses them again."""

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import losses, nn, optim, random, tree, xp
from funcnet.compiler import donation
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.inplace import Readers
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.errors import DonatedArrayError, ParameterError
from funcnet.testing.programs import random_program


@pytest.fixture(scope="module", autouse=True)
def _loops_in_python() -> Any:
    kept = FusedPlan.__init__.__defaults__
    FusedPlan.__init__.__defaults__ = (in_python,)
    yield
    FusedPlan.__init__.__defaults__ = kept


def compiled_now(f: Any, *args: Any) -> Any:
    """Return the executable for arguments, with loops."""
    entry = f._entry(args, {})[0]
    assert entry.executable is not None
    entry.executable.compile()
    assert entry.executable.fused is not None
    return entry.executable


def copied(x: Any) -> Any:
    return tree.map(lambda a: np.array(a), x)


def same(a: Any, b: Any, rtol: float = 1e-12) -> None:
    for p, q in zip(tree.leaves(a), tree.leaves(b), strict=True):
        np.testing.assert_allclose(p, q, rtol=rtol, atol=rtol)


def momentum(state: Any, g: Any) -> Any:
    w, m = state
    m = m * 0.9 + g
    return (w - m * 0.1, m), xp.sum(g * g)


def arrays(shape: tuple[int, ...] = (4, 5)) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return (rng.normal(size=shape), rng.normal(size=shape)), rng.normal(size=shape)


class TestInPlace:
    @pytest.mark.parametrize("shape", [(), (3,), (40, 50)])
    def test_memory_outlives_what_others_may_have_its_address_from(self, shape: tuple[int, ...]) -> None:
        f = fn.jit(lambda x: x * 2.0 + 1.0, donate=0)
        compiled_now(f, np.ones(shape))
        given = f(f(np.ones(shape)))
        place = given.__array_interface__["data"][0]
        result = f(given)
        assert result.__array_interface__["data"][0] == place
        buffer = weakref.ref(result.base)
        del result
        gc.collect()
        assert buffer() is not None
        del given
        gc.collect()
        assert buffer() is None

    def test_a_view_that_is_given_away(self) -> None:
        f = fn.jit(lambda x: x * 2.0, donate=0)
        compiled_now(f, np.ones(3))
        result = f(f(np.ones(3)))
        view = result[...]
        np.testing.assert_array_equal(f(view), [8.0] * 3)
        np.testing.assert_array_equal(result, [4.0] * 3)
        with pytest.raises(DonatedArrayError):
            f(view)
        np.testing.assert_array_equal(f(result[1:]), [8.0] * 2)
        np.testing.assert_array_equal(f(result), [8.0] * 3)

    def test_results_lie_where_donated_results_lay(self) -> None:
        state, g = arrays()
        f = fn.jit(momentum, donate=0)
        wanted, _ = momentum(*momentum(state, g)[:1], g)
        executable = compiled_now(f, state, g)
        state, _ = f(state, g)
        before = [a.__array_interface__["data"][0] for a in state]
        state, _ = f(state, g)
        assert sorted(executable.fused.reused.values()) == [0, 1]
        assert [a.__array_interface__["data"][0] for a in state] == before
        same(state, wanted)

    def test_views_keep_their_values(self) -> None:
        state, g = arrays()
        f = fn.jit(momentum, donate="state")
        compiled_now(f, state, g)
        state, _ = f(state, g)
        row, whole = state[0][1], state[1].T
        kept = row.copy(), whole.copy()
        new, _ = f(state, g)
        np.testing.assert_array_equal(row, kept[0])
        np.testing.assert_array_equal(whole, kept[1])
        assert not np.may_share_memory(row, new[0])
        with pytest.raises(DonatedArrayError):
            state[0] + 1.0

    def test_results_in_the_order_of_the_arguments(self) -> None:
        f = fn.jit(lambda w, g: w * 2.0 + g, donate=0)
        w, g = (np.asfortranarray(np.arange(12.0).reshape(3, 4) + k) for k in range(2))
        first = f(w.copy(order="F"), g)
        assert not first.flags.c_contiguous
        compiled_now(f, w, g)
        np.testing.assert_array_equal(f(first, g), (w * 2.0 + g) * 2.0 + g)

    def test_long_ones_begin_with_a_page(self) -> None:
        f = fn.jit(momentum, donate=0)
        state, g = arrays((512, 513))
        compiled_now(f, state, g)
        state = tuple([a.copy() for a in state])
        for _ in range(3):
            state, _ = f(state, g)
            assert [a.__array_interface__["data"][0] % 4096 for a in state] == [0, 0]

    def test_large_ones_begin_with_a_line_of_the_cache(self) -> None:
        (w, m), g = arrays((64, 65))
        f = fn.jit(momentum, donate=0)
        expected = (w, m)
        compiled_now(f, (w, m), g)
        state = (w.copy(), m.copy())
        places = []
        for _ in range(4):
            state, _ = f(state, g)
            expected, _ = momentum(expected, g)
            places.append([a.__array_interface__["data"][0] for a in state])
            same(state, expected)
        assert places[0] == places[1] == places[3]
        assert [p % 64 for p in places[0]] == [0, 0]
        view = state[0][1:]
        kept = view.copy()
        f(state, g)
        np.testing.assert_array_equal(view, kept)

    def test_one_array_twice(self) -> None:
        f = fn.jit(lambda a, b: (a * 2.0 + 1.0, b * 3.0 + a), donate=(0, 1))
        x = np.arange(12.0).reshape(3, 4)
        compiled_now(f, x, x)
        x, _ = f(x, x.copy())
        values = x.copy()
        a, b = f(x, x)
        np.testing.assert_allclose(a, values * 2 + 1)
        np.testing.assert_allclose(b, values * 4)

    def test_an_argument_that_is_not_donated_shows_the_same_memory(self) -> None:
        f = fn.jit(lambda a, b: (a * 2.0 + 1.0, b[::-1] * 3.0 + 1.0), donate=0)
        x = np.arange(12.0).reshape(3, 4)
        compiled_now(f, x, x)
        x, _ = f(x, x.copy())
        view = x[:]
        values = x.copy()
        a, b = f(x, view)
        np.testing.assert_allclose(a, values * 2 + 1)
        np.testing.assert_allclose(b, values[::-1] * 3 + 1)
        np.testing.assert_array_equal(view, values)

    @pytest.mark.parametrize(
        "f",
        [
            lambda w, g: (w * 0.5 + g, xp.cumulative_sum(w, axis=0)),
            lambda w, g: (w * 0.5 + g, xp.cumulative_sum(xp.matrix_transpose(w) @ (w * 0.5 + g), axis=0)),
            lambda w, g: (xp.matrix_transpose(w) * 0.5 + g.T, w * 2.0 + 1.0),
            lambda w, g: (w - xp.sum(w, axis=1, keepdims=True) * g, xp.sum(w * g, axis=0)),
            lambda w, g: (xp.softmax(w * 2.0) + g, w),
            lambda w, g: (xp.softmax(w * 2.0) + g, xp.reshape(w, (-1,))),
            lambda w, g: (w[::-1] * 2.0 + w, g * 2.0 + w),
            lambda w, g: (w[:, 1:] * 2.0 + w[:, :-1], w * 3.0 - g),
            lambda w, g: ((w - g) * 2.0, (w + g) * 3.0, xp.exp(w) * g, w * 2.0 - 1.0),
            lambda w, g: (fn.scan(lambda c, t: (c * 0.5 + t, c @ w.T), g[0], w), w * 2.0 - 1.0),
            lambda w, g: (w * 2.0 + 1.0, w * 2.0 + 1.0, g),
            lambda w, g: (xp.mean(w, axis=0) + w[0], xp.max(w, axis=1), w * g + w),
        ],
    )
    def test_whatever_else_is_read(self, f: Callable[..., Any]) -> None:
        rng = np.random.default_rng(1)
        w, g = rng.normal(size=(5, 5)), rng.normal(size=(5, 5))
        jitted = fn.jit(f, donate=0)
        compiled_now(jitted, w, g)
        make = fn.jit(lambda x: x * 1.5, donate=0)
        for _ in range(3):
            owned = make(rng.normal(size=(5, 5)))
            wanted = copied(fn.jit(f)(owned.copy(), g))
            found = jitted(owned, g)
            same(found, wanted)
            leaves = [a for a in tree.leaves(found) if isinstance(a, np.ndarray)]
            for i, a in enumerate(leaves):
                assert not any(np.may_share_memory(a, b) for b in [*leaves[:i], *leaves[i + 1 :], g])

    @given(st.integers(0, 10_000), st.booleans())
    @settings(max_examples=25)
    def test_random_programs(self, seed: int, narrow: bool) -> None:
        program = random_program(seed)

        def step(state: Any) -> Any:
            a, m = state
            value, g = fn.value_and_grad(lambda a: program(xp, a))(a)
            m = tree.map(lambda m, g: m * 0.9 + g, m, g)
            return (tree.map(lambda a, m: a - 1e-3 * m, a, m), m), value

        arguments = tree.map(lambda a: a.astype("float32") if narrow else a, program.arguments)
        state = (arguments, tree.map(np.zeros_like, arguments))
        plain, giving = fn.jit(step), fn.jit(step, donate="state")
        with np.errstate(all="ignore"):
            executable = compiled_now(giving, state)
            reused = executable.fused.reused
            other = state
            for _ in range(3):
                wanted = plain(other)
                state, value = giving(state)
                scale = max([float(np.max(np.abs(a), initial=1.0)) for a in tree.leaves(wanted)])
                same((state, value), wanted, (3e-3 if narrow else 1e-9) * scale)
                other = copied(state)
        assert len(set(reused.values())) == len(reused)

    def test_results_change_places(self) -> None:
        f = fn.jit(lambda a, b: (b * 2.0 + 1.0, a * 3.0 + 1.0), donate=(0, 1))
        a, b = np.ones((3, 4)), np.full((3, 4), 2.0)
        compiled_now(f, a, b)
        for _ in range(3):
            wanted = np.array(b) * 2 + 1, np.array(a) * 3 + 1
            a, b = f(a, b)
            same((a, b), wanted)

    @pytest.mark.parametrize("shape", [(1,), (3, 4), (40, 50)])
    def test_inputs_that_are_results_as_they_are(self, shape: tuple[int, ...]) -> None:
        def step(state: Any, x: Any) -> Any:
            a, b, c = state
            return (c, a, b * 2.0 + x), a, c[::-1], xp.reshape(a, (-1,)), x

        x = np.ones(shape)
        plain, giving = fn.jit(step), fn.jit(step, donate="state")
        given = tuple([np.arange(x.size, dtype=float).reshape(shape) + k for k in range(3)])
        assert len(compiled_now(giving, given, x).fused.reused) == 3
        state = given
        for k in range(5):
            kept, view = state, state[k % 3][...]
            before = copied(state)
            wanted = plain(state, x)
            found = giving(state, x)
            same(found, wanted)
            np.testing.assert_array_equal(view, before[k % 3])
            leaves = tree.leaves((found, x))
            assert not any([np.shares_memory(p, q) for i, p in enumerate(leaves) for q in leaves[:i]])
            for array in kept:
                with pytest.raises(DonatedArrayError):
                    giving((array, *found[0][1:]), x)
            state = found[0] if k < 3 else copied(found[0])

    def test_free_inputs(self) -> None:
        assert Readers([], [], set(), lambda _: True, {}).free(0) == []

    def test_concurrent_calls(self) -> None:
        f = fn.jit(momentum, donate=0)
        state, g = arrays((50, 60))
        compiled_now(f, state, g)
        errors: list[BaseException] = []

        def work(seed: int) -> None:
            try:
                own = tree.map(lambda a: a * seed, state)
                plain = copied(own)
                for _ in range(20):
                    own, _ = f(own, g)
                    plain, _ = momentum(plain, g)
                same(own, plain)
            except BaseException as error:
                errors.append(error)

        workers = [threading.Thread(target=work, args=(k,)) for k in (1, 2, 3)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        assert not errors


class TestUseAfterDonation:
    def given_away(self) -> Any:
        f = fn.jit(lambda w: w * 2.0 - 1.0, donate="w")
        w = f(np.ones((3, 4)))
        f(w)
        return w

    @pytest.mark.parametrize(
        "use",
        [
            lambda w: w + 1.0,
            lambda w: 2.0 * w,
            lambda w: w * np.ones((3, 4)),
            lambda w: np.exp(w),
            lambda w: w @ np.ones(4),
            lambda w: w[0],
            lambda w: w.mean(),
            lambda w: float(w),
            lambda w: bool(w),
            lambda w: list(w),
            lambda w: np.asarray(w, dtype=float),
            lambda w: pickle.dumps(w),
            lambda w: copy.deepcopy(w),
            lambda w: w == 1.0,
            lambda w: xp.sum(xp.exp(w)),
            lambda w: fn.grad(lambda w: xp.sum(w * w))(w),
            lambda w: fn.jit(lambda w: w * 2.0)(w),
            lambda w: w.fill(1.0),
            lambda w: w.__setitem__(..., 1.0),
            lambda w: np.copyto(w, 1.0),
        ],
    )
    def test_any_use_raises(self, use: Callable[[Any], Any]) -> None:
        w = self.given_away()
        with pytest.raises((DonatedArrayError, TypeError, ValueError, IndexError)):
            use(w)

    def test_message(self) -> None:
        w = self.given_away()
        with pytest.raises(DonatedArrayError, match=r"donated to the fn.jit function '<lambda>'[\s\S]*w = step\(w\)"):
            w + 1.0
        assert "donated to" in repr(w)

    def test_arrays_that_others_own_are_refused_by_functions_under_jit(self) -> None:
        f = fn.jit(lambda w: w * 2.0 - 1.0, donate="w")
        w = np.ones((3, 4))
        f(w)
        np.testing.assert_array_equal(w, np.ones((3, 4)))
        for g in (f, fn.jit(lambda w: w * 3.0)):
            with pytest.raises(DonatedArrayError, match="was donated"):
                g(w)
        np.testing.assert_array_equal(fn.jit(lambda w: w * 3.0)(w.copy()), np.full((3, 4), 3.0))

    def test_identities_are_not_mixed_up(self) -> None:
        f = fn.jit(lambda w: w * 2.0 - 1.0, donate="w")
        # New arrays may have the addresses of those that were given away.
        for i in range(200):
            np.testing.assert_array_equal(f(np.full((3, 4), float(i))), np.full((3, 4), 2.0 * i - 1.0))

    def test_other_backends(self) -> None:
        f = fn.jit(lambda w: w * 2.0 - 1.0, donate="w")
        w = array_api_strict.ones((3, 4))
        new = f(w)
        assert type(new) is type(w)
        with pytest.raises(DonatedArrayError):
            f(w)
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        w = torch.ones(3)
        np.testing.assert_array_equal(f(w).numpy(), np.ones(3))
        with pytest.raises(DonatedArrayError):
            f(w)

    def test_a_call_that_fails_has_taken_its_arguments(self) -> None:
        f = fn.jit(lambda w: w * 2.0 - 1.0, donate="w")
        w = f(np.ones((3, 4)))
        entry: Any = f._entry((np.ones((3, 4)),), {})[0]

        def interrupted(*_: Any) -> Any:
            raise KeyboardInterrupt

        kept, entry.executable._run = entry.executable._run, interrupted
        with pytest.raises(KeyboardInterrupt):
            f(w)
        entry.executable._run = kept
        with pytest.raises(DonatedArrayError):
            f(w)
        np.testing.assert_array_equal(f(np.ones(3)), np.ones(3))

    def test_inside_of_other_transformations_nothing_is_donated(self) -> None:
        f = fn.jit(lambda w: xp.sum(w * w * 2.0), donate="w")
        w = np.ones(3)
        np.testing.assert_array_equal(fn.grad(f)(w), np.full(3, 4.0))
        np.testing.assert_array_equal(fn.jit(fn.grad(f))(w), np.full(3, 4.0))
        np.testing.assert_array_equal(fn.vmap(f)(np.ones((2, 3))), np.full(2, 6.0))
        with fn.debug_nans():
            assert f(w) == 6.0
        assert f(w) == 6.0

    def test_traced_arrays_from_outside(self) -> None:
        scales: list[Any] = []
        f = fn.jit(lambda w: w * scales[-1], donate="w")
        w = np.arange(3.0)

        def g(scale: Any) -> Any:
            scales.append(scale)
            return xp.sum(f(w))

        np.testing.assert_array_equal(fn.grad(g)(np.ones(3)), w)
        np.testing.assert_array_equal(fn.jit(lambda w: w * 2.0)(w), w * 2.0)

    def test_one_array_in_several_places(self) -> None:
        f = fn.jit(lambda a, b, c: (a + 1.0, xp.sum(a) + b * 2.0, c[0] * 3.0), donate=(0, 2))
        for how in ("plain", "fused"):
            if how == "fused":
                compiled_now(f, *[np.ones(4) for _ in range(3)])
            a, _, _ = f(np.ones(4), np.ones(4), np.ones(4))
            new, b, c = f(a, a, a)
            np.testing.assert_array_equal(new, np.full(4, 3.0))
            np.testing.assert_array_equal(b, np.full(4, 12.0))
            np.testing.assert_array_equal(c, 6.0)
            with pytest.raises(DonatedArrayError):
                f(a, new, new)

    def test_several_threads_give_away_one_array(self) -> None:
        f = fn.jit(lambda w, g: w - 0.5 * g, donate="w")
        g = np.ones(60_000, np.float32)
        compiled_now(f, f(np.zeros_like(g), g), g)
        for _ in range(30):
            w = f(np.zeros_like(g), g)
            start = threading.Barrier(3)
            found: list[Any] = []

            def work(w: Any = w, start: Any = start, found: list[Any] = found) -> None:
                start.wait()
                try:
                    found.append(f(w, g))
                except DonatedArrayError as error:
                    found.append(error)

            threads = [threading.Thread(target=work) for _ in range(3)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            (result,) = [y for y in found if isinstance(y, np.ndarray)]
            np.testing.assert_array_equal(result, np.full_like(g, -1.0))
            assert len(found) == 3

    def test_calls_that_begin_while_an_array_is_given_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        f = fn.jit(lambda w, v: (w * 2.0, v + 1.0), donate=("w", "v"))
        executable = compiled_now(f, np.ones(9), np.ones(9))
        w, v = f(*f(np.ones(9), np.ones(9)))
        begun: list[int] = []
        give_up = donation._give_up

        def with_others(*args: Any) -> None:
            begun.append(donation.donations())
            give_up(*args)

        monkeypatch.setattr(donation, "_give_up", with_others)
        f(w, v)
        # Their arrays were whole when they looked.
        with pytest.raises(DonatedArrayError):
            donation.run_donating(executable, (w, v), executable.donated, "f", before=begun[0])

    def test_results_in_memory_of_other_libraries_do_not_dangle(self) -> None:
        f = fn.jit(lambda w: w * 2.0 - 1.0, donate="w")
        w = f(np.ones(1000))
        seen = memoryview(w)
        f(w)
        del w
        gc.collect()
        assert seen[0] == 1.0


class TestWhichArguments:
    def test_names_and_positions(self) -> None:
        step = lambda a, b, *, c: (a + b["x"], c * 2)  # noqa: E731
        for donate, wanted in (
            ("a", [0]),
            (0, [0]),
            (("a", 1), [0, 1, 2]),
            ("c", [3]),
            (["b", "c"], [1, 2, 3]),
        ):
            f = fn.jit(step, donate=donate)
            entry = f._entry((np.ones(2), {"x": np.ones(2), "y": np.ones(3), "n": 3}), {"c": np.ones(4)})[0]
            assert list(entry.donated) == wanted

    def test_positional_arguments_by_name(self) -> None:
        f = fn.jit(lambda a, b: a + b, donate="b")
        assert f._entry((), {"a": np.ones(2), "b": np.ones(2)})[0].donated == (1,)
        g = fn.jit(lambda a, b: a + b, donate=1)
        assert g._entry((), {"a": np.ones(2), "b": np.ones(2)})[0].donated == (1,)

    def test_with_static_arguments(self) -> None:
        f = fn.jit(lambda n, w: w * n, static_argnames="n", donate="w")
        assert f._entry((2, np.ones(2)), {})[0].donated == (0,)
        np.testing.assert_array_equal(f(2, np.ones(2)), [2.0, 2.0])

    @pytest.mark.parametrize("donate", ["z", 2, -1, (0, "z"), "n", 1, 1.5, (None,)])
    def test_wrong_ones(self, donate: Any) -> None:
        with pytest.raises(ParameterError, match="donate"):
            fn.jit(lambda w, n: w * n, static_argnames="n", donate=donate)


PROGRAM = """
import tracemalloc, numpy as np, funcnet as fn
from funcnet import optim, xp, tree
from funcnet.compiler.execute import finish_compiling
opt = optim.adam(1e-3)
SIZE = 400_000
def step(params, state, x):
    g = fn.grad(lambda p: xp.sum((p["w"] * x) ** 2))(params)
    updates, state = opt.update(g, state, params)
    return optim.apply_updates(params, updates), state
peaks = []
for donate in ((), ("params", "state")):
    f = fn.jit(step, donate=donate)
    params = {"w": np.ones(SIZE, "float32")}
    state = opt.init(params)
    x = np.ones(SIZE, "float32")
    for _ in range(3):
        params, state = f(params, state, x)
    assert finish_compiling(200)
    params, state = f(params, state, x)
    tracemalloc.start()
    now = tracemalloc.get_traced_memory()[0]
    params, state = f(params, state, x)
    peaks.append(tracemalloc.get_traced_memory()[1] - now)
    tracemalloc.stop()
print(peaks[0] - peaks[1], 3 * 4 * SIZE)
"""


@pytest.mark.skipif(bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="no Numba")
def test_memory_of_an_adam_step(tmp_path: Any) -> None:
    """The peak is lower by the parameters and both moments."""
    env = {**os.environ, "FUNCNET_JIT": "1", "FUNCNET_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    saved, donated = map(int, done.stdout.split())
    assert saved > 0.95 * donated


def test_training_with_and_without() -> None:
    init, apply = nn.stateless(nn.sequential(nn.dense(8), nn.tanh(), nn.dense(3)))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 4)).astype("float32"), np.array([0, 1, 2, 1, 0])
    opt = optim.adam(1e-2)

    def step(params: Any, state: Any) -> Any:
        loss, g = fn.value_and_grad(lambda p: losses.softmax_cross_entropy(apply(p, x), y))(params)
        updates, state = opt.update(g, state, params)
        return optim.apply_updates(params, updates), state, loss

    params = init(random.key(0), x.shape)
    plain, giving = fn.jit(step), fn.jit(step, donate=("params", "state"))
    a = params, opt.init(params)
    b = copied(params), opt.init(params)
    executable = compiled_now(giving, *b)
    for _ in range(5):
        *a, first = plain(*a)
        *b, second = giving(*b)
        same((a, first), (b, second), 1e-5)
    # Parameters and both moments.
    assert len(executable.fused.reused) >= 3 * len(tree.leaves(params)) - 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fork_while_a_thread_gives_arrays_away() -> None:
    """The lock that the thread had is open in the child."""
    program = """
import os, numpy as np, funcnet as fn
from funcnet.compiler import donation
f = fn.jit(lambda w: w * 2.0, donate="w")
w = f(np.ones(3))
# In the child, the one who could open it is not there.
donation._lock.acquire()
child = os.fork()
if child == 0:
    os._exit(int(f(w)[0]))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("4\n", "")
