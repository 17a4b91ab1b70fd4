"""Functions captured as graphs agree with what they were captured from, under every transformation."""

import pickle
import threading
import warnings
from typing import Any

import array_api_strict
import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, nn, optim, random, tree, xp
from funcnet.errors import AbstractValueError, DtypeError, ParameterError
from funcnet.transforms.recaptures import RecaptureWarning


def assert_same(a: Any, b: Any, rtol: float = 1e-12) -> None:
    assert tree.structure(a) == tree.structure(b)
    for p, q in zip(tree.leaves(a), tree.leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(p), np.asarray(q), rtol=rtol, atol=1e-14)


def energy(x: Any, w: Any) -> Any:
    return xp.sum(xp.tanh(x @ w) ** 2) + xp.mean(xp.exp(-x))


X = np.linspace(-1.0, 1.0, 6).reshape(2, 3)
W = np.linspace(0.3, 1.1, 12).reshape(3, 4)


class TestValues:
    def test_result_and_number_of_captures(self) -> None:
        calls = []

        @fn.jit
        def f(x: Any, w: Any) -> Any:
            calls.append(1)
            return energy(x, w)

        assert_same(f(X, W), energy(X, W))
        assert_same(f(2 * X, W), energy(2 * X, W))
        assert len(calls) == 1
        f(X[:1], W)
        assert len(calls) == 2
        f(X.astype("float32"), W)
        assert len(calls) == 3

    def test_trees_numbers_and_none(self) -> None:
        f = fn.jit(lambda p, n: {"y": p["a"] * n, "n": n, "none": None, "t": (p["b"], 1.5)})
        out = f({"a": X, "b": W}, 3)
        assert_same(out, {"y": X * 3, "n": 3, "none": None, "t": (W, 1.5)})
        assert isinstance(out["n"], int)

    def test_keyword_arguments(self) -> None:
        f = fn.jit(lambda x, *, scale: x * scale)
        assert_same(f(X, scale=np.float64(2.0)), X * 2)
        assert_same(f(X, scale=3.0), X * 3)

    def test_static_arguments(self) -> None:
        f = fn.jit(
            lambda x, n, mode="up": sum(x * i for i in range(n)) if mode == "up" else x, static_argnames=("n", "mode")
        )
        assert_same(f(X, 3), 3 * X)
        assert_same(f(X, n=4), 6 * X)
        assert_same(f(X, 3, mode="down"), X)
        assert_same(f(X, 3, "down"), X)

    def test_equal_static_values_of_other_classes_are_told_apart(self) -> None:
        f = fn.jit(lambda x, n: x * n, static_argnames="n")
        assert f(np.array([1, 2]), 1).dtype == np.int64
        assert f(np.array([1, 2]), 1.0).dtype == np.float64

    def test_arrays_from_outside_are_those_of_the_capture(self) -> None:
        table = np.ones(3)
        f = fn.jit(lambda x: x + table)
        assert_same(f(np.zeros(3)), np.ones(3))
        table[:] = 7.0
        assert_same(f(np.zeros(3)), np.ones(3))

    def test_arrays_without_dimensions_from_outside(self) -> None:
        by = np.array(2.0)
        f = fn.jit(lambda x: x * by)
        f(X)
        by[...] = 5.0
        np.testing.assert_array_equal(f(X), X * 2.0)

    def test_an_array_that_the_function_writes_to_between_uses(self) -> None:
        def f(x: Any) -> Any:
            mask, total = np.zeros(x.shape[0]), 0.0
            for i in range(x.shape[0]):
                mask[:] = 0.0
                mask[i] = -0.0 if i == 1 else i + 1.0
                total = total + xp.sum(x * mask) ** 2 + xp.sum(xp.copysign(x, mask))
            return total

        x = np.linspace(-1.0, 1.0, 4)
        np.testing.assert_allclose(fn.jit(f)(x), f(x))

    def test_the_default_dtype_is_that_of_the_call(self) -> None:
        f = fn.jit(lambda x: xp.zeros(2))
        assert f(X).dtype == np.float32
        with fn.use_backend(dtype="float64"):
            assert f(X).dtype == np.float64

    def test_method(self) -> None:
        class Model:
            scale = 2.0

            @fn.jit
            def apply(self, x: Any) -> Any:
                return x * self.scale

        assert_same(Model().apply(X), 2 * X)

    def test_strict_backend(self) -> None:
        x = array_api_strict.asarray(X)
        found = fn.jit(lambda x: xp.sum(xp.sin(x) ** 2))(x)
        assert type(found) is type(x)
        np.testing.assert_allclose(float(found), np.sum(np.sin(X) ** 2))

    def test_torch_backend(self) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        x = torch.asarray(X)
        step = fn.jit(fn.value_and_grad(lambda x: xp.sum(xp.sin(x) ** 2)))
        value, g = step(x)
        assert_same(g.numpy(), np.sin(2 * X))
        assert_same(value.numpy(), np.sum(np.sin(X) ** 2))

    def test_training_step(self) -> None:
        init, apply = nn.stateless(nn.sequential(nn.dense(8), nn.relu(), nn.dropout(0.5), nn.dense(3)))
        params = init(random.key(0), (1, 4))
        opt = optim.adam(1e-2)
        x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
        y = np.array([0, 1, 2, 1, 0])

        def step(params: Any, state: Any, key: Any) -> Any:
            loss, g = fn.value_and_grad(lambda p: losses.softmax_cross_entropy(apply(p, x, key=key, train=True), y))(
                params
            )
            updates, state = opt.update(g, state, params)
            return optim.apply_updates(params, updates), state, loss

        fast = fn.jit(step)
        a = b = (params, opt.init(params))
        for i in range(4):
            key = random.fold_in(random.key(1), i)
            *a, loss = step(*a, key)
            *b, other = fast(*b, key)
            assert_same((a, loss), (b, other), rtol=1e-6)


