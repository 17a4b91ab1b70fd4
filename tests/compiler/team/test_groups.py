"""What runs between two barriers: independent of the order, split evenly, in memory of its own."""

import ctypes
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.fusion import loops
from funcnet.compiler.kernels import products
from funcnet.compiler.loops.build import available, compiled
from funcnet.compiler.passes import optimised
from funcnet.compiler.team import crew, groups
from funcnet.compiler.team.driver import STEP_WORDS
from funcnet.compiler.team.groups import HAND, ITEM_WORDS, Item, Work, grouped, hands
from funcnet.compiler.team.uses import OWN, READ, WRITE, Use
from funcnet.losses import softmax_cross_entropy
from funcnet.nn import functional as nnf
from funcnet.testing.programs import random_program

pytestmark = pytest.mark.skipif(bool(available()) and "FUNCNET_JIT" not in available(), reason="no Numba")

RNG = np.random.default_rng(11)
ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 4)


def step(parts: int, amount: int, *uses: Use) -> Work:
    return Work(None, tuple(range(parts + 1)), [], tuple(uses), amount)  # type: ignore[arg-type]


def test_groups_are_runs_of_independent_steps() -> None:
    x, y, z = [partial(Use, name) for name in "xyz"]
    steps = [
        step(1, 1, x(READ), y(WRITE)),
        step(1, 1, x(READ), z(WRITE)),
        step(1, 1, y(READ)),
        step(1, 1, z(READ), x(WRITE)),
        step(1, 1)._replace(uses=None),
        step(1, 1),
        step(1, 1),
    ]
    assert grouped(steps) == [steps[:2], [steps[2], steps[3]], [steps[4]], steps[5:]]


def test_hands_have_about_as_much_to_do() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        threads = int(rng.integers(2, 9))
        group = [step(int(rng.integers(1, threads + 1)) ** int(rng.integers(2)), int(rng.integers(1, 10**6)))
                 for _ in range(int(rng.integers(2, 40)))]  # fmt: skip
        found = hands(group, threads)
        assert len(found) <= threads
        given = sorted([(i.step, i.bound) for items in found for i in items])
        assert given == [(i, k) for i, s in enumerate(group) for k in range(s.parts)]
        assert all(items == sorted(items) for items in found)
        load = [sum([group[i.step].amount / group[i.step].parts for i in items]) for items in found]
        single = [s.amount for s in group if s.parts == 1]
        # What has parts is where it belongs; the rest evens out, to one step.
        fixed = max([sum([s.amount / s.parts for s in group if s.parts > k > 0 or s.parts > max(k, 1)])
                     for k in range(threads)])  # fmt: skip
        assert max(load) <= max(fixed, sum(load) / len(load) + max(single, default=0)) + len(group)


