"""Threads, tasks and generators that differentiate at once do not see each other."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.backends import current
from funcnet.core import current_trace
from funcnet.errors import EscapedTracerError

THREADS = 40


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    before = current()
    yield
    assert current() == before
    assert current_trace() is None


@contextmanager
def _frequent_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _nested(depth, x):
    """Return a derivative through `depth` more transformations, and what it has to be.

    Each level makes an array from nothing, which belongs to the innermost transformation, and assigns into it.
    """

    def base(x):
        table = xp.zeros(3, dtype=x.dtype)
        table[1] = x**5
        return table.sum()

    modes = (
        fn.grad,
        lambda f: lambda x: fn.vjp(f, x)[1](xp.ones((), dtype=x.dtype))[0],
        lambda f: lambda x: fn.jvp(f, (x,), (xp.ones((), dtype=x.dtype),))[1],
    )
    f = base
    for level in range(depth):
        f = modes[level % 3](f)
    coefficient = [1.0, 5.0, 20.0, 60.0, 120.0][depth]
    return f(x), coefficient * x ** (5 - depth)


def _run_in_threads(work, count=THREADS):
    barrier = threading.Barrier(count)

    def one(i):
        barrier.wait()
        return work(i)

    with _frequent_switches(), ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.requirement("D12", "DX28")
def test_threads_that_nest_differently():
    def work(i):
        dtype = ("float32", "float64")[i % 2]
        for repeat in range(5):
            with fn.use_backend(dtype=dtype):
                x = np.asarray(1.0 + i / THREADS, dtype=dtype)
                found, expected = _nested((i + repeat) % 5, x)
                assert found.dtype == dtype
                assert xp.zeros(1).dtype == dtype
                np.testing.assert_allclose(found, expected, rtol=1e-5)
            assert current_trace() is None
            assert xp.zeros(1).dtype == "float32"
        return True

    assert all(_run_in_threads(work))


def test_threads_that_share_a_gradient_function_and_its_arrays():
    w = np.random.default_rng(0).normal(size=(8, 8))
    gradient = fn.value_and_grad(lambda w, x: xp.tanh(w @ x).sum())

    def work(i):
        return gradient(w, np.full(8, float(i)))

    for i, (value, g) in enumerate(_run_in_threads(work)):
        y = np.tanh(w @ np.full(8, float(i)))
        np.testing.assert_allclose(value, y.sum(), rtol=1e-12)
        np.testing.assert_allclose(g, np.outer(1 - y**2, np.full(8, float(i))), rtol=1e-12)


def test_threads_inside_a_differentiated_function():
    def f(x):
        # Threads may record for the transformation that waits for them.
        with ThreadPoolExecutor(8) as pool:
            return xp.stack(list(pool.map(lambda i: x[i] ** 2 * fn.grad(lambda y: y**3)(x[i]), range(32)))).sum()

    x = np.linspace(0.5, 2.0, 32)
    np.testing.assert_allclose(fn.grad(f)(x), 12 * x**3, rtol=1e-12)


def test_threads_record_on_one_tape_at_once():
    def f(x):
        with ThreadPoolExecutor(THREADS) as pool:
            copied = [copy_context() for _ in range(THREADS)]
            parts = pool.map(lambda i: copied[i].run(lambda: (xp.ones(3) * x * i).sum()), range(THREADS))
            return sum(parts)

    with _frequent_switches():
        assert fn.grad(f)(np.float64(2.0)) == 3.0 * sum(range(THREADS))


def test_a_thread_that_fails_leaves_the_others_alone():
    def work(i):
        def f(x):
            if i % 3 == 0:
                raise ZeroDivisionError
            return x**2

        try:
            return fn.grad(f)(np.array(float(i)))
        except ZeroDivisionError:
            assert current_trace() is None
            return None

    for i, g in enumerate(_run_in_threads(work)):
        assert (g is None) if i % 3 == 0 else (g == 2.0 * i)


def test_the_first_use_may_be_in_many_threads_at_once():
    program = """
import sys, threading
import numpy as np
import funcnet as fn

sys.setswitchinterval(1e-6)
barrier, found = threading.Barrier(32), []

def work(i):
    barrier.wait()
    x = np.linspace(0.1, 1.0, 4)
    if i % 4 == 0:
        found.append(fn.grad(lambda x: fn.xp.sum(fn.xp.sin(x)))(x) - np.cos(x))
    elif i % 4 == 1:
        found.append(fn.jvp(np.sin, (x,), (np.ones(4),))[1] - np.cos(x))
    elif i % 4 == 2:
        found.append(fn.scan(lambda c, a: (c + a, a), 0.0, x)[1] - x)
    else:
        found.append(fn.grad(lambda x: fn.losses.mse(x, np.zeros(4)))(x) - x / 2)