class TestFreshResults:
    @pytest.mark.parametrize(
        "f",
        [
            lambda x: x,
            lambda x: xp.matrix_transpose(x),
            lambda x: xp.reshape(x, (-1,)),
            lambda x: x[:1],
            lambda x: xp.broadcast_to(x, (2, 2, 3)),
            lambda x: fn.stop_gradient(x),
            lambda x: xp.imag(x),
        ],
    )
    def test_no_result_shows_the_argument(self, f: Any) -> None:
        x = X.copy()
        y = fn.jit(f)(x)
        assert not np.may_share_memory(x, y)
        y[...] = 9.0
        assert_same(x, X)

    def test_no_two_results_are_one(self) -> None:
        def f(x: Any) -> Any:
            y = x * 2
            return y, y, xp.matrix_transpose(y)

        a, b, c = fn.jit(f)(X)
        assert not np.may_share_memory(a, b)
        assert not np.may_share_memory(a, c)

    def test_constants_are_what_they_are_when_they_are_used(self) -> None:
        def f(x: Any) -> Any:
            t, step = np.zeros(3), np.array(0.5)
            y = x * 1.0
            for i in range(3):
                t[i] += 1.0 + i
                step *= 0.5
                y = y + t * x * step
            return y

        x = np.array([1.0, 2.0, 3.0])
        np.testing.assert_allclose(fn.jit(f)(x), f(x))

    def test_constants_are_not_handed_out(self) -> None:
        f = fn.jit(lambda x: xp.ones(3))
        f(X)[:] = 5.0
        assert_same(f(X), np.ones(3))


