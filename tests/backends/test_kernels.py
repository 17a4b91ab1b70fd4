"""Tables of kernels: the most specific one wins; errors list what there is."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet.backends import Backend, Kernel, KernelTable, get
from funcnet.backends.numpy import NumpyBackend
from funcnet.errors import DtypeError

pytest.importorskip("array_api_strict")


def named(name: str) -> Any:
    return lambda *_, **__: name


@pytest.mark.requirement("T6", "D140")
def test_the_most_specific_kernel_wins() -> None:
    table = KernelTable("f", get("numpy"), fallback=named("reference"))
    x, y = np.ones(2, dtype=np.float32), np.ones(2)
    assert table(x) == "reference"
    table.add(Kernel(named("any")))
    table.add(Kernel(named("device"), frozenset(), frozenset({"cpu"})))
    table.add(Kernel(named("gpu"), frozenset(), frozenset({"cuda"})))
    assert table(x) == "device"
    table.add(Kernel(named("floats"), frozenset({"float32", "float64"})))
    assert (table(x), table(y), table(x, y), table(np.ones(2, dtype=int))) == ("floats", "floats", "floats", "device")
    table.add(Kernel(named("single"), frozenset({"float32"})))
    assert (table(x), table(y), table(x, y)) == ("single", "floats", "floats")
    table.add(Kernel(named("single on the host"), frozenset({"float32", "float64"}), frozenset({"cpu"})))
    assert table(x) == "single on the host"
    table.add(Kernel(named("later"), frozenset({"float32", "float64"}), frozenset({"cpu"})))
    assert table(x) == "later"
    assert len(table.kernels) == 7


@given(st.permutations(range(4)))
def test_the_order_of_registration_matters_only_between_equals(order: list[int]) -> None:
    kernels = [
        Kernel(named("none")),
        Kernel(named("device"), frozenset(), frozenset({"cpu"})),
        Kernel(named("dtype"), frozenset({"float64"})),
        Kernel(named("both"), frozenset({"float64"}), frozenset({"cpu"})),
    ]
    table = KernelTable("f", get("numpy"), [kernels[i] for i in order])
    assert table(np.ones(2)) == "both"
    assert table(np.ones(2, dtype=int)) == "device"


def test_scalars_do_not_count() -> None:
    table = KernelTable("f", get("numpy"), [Kernel(named("single"), frozenset({"float32"}))], named("reference"))
    assert table(np.ones(2, dtype=np.float32), 2.0, 1) == "single"
    assert table(1.0) == "single"


def test_parameters_pass() -> None:
    table = KernelTable("f", get("numpy"), [Kernel(lambda x, *, axis: x.sum(axis=axis))])
    np.testing.assert_array_equal(table(np.ones((2, 3)), axis=0), [2, 2, 2])


@pytest.mark.requirement("T7")
def test_a_missing_kernel_lists_what_exists() -> None:
    table = KernelTable("f", get("strict"))
    table.add(Kernel(named("a"), frozenset({"float64", "float32"}), frozenset({"cuda"})))
    table.add(Kernel(named("b"), frozenset({"int8"})))
    with pytest.raises(DtypeError) as caught:
        table(get("strict").asarray([1.0], dtype="float32", device="device1"))
    assert str(caught.value) == (
        "No kernel of 'f' serves these arguments.\n"
        "  found:  float32 on device1\n"
        "  needed: float32, float64 on cuda; int8 on any device"
    )
    empty = KernelTable("g", get("numpy"))
    with pytest.raises(DtypeError, match=r"found:  no array on no device\n  needed: a kernel, but none is registered"):
        empty(1.0)


def test_backends_take_kernels() -> None:
    backend = NumpyBackend()
    assert backend.kernel("sin") is np.sin
    assert backend.kernel("no such primitive") is None
    assert backend.kernel("no such primitive", fallback=len) is len
    plain = named("plain")
    backend.add_kernel("sin", plain)
    assert backend.kernel("sin", fallback=len) is plain
    backend.add_kernel("sin", named("single"), dtypes=("float32",), device_kinds=("cpu",))
    sin = backend.kernel("sin")
    assert (sin(np.ones(2, dtype=np.float32)), sin(np.ones(2))) == ("single", "plain")
    backend.add_kernel("sin", named("plainer"))
    assert sin(np.ones(2)) == "plainer"
    backend.add_kernel("mine", named("double"), dtypes=("float64",))
    mine = backend.kernel("mine", fallback=named("reference"))
    assert (mine(np.ones(2)), mine(np.ones(2, dtype=np.float32))) == ("double", "reference")
    # The record in use by everybody is untouched.
    assert get("numpy").kernel("sin") is np.sin
    assert Backend().kernels == {}


@pytest.mark.requirement("T9")
def test_tables_serve_threads() -> None:
    table = KernelTable("f", get("numpy"), fallback=named("reference"))
    stop = threading.Event()
    wrong = []

    def call() -> None:
        x = np.ones(2)
        while not stop.is_set():
            before = len(table.kernels)
            answer = table(x)
            after = len(table.kernels)
            if answer not in {str(n) if n else "reference" for n in range(before, after + 1)}:
                wrong.append((before, answer, after))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(1, 60):
        table.add(Kernel(named(str(n))))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