threads = [threading.Thread(target=work, args=(i,)) for i in range(32)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(found) == 32
assert max(abs(f).max() for f in found) < 1e-15
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_tasks_that_nest_differently():
    async def work(i):
        dtype = ("float32", "float64")[i % 2]
        with fn.use_backend(dtype=dtype):
            for repeat in range(5):
                found, expected = _nested((i + repeat) % 5, np.asarray(1.0 + i / THREADS, dtype=dtype))
                np.testing.assert_allclose(found, expected, rtol=1e-5)
                await asyncio.sleep(0)
                assert xp.zeros(1).dtype == dtype
                assert current_trace() is None

    async def main():
        await asyncio.gather(*[work(i) for i in range(THREADS)])

    asyncio.run(main())


def test_an_event_loop_inside_a_differentiated_function():
    async def part(x, i):
        await asyncio.sleep(0)
        table = xp.zeros(2, dtype=x.dtype)
        table[0] = x**i
        await asyncio.sleep(0)
        return table.sum() + await asyncio.to_thread(lambda: fn.grad(lambda y: y**2)(x))

    async def all_parts(x):
        return sum(await asyncio.gather(*[part(x, i) for i in range(1, 5)]))

    assert fn.grad(lambda x: asyncio.run(all_parts(x)))(np.array(2.0)) == 1 + 4 + 12 + 32 + 8


def test_a_task_that_outlives_the_function_it_was_started_in():
    async def main():
        tasks = []

        async def later():
            # Begun inside the transformation, run after it.
            zeros = xp.zeros(2)
            zeros[0] = 1.0
            return zeros + 1.0, fn.grad(lambda y: (xp.ones(2) * y).sum())(np.array(1.0))

        def f(x):
            tasks.append(asyncio.get_running_loop().create_task(later()))
            return x**2

        assert fn.grad(f)(np.array(3.0)) == 6.0
        return await tasks[0]

    array, g = asyncio.run(main())
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, [2.0, 1.0])
    assert g == 2.0


def test_a_context_copied_inside_a_transformation_that_has_ended():
    copies = []

    def outer(x):
        def inner(y):
            copies.append(copy_context())
            return y * x

        fn.grad(inner)(x)
        # The inner transformation has ended, the outer one has not: what is made from nothing belongs to it.
        table = copies[-1].run(xp.zeros, 2, dtype=x.dtype)
        table[1] = x**3
        return table.sum()

    assert fn.grad(outer)(np.array(2.0)) == 12.0
    assert type(copies[-1].run(xp.zeros, 2)) is np.ndarray
    assert copies[-1].run(current_trace) is None


def _values(dtype, count):
    """Differentiate between yields, while a block holds."""
    with fn.use_backend(dtype=dtype):
        for i in range(count):
            yield fn.grad(lambda x: (xp.ones(2) * x).sum())(xp.asarray(1.0)), xp.zeros(1).dtype, i


@pytest.mark.parametrize("decorated", [False, True])
def test_generators_that_wait_inside_a_block(decorated):
    if decorated:
        single, double = (fn.use_backend(dtype=d)(_values)(d, 3) for d in ("float32", "float64"))
        for _ in range(3):
            assert next(double)[1] == "float64"
            assert xp.zeros(1).dtype == "float32"
            assert next(single)[1] == "float32"
    else:
        # As with the decimal module, a block holds in its consumer too; it ends with the generator, in any order.
        first, second = _values("float64", 2), _values("float32", 2)
        assert [next(g)[2] for g in (first, second, first, second)] == [0, 0, 1, 1]
        first.close()
        assert xp.zeros(1).dtype == "float32"
        second.close()
    assert xp.zeros(1).dtype == "float32"


def test_generators_inside_a_differentiated_function():
    def powers(x):
        y = xp.ones((), dtype=x.dtype)
        while True:
            y = y * x
            # A transformation of its own, ended before the generator waits.
            yield y * fn.grad(lambda z, y=y: z * y)(x)

    def f(x):
        first, second = powers(x), powers(2.0 * x)
        return sum(next(g) for g in (first, second, second, first))

    # x**2 + (2x)**2 + (2x)**4 + x**4
    assert fn.grad(f)(np.array(1.0)) == 2 + 8 + 64 + 4
    assert fn.grad(fn.grad(f))(np.array(1.0)) == 2 + 8 + 192 + 12
    assert fn.jvp(f, (np.array(1.0),), (1.0,))[1] == 78.0


def test_a_generator_that_is_resumed_in_another_transformation():
    def running(x):
        total = x * 0.0
        while True:
            total = total + (yield total) * x

    def f(x):
        g = running(x)
        next(g)
        # Sent values of an inner transformation stay in it; the generator's own state is that of the outer one.
        slope = fn.grad(lambda y: g.send(y))(xp.ones((), dtype=x.dtype))
        return slope * x

    assert fn.grad(f)(np.array(3.0)) == 6.0


def test_a_generator_that_outlives_its_transformation():
    kept = []

    def rows(x):
        yield x * 2
        yield x * 3

    def f(x):
        kept.append(rows(x))
        return next(kept[-1])

    assert fn.grad(f)(np.array(1.0)) == 2.0
    with pytest.raises(EscapedTracerError):
        next(kept[0])
    assert fn.grad(lambda x: x**2)(np.array(1.0)) == 2.0


def test_generators_moved_between_threads():
    def work():
        for i in range(4):
            x = np.array(float(i))
            yield fn.grad(lambda x: fn.grad(lambda y: y**3)(x))(x)

    generators = [work() for _ in range(THREADS)]
    with ThreadPoolExecutor(8) as pool:
        for i in range(4):
            assert list(pool.map(next, generators)) == [6.0 * i] * THREADS


def test_keys_and_layers_in_threads():
    layer = fn.nn.sequential(fn.nn.dense(4), fn.nn.tanh(), fn.nn.dense(1))
    params, state = layer.init(fn.random.key(0), fn.Spec((2, 3)))
    x = np.ones((2, 3), dtype=np.float32)

    def work(i):
        with fn.use_backend(dtype=("float32", "float64")[i % 2]):
            key = fn.random.fold_in(fn.random.key(1), i % 4)
            g = fn.grad(lambda p: layer.apply(p, state, x)[0].sum())(params)
            return fn.random.normal(key, (3,)), g

    found = _run_in_threads(work)
    for i, (draw, g) in enumerate(found):
        assert draw.dtype == ("float32", "float64")[i % 2]
        np.testing.assert_array_equal(draw, found[i % 4][0])
        fn.tree.map(np.testing.assert_array_equal, g, found[0][1])