class TestTransformations:
    def test_gradient_of_jit_and_jit_of_gradient(self) -> None:
        wanted = fn.grad(energy, (0, 1))(X, W)
        assert_same(fn.jit(fn.grad(energy, (0, 1)))(X, W), wanted)
        assert_same(fn.grad(fn.jit(energy), (0, 1))(X, W), wanted)
        assert_same(fn.jit(fn.grad(fn.jit(energy), (0, 1)))(X, W), wanted)

    def test_second_order(self) -> None:
        wanted = fn.hessian(energy, 1)(X, W)
        assert_same(fn.jit(fn.hessian(energy, 1))(X, W), wanted)
        assert_same(fn.hessian(fn.jit(energy), 1)(X, W), wanted)
        assert_same(fn.jacfwd(fn.grad(fn.jit(energy), 1), 1)(X, W), wanted)

    def test_forward_mode(self) -> None:
        t = (np.ones_like(X), -np.ones_like(W))
        wanted = fn.jvp(energy, (X, W), t)
        assert_same(fn.jvp(fn.jit(energy), (X, W), t), wanted)
        assert_same(fn.jit(lambda *p: fn.jvp(energy, p, t))(X, W), wanted)

    def test_batches(self) -> None:
        xs = np.stack([X, X + 1, X - 1])
        wanted = fn.vmap(energy, in_axes=(0, None))(xs, W)
        assert_same(fn.vmap(fn.jit(energy), in_axes=(0, None))(xs, W), wanted)
        assert_same(fn.jit(fn.vmap(energy, in_axes=(0, None)))(xs, W), wanted)
        per_example = fn.vmap(fn.grad(fn.jit(energy), 1), in_axes=(0, None))(xs, W)
        assert_same(per_example, np.stack([fn.grad(energy, 1)(x, W) for x in xs]))

    def test_closed_over_tracers(self) -> None:
        def outer(w: Any) -> Any:
            return fn.jit(lambda x: xp.sum(xp.sin(x @ w)))(X)

        assert_same(fn.grad(outer)(W), fn.grad(lambda w: xp.sum(xp.sin(X @ w)))(W))
        assert_same(fn.jit(outer)(W), outer(W))

    def test_integer_results_under_a_derivative(self) -> None:
        f = fn.jit(lambda x: (xp.sum(x**2), xp.argmax(x)))
        (
            value,
            aux,
        ) = fn.value_and_grad(f, has_aux=True)(X)
        assert_same(aux, X * 2)
        assert int(value[1]) == 5

    def test_stopped_gradients_and_taps(self) -> None:
        f = lambda x: xp.sum(x * fn.stop_gradient(x))  # noqa: E731
        assert_same(fn.jit(fn.grad(f))(X), X)
        assert_same(fn.grad(fn.jit(f))(X), X)

    def test_custom_rules(self) -> None:
        @fn.custom_vjp
        def clipped(x: Any) -> Any:
            return x * 1.0

        clipped.defvjp(lambda x: (x * 1.0, None), lambda _, g: (xp.clip(g, -0.1, 0.1),))
        f = lambda x: xp.sum(clipped(x) ** 2)  # noqa: E731
        assert_same(fn.jit(fn.grad(f))(X), np.clip(2 * X, -0.1, 0.1))

    def test_checkpoint(self) -> None:
        f = lambda x, w: fn.checkpoint(energy)(x, w)  # noqa: E731
        assert_same(fn.jit(fn.grad(f, (0, 1)))(X, W), fn.grad(energy, (0, 1))(X, W))

    def test_eval_shape(self) -> None:
        assert fn.eval_shape(fn.jit(energy), fn.Spec((2, 3)), fn.Spec((3, 4))) == fn.Spec(())

    def test_assignment(self) -> None:
        def f(x: Any) -> Any:
            y = xp.zeros((2, 3), dtype=x.dtype)
            y[0] = x[1] * 2
            y[1, 1:] += 3.0
            return y

        assert_same(fn.jit(f)(X), f(fn.lift(X)))

    def test_debug_nans_names_the_operation(self) -> None:
        f = fn.jit(lambda x: xp.log(x))
        with fn.debug_nans(), pytest.raises(fn.errors.NanError, match=r"xp\.log made a NaN"):
            f(-np.ones(2))


