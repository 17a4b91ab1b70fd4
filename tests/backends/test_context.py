"""The context in force: nesting, threads, tasks, generators, exceptions, errors."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet.backends import (
    current,
    default_complex_dtype,
    default_dtype,
    default_int_dtype,
    use_backend,
)
from funcnet.errors import BackendNotFoundError, DtypeError, ParameterError
from funcnet.testing.backends import BackendCase

pytest.importorskip("array_api_strict")


def where() -> tuple[str, str | None, str]:
    context = current()
    return context.backend.name, context.device, context.dtype


HOME = ("numpy", None, "float32")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    assert where() == HOME
    yield
    assert where() == HOME


def test_nests_and_inherits() -> None:
    with use_backend("strict", device="device1", dtype="float64") as outer:
        assert outer is current()
        assert where() == ("strict", "device1", "float64")
        with use_backend("strict"):
            assert where() == ("strict", "device1", "float64")
            with use_backend(dtype="float32"):
                assert where() == ("strict", "device1", "float32")
            with use_backend(device="device2"):
                assert where() == ("strict", "device2", "float64")
            # A device of one library means nothing to another.
            with use_backend("numpy"):
                assert where() == ("numpy", None, "float64")
            assert where() == ("strict", "device1", "float64")


@given(st.lists(st.sampled_from(["numpy", "strict", "strict:device1", "float64"]), max_size=8))
def test_any_nesting_is_undone_in_order(blocks: list[str]) -> None:
    def nest(rest: list[str]) -> None:
        if not rest:
            return
        before = where()
        name, _, device = rest[0].partition(":")
        block = use_backend(dtype=name) if name == "float64" else use_backend(name, device=device or None)
        with block:
            nest(rest[1:])
        assert where() == before

    nest(blocks)


def test_is_reusable_and_reentrant() -> None:
    strict = use_backend("strict")
    for _ in range(2):
        with strict, use_backend("numpy"), strict:
            assert where()[0] == "strict"
        assert where() == HOME


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.requirement("D12")
def test_exceptions_restore(depth: int) -> None:
    def fail(rest: int) -> None:
        with use_backend("strict", device=rest):
            if rest == 0:
                raise KeyError("inside")
            fail(rest - 1)

    with pytest.raises(KeyError, match="inside"):
        fail(depth)
    assert where() == HOME


def test_failing_entry_changes_nothing() -> None:
    with use_backend("strict"):
        with pytest.raises(BackendNotFoundError), use_backend("strict", device="device9"):
            pass
        assert where()[0] == "strict"


def test_decorates_functions() -> None:
    @use_backend("strict", dtype="float64")
    def f(x: int, *, y: int = 2) -> tuple[int, tuple[str, str | None, str]]:
        """Words."""
        return x + y, where()

    assert f(1, y=3) == (4, ("strict", None, "float64"))
    assert (f.__name__, f.__doc__) == ("f", "Words.")


def test_a_decorated_function_may_recurse() -> None:
    @use_backend("strict")
    def f(n: int) -> list[str]:
        if n == 0:
            return [where()[0]]
        with use_backend("numpy"):
            return [where()[0], *f(n - 1)]

    assert f(2) == ["numpy", "numpy", "strict"]


def test_decorating_does_not_look_the_backend_up() -> None:
    @use_backend("no such backend")
    def f() -> None: ...

    with pytest.raises(BackendNotFoundError, match="no such backend"):
        f()


def test_decorates_only_functions() -> None:
    with pytest.raises(ParameterError) as caught:
        use_backend("numpy")(int)
    assert str(caught.value) == (
        "use_backend decorates functions.\n"
        "  found:  <class 'int'>\n"
        "  needed: a function, an asynchronous function or a generator function\n"
        "  write:  with use_backend(...):"
    )


def test_decorated_generators_hold_only_while_they_run() -> None:
    seen = []

    @use_backend("strict", device="device1")
    def produce() -> Iterator[str]:
        seen.append(where())
        got = yield "first"
        seen.append((got, where()))
        with use_backend("numpy", dtype="float64"):
            try:
                yield "second"
            except ValueError:
                seen.append(where())
            yield "third"
        seen.append(where())
        return "end"

    def consume() -> Iterator[str]:
        end = yield from produce()
        assert end == "end"

    generator = consume()
    assert next(generator) == "first"
    assert where() == HOME
    with use_backend(dtype="float64"):
        assert generator.send("sent") == "second"
        assert where() == ("numpy", None, "float64")
    assert generator.throw(ValueError()) == "third"
    assert where() == HOME
    assert next(generator, "over") == "over"
    inside = ("strict", "device1", "float32")
    assert seen == [inside, ("sent", inside), ("numpy", None, "float64"), inside]


def test_a_decorated_generator_is_closed_in_its_context() -> None:
    seen = []

    @use_backend("strict")
    def produce() -> Iterator[int]:
        try:
            yield 1
        finally:
            seen.append(where()[0])

    generator = produce()
    assert next(generator) == 1
    generator.close()
    assert seen == ["strict"]


def test_an_exception_of_a_decorated_generator_passes() -> None:
    @use_backend("strict")
    def produce() -> Iterator[int]:
        yield 1
        raise KeyError("from the generator")

    generator = produce()
    assert next(generator) == 1
    with pytest.raises(KeyError, match="from the generator"):
        next(generator)


def test_a_block_in_a_generator_ends_out_of_order() -> None:
    def produce() -> Iterator[None]:
        with use_backend("strict", device="device1"):
            yield

    generator = produce()
    next(generator)
    with use_backend("strict", device="device2"):
        generator.close()
        assert where() == ("strict", "device2", "float32")


@pytest.mark.requirement("D12")
def test_threads_do_not_see_each_other() -> None:
    barrier = threading.Barrier(2, timeout=30)
    seen: dict[str, list[tuple[str, str | None, str]]] = {}
    shared = use_backend("strict", device="device2")

    def run(device: str) -> None:
        mine = seen[device] = [where()]
        with use_backend("strict", device=device):
            barrier.wait()
            mine.append(where())
            with shared:
                barrier.wait()
                mine.append(where())
            barrier.wait()
            mine.append(where())
        mine.append(where())

    with use_backend("numpy", dtype="float64"):
        threads = [threading.Thread(target=run, args=(device,)) for device in ("device1", "no_x64")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for device, mine in seen.items():
        own = ("strict", device, "float32")
        # A new thread begins with the default, whatever holds where it was started.
        assert mine == [HOME, own, ("strict", "device2", "float32"), own, HOME]


@pytest.mark.requirement("D12")
def test_tasks_do_not_see_each_other() -> None:
    async def work(device: str) -> list[tuple[str, str | None, str]]:
        seen = []
        with use_backend("strict", device=device):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(where())
        seen.append(where())
        return seen

    async def main() -> list[list[tuple[str, str | None, str]]]:
        with use_backend(dtype="float64"):
            return await asyncio.gather(work("device1"), work("device2"))

    first, second = asyncio.run(main())
    assert first == [("strict", "device1", "float64")] * 3 + [("numpy", None, "float64")]
    assert second == [("strict", "device2", "float64")] * 3 + [("numpy", None, "float64")]


def test_decorates_asynchronous_functions() -> None:
    @use_backend("strict", device="device1")
    async def work(n: int) -> tuple[int, str | None]:
        await asyncio.sleep(0)
        return n, where()[1]

    async def main() -> None:
        assert await asyncio.gather(work(1), work(2)) == [(1, "device1"), (2, "device1")]
        assert where() == HOME

    asyncio.run(main())


def test_decorates_asynchronous_generators() -> None:
    seen = []

    @use_backend("strict", device="device1")
    async def produce() -> AsyncIterator[int]:
        try:
            for n in range(3):
                await asyncio.sleep(0)
                seen.append(where()[1])
                try:
                    yield n
                except ValueError:
                    seen.append("thrown")
        finally:
            seen.append(where()[1])

    async def main() -> None:
        async for n in produce():
            assert where() == HOME
            seen.append(str(n))
        generator = produce()
        assert await anext(generator) == 0
        assert await generator.athrow(ValueError()) == 1
        await generator.aclose()
        assert where() == HOME

    asyncio.run(main())
    one = "device1"
    assert seen == [one, "0", one, "1", one, "2", one, one, "thrown", one, one]


def test_default_dtypes(case: BackendCase) -> None:
    backend = case.backend
    assert default_dtype() == backend.dtype("float32")
    assert default_complex_dtype() == backend.dtype("complex64")
    assert default_int_dtype() == backend.dtype("int32" if case.device == "no_x64" else "int64")
    if "float64" in case.dtypes():
        with use_backend(dtype="float64"):
            assert default_dtype() == backend.dtype("float64")
            assert default_complex_dtype() == backend.dtype("complex128")


def test_a_native_dtype_serves(case: BackendCase) -> None:
    with use_backend(dtype=case.backend.dtype("float32")):
        assert where()[2] == "float32"


@pytest.mark.parametrize("dtype", ["int32", "complex64", "bool", "float31"])
def test_a_dtype_that_is_no_float_is_refused(dtype: str) -> None:
    with pytest.raises(DtypeError) as caught, use_backend("strict", dtype=dtype):
        pass
    assert str(caught.value) == (
        f"{dtype!r} cannot be the default data type of backend 'strict'.\n"
        f"  found:  {dtype!r}\n"
        "  needed: one of float32, float64\n"
        '  write:  use_backend("strict", dtype="float32")'
    )


def test_a_dtype_that_the_device_lacks_is_refused() -> None:
    with use_backend(dtype="float64"), pytest.raises(DtypeError, match=r"needed: one of float32\n"):
        use_backend("strict", device="no_float64").__enter__()


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(BackendNotFoundError) as caught, use_backend("strict", device="device7"):
        pass
    assert str(caught.value) == (
        "Backend 'strict' has no device 'device7'.\n"
        "  found:  'device7'\n"
        "  needed: one of 'CPU_DEVICE', 'device1', 'device2', 'no_float64', 'no_x64'\n"
        '  write:  fn.use_backend("strict", device="CPU_DEVICE")'
    )