def test_little_work_is_for_one_thread() -> None:
    group = [step(1, groups.EACH // 4) for _ in range(7)]
    assert len(hands(group, 8)) == 1
    assert len(hands([*group, *group], 8)) == 3


def test_rows_of_scratch_belong_to_hands() -> None:
    group = [step(1, groups.EACH, Use("w", OWN)) for _ in range(6)] + [step(3, 0, Use("w", OWN)), step(1, 10**6)]
    for k, items in enumerate(hands(group, 3)):
        assert {i.number for i in items if i.step != 7} == {k}
    assert Item(7, 0, 0) in [i for items in hands(group, 3) for i in items]


# Plans, with every loop and product split and every group shared.


@pytest.fixture(params=[2, 5])
def count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(loops, "_PARALLEL", 1)
    monkeypatch.setattr(products, "_EACH", 1)
    monkeypatch.setattr(groups, "EACH", 1)
    monkeypatch.setattr(fused, "threads", lambda: request.param)
    return request.param


class Shuffled:
    """Runs segments in this thread, what may run at the same time in any order, and counts groups of several steps."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shared = 0
        self.posts = 0

    def __call__(self, _team: int, segment: int) -> int:
        def words(at: int, n: int) -> Any:
            return (ctypes.c_int64 * n).from_address(at)

        hand = compiled(HAND, "void(int64, int64, int64, int64)").address
        for i in range(words(segment, 1)[0]):
            entry, table, bounds, parts = words(segment + 16 + 8 * STEP_WORDS * i, STEP_WORDS)
            self.posts += 1
            ends = words(bounds, parts + 1)
            if entry != hand:
                calls = [(entry, ends[k], ends[k + 1], k, table) for k in range(parts)]
            else:
                items = words(words(table, 1)[0], 1)[0]
                rows = [words(items + 8 * ITEM_WORDS * k, ITEM_WORDS) for k in range(ends[parts])]
                calls = [(e, lo, hi, k, t) for e, t, lo, hi, k in rows]
                self.shared += len({t for *_, t in calls}) > 1
            for k in self.rng.permutation(len(calls)):
                e, lo, hi, number, t = calls[k]
                assert ENTRY(e)(lo, hi, number, t) == 0
        return 0


@pytest.fixture
def shuffled(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Shuffled]:
    def use(seed: int) -> Shuffled:
        found = Shuffled(seed)
        monkeypatch.setattr(crew, "run", lambda: found)
        return found

    return use


def checked(plan: FusedPlan, graph: Any, leaves: list[Any], rtol: float, rounds: int = 6) -> None:
    wanted = interpret(graph, leaves)
    for _ in range(rounds):
        given = [np.array(a) for a in leaves] if plan.reused else leaves
        for a, b in zip(wanted, plan(*given), strict=True):
            assert np.shape(a) == np.shape(b)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * float(np.max(np.abs(a), initial=0.0)))


def planned(f: Callable[..., Any], *arguments: Any, donated: tuple[int, ...] = (), rtol: float = 1e-12) -> FusedPlan:
    leaves = tree.leaves(arguments)
    graph = optimised(fn.trace(f, *arguments))
    plan = FusedPlan(graph, donated=donated)
    checked(plan, graph, leaves, rtol)
    return plan


def mlp(p: Any, x: Any, labels: Any) -> Any:
    for i in range(3):
        x = x @ p[f"w{i}"] + p[f"b{i}"]
        x = nnf.relu(x) if i < 2 else x
    return softmax_cross_entropy(x, labels)


def test_training_in_any_order(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    optimizer = fn.optim.adam(1e-2)
    sides = [7, 9, 8, 5]
    params = {f"w{i}": RNG.normal(size=sides[i : i + 2]) for i in range(3)}
    params |= {f"b{i}": RNG.normal(size=sides[i + 1]) for i in range(3)}
    state = optimizer.init(params)
    x, labels = RNG.normal(size=(6, 7)), RNG.integers(0, 5, 6)

    def train(params: Any, state: Any, x: Any, labels: Any) -> Any:
        loss, g = fn.value_and_grad(mlp)(params, x, labels)
        updates, state = optimizer.update(g, state, params)
        return fn.optim.apply_updates(params, updates), state, loss

    run = shuffled(count)
    donated = tuple(range(len(tree.leaves((params, state)))))
    plan = planned(train, params, state, x, labels, donated=donated, rtol=1e-9)
    assert len(plan.reused) >= 18
    assert run.shared >= 6


def test_many_leaves_are_one_post(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    optimizer = fn.optim.adam(1e-2)
    params = [RNG.normal(size=n) for n in range(3, 203)]
    state = optimizer.init(params)
    g = [RNG.normal(size=p.shape) for p in params]

    def update(params: Any, state: Any, g: Any) -> Any:
        updates, state = optimizer.update(g, state, params)
        return fn.optim.apply_updates(params, updates), state

    run = shuffled(0)
    leaves = tree.leaves((params, state))
    plan = planned(update, params, state, g, donated=tuple(range(len(leaves))))
    # Whatever large graphs are cut into, a leaf is one loop, and all of these are one function.
    assert len(plan.loops) <= 203
    sources = [loop.source for loop in plan.loops]
    assert max(map(sources.count, sources)) >= 190
    assert run.posts <= 6 * 4
    assert run.shared


def test_attention_in_any_order(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    def f(p: Any, x: Any) -> Any:
        h = nnf.layer_norm(x, p["s"], p["b"]) @ p["qkv"]
        q, k, v = xp.permute_dims(xp.reshape(h, (2, 5, 3, 2, 4)), (2, 0, 3, 1, 4))
        weights = nnf.softmax(q @ xp.matrix_transpose(k) * 0.5)
        h = xp.reshape(xp.permute_dims(weights @ v, (0, 2, 1, 3)), (2, 5, 8))
        return xp.sum(xp.tanh(x + h @ p["o"]) ** 2)

    p = {
        "s": RNG.normal(size=8),
        "b": RNG.normal(size=8),
        "qkv": RNG.normal(size=(8, 24)),
        "o": RNG.normal(size=(8, 8)),
    }
    run = shuffled(1)
    planned(fn.value_and_grad(f, argnums=(0, 1)), p, RNG.normal(size=(2, 5, 8)), rtol=1e-9)
    assert run.shared


def test_convolutions_in_any_order(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    def f(p: Any, x: Any) -> Any:
        for i in range(2):
            x = nnf.max_pool(nnf.relu(nnf.conv(x, p[f"k{i}"], p[f"c{i}"], padding="same")), 2)
        return xp.mean(xp.sin(x) * x)

    p = {"k0": RNG.normal(size=(3, 3, 2, 4)), "c0": RNG.normal(size=4)}
    p |= {"k1": RNG.normal(size=(3, 3, 4, 3)), "c1": RNG.normal(size=3)}
    run = shuffled(2)
    planned(fn.value_and_grad(f, argnums=(0, 1)), p, RNG.normal(size=(2, 8, 8, 2)), rtol=1e-9)
    assert run.posts


def test_views_and_joints_in_any_order(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        d = xp.concat([a @ b, c @ b, a @ c], axis=1)
        e = xp.stack([b @ c, c @ c, c @ b])
        g = xp.matrix_transpose(a * b + 1.0)
        h = xp.exp(g) * 2.0 - xp.reshape(c, (4, 4))
        return d * 2.0, xp.sum(e * e, axis=0), g, h + xp.matrix_transpose(h), xp.reshape(d, (-1,))[3:9] * 2.0

    shuffled(3)
    planned(f, *[RNG.normal(size=(4, 4)) for _ in range(3)])


def test_a_donated_array_and_what_reads_it(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    def f(p: Any, m: Any, g: Any) -> Any:
        seen = xp.sum(xp.reshape(p, (2, 12)) * m[0, 0], axis=1)
        norm = p[:, 0] * 2.0
        m = 0.9 * m + xp.exp(g)
        p = p - 0.1 * m * xp.sum(seen) - xp.max(norm)
        return p, m, seen, norm, xp.matrix_transpose(p) @ m, xp.sum(p * p), xp.sum(m, axis=0)

    run = shuffled(4)
    plan = planned(f, *[RNG.normal(size=(6, 4)) for _ in range(3)], donated=(0, 1))
    assert plan.reused
    assert run.posts


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_in_any_order(seed: int, count: int, shuffled: Callable[[int], Shuffled]) -> None:
    program = random_program(100 + seed)
    shuffled(seed)
    with np.errstate(all="ignore"):
        planned(fn.value_and_grad(lambda a: program(xp, a)), program.arguments, rtol=1e-10)


def test_what_is_written_at_the_same_time_lies_apart(count: int, shuffled: Callable[[int], Shuffled]) -> None:
    """Have several callers run the same plan with the threads of the team, and with more of them than processors."""

    def f(p: Any, x: Any) -> Any:
        y = [xp.tanh(x @ w) for w in p]
        return fn.value_and_grad(lambda p: sum([xp.mean((x @ w - t) ** 2) for w, t in zip(p, y, strict=True)]))(p)

    p = [RNG.normal(size=(24, n)) for n in (1, 3, 16, 33, 64)]
    x = RNG.normal(size=(40, 24))
    graph = optimised(fn.trace(f, p, x))
    plan = FusedPlan(graph)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            checked(plan, graph, [*p, x], 1e-9, 150)
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=work) for _ in range(3)]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    assert not errors