class TestErrors:
    def test_reading_a_value_names_the_line(self) -> None:
        def f(x: Any) -> Any:
            return x if xp.sum(x) > 0 else -x

        with pytest.raises(AbstractValueError, match=r"bool\(\) needs the value .*test_jitted.py:\d+ \(f\)") as caught:
            fn.jit(f)(X)
        assert "fn.cond" in str(caught.value)
        for read in (float, int, np.asarray, lambda v: v.item(), lambda v: v.tolist(), lambda v: range(v)):
            with pytest.raises(AbstractValueError):
                fn.jit(lambda x, read=read: read(xp.sum(x)))(np.array([1, 2]))

    @pytest.mark.parametrize("transform", [fn.jit, fn.vmap])
    def test_elements_of_a_plain_array_at_unknown_indices(self, transform: Any) -> None:
        table, i = np.array([3.0, 5.0]), np.array([1, 1, 0])
        with pytest.raises(AbstractValueError, match=r"write:.*fn\.lift\(a\)\[i\]"):
            transform(lambda i: table[i])(i)
        np.testing.assert_array_equal(transform(lambda i: fn.lift(table)[i])(i), table[i])

    def test_not_a_function(self) -> None:
        with pytest.raises(ParameterError, match=r"fn\.jit transforms a function"):
            fn.jit(3)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("option", "meant"),
        [("static_argnums", "static_argnames='x'"), ("donate_argnums", "donate='x'"), ("device", "static_argnames")],
    )
    def test_unknown_option(self, option: str, meant: str) -> None:
        with pytest.raises(ParameterError, match=rf"no option that is called '{option}'(?s:.*)write:.*{meant}"):
            fn.jit(lambda x, n: x, **{option: 0})
        with pytest.raises(ParameterError, match=r"write:  fn\.jit\(f, "):
            fn.jit(max, **{option: 0})

    def test_unknown_static_name(self) -> None:
        with pytest.raises(ParameterError, match="no argument that is called 'm'"):
            fn.jit(lambda x, n: x, static_argnames="m")

    def test_static_argument_given_twice(self) -> None:
        f = fn.jit(lambda x, n, y=1.0: x * n * y, static_argnames="n")
        for args in ((X, 2), (X, X), (X, 2, X)):
            with pytest.raises(TypeError, match=r"got multiple values for argument 'n'"):
                f(*args, n=3)
        np.testing.assert_array_equal(f(X, n=3), X * 3)

    def test_formatting_reads_a_value(self) -> None:
        with pytest.raises(fn.errors.AbstractValueError, match=r"format\(\) needs the value .*test_jitted\.py"):
            fn.jit(lambda x: f"{x[0]:.2f}" and x)(X)
        assert fn.grad(lambda x: x * float(len(f"{x:.2f}")))(1.5) == 4.0

    def test_unhashable_static_argument(self) -> None:
        with pytest.raises(ParameterError, match="'n' of '<lambda>' is not hashable"):
            fn.jit(lambda x, n: x, static_argnames="n")(X, [1])

    def test_unhashable_leaf(self) -> None:
        with pytest.raises(ParameterError, match="neither an array nor hashable"):
            fn.jit(lambda x: x)(bytearray(b"x"))

    def test_result_that_is_no_array(self) -> None:
        with pytest.raises(DtypeError, match="returned something that is not an array"):
            fn.jit(lambda x: {"y": x, "o": object()})(X)

    def test_shapes_that_change_every_call(self) -> None:
        f = fn.jit(lambda x, y: x + xp.sum(y["y"]))
        for n in range(8):
            f(X, {"y": np.ones(n)})
        with pytest.warns(RecaptureWarning, match=r"because of argument 1, leaf \.y"):
            f(X, {"y": np.ones(8)})
        f(X, {"y": np.ones(9)})

    def test_numbers_that_change_every_call(self) -> None:
        f = fn.jit(lambda x, rate: x * rate)
        for n in range(8):
            f(X, 0.5 + n)
        with pytest.warns(RecaptureWarning, match=r"argument 1 was the float .* and is the float 8\.5"):
            f(X, 8.5)

    def test_a_failed_capture_leaves_nothing(self) -> None:
        fail = True

        def f(x: Any) -> Any:
            if fail:
                raise RuntimeError("no")
            return x * 2

        g = fn.jit(f)
        with pytest.raises(RuntimeError):
            g(X)
        fail = False
        assert_same(g(X), 2 * X)


def test_threads_share_a_function() -> None:
    f = fn.jit(fn.grad(energy))
    wanted = {n: fn.grad(energy)(X[:n], W) for n in (1, 2)}
    found: list[Any] = []

    def work(n: int) -> None:
        for _ in range(20):
            found.append((n, f(X[:n], W)))

    threads = [threading.Thread(target=work, args=(1 + i % 2,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 160
    for n, g in found:
        assert_same(g, wanted[n])


def test_lower_takes_specs() -> None:
    graph = fn.jit(energy).lower(fn.Spec((2, 3)), fn.Spec((3, 4)))
    graph.verify()
    assert [v.shape for v in graph.inputs] == [(2, 3), (3, 4)]


def test_no_warning_for_a_few_shapes() -> None:
    f = fn.jit(lambda x: x * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(5):
            f(np.ones(n))


def test_results_pickle() -> None:
    assert_same(pickle.loads(pickle.dumps(fn.jit(lambda x: x * 2)(X))), 2 * X)
