"""Draws of PyTorch on the CPU come from NumPy's kernels."""

import numpy as np
import pytest

from funcnet import backends
from funcnet.backends import Kernel, KernelTable
from funcnet.backends.numpy import draws, threefry
from funcnet.testing.oracles import oracle

torch = oracle("torch", "these are the kernels of PyTorch")
KEY = np.array([3, 4_000_000_000], np.uint32)


@pytest.mark.parametrize("name", sorted({**threefry.KERNELS, **draws.KERNELS}))
def test_every_draw_has_a_kernel_for_the_cpu_only(name: str) -> None:
    table = backends.get("torch").kernels[name]
    assert isinstance(table, KernelTable)
    assert [kernel.device_kinds for kernel in table.kernels] == [frozenset({"cpu"})]
    assert isinstance(table.kernels[0], Kernel)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_numbers_are_those_of_numpy(dtype: str) -> None:
    found = backends.get("torch").kernels["random_normal"](torch.from_numpy(KEY), shape=(4, 5), dtype=dtype)
    assert isinstance(found, torch.Tensor)
    assert np.array_equal(found.numpy(), draws.KERNELS["random_normal"](KEY, shape=(4, 5), dtype=dtype))


def test_bfloat16() -> None:
    pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 of its own")
    found = backends.get("torch").kernels["random_uniform"](torch.from_numpy(KEY), shape=(9,), dtype="bfloat16")
    assert found.dtype == torch.bfloat16
    expected = draws.KERNELS["random_uniform"](KEY, shape=(9,), dtype="bfloat16")
    assert np.array_equal(found.to(torch.float32).numpy(), expected.astype(np.float32))


def test_keys_may_be_rows_of_an_array() -> None:
    keys = torch.from_numpy(np.stack([KEY, KEY + 1]).T.copy()).T
    kernel = backends.get("torch").kernels["random_bits"]
    assert torch.equal(
        kernel(keys[0], shape=(3,), dtype="uint32"), kernel(torch.from_numpy(KEY), shape=(3,), dtype="uint32")
    )


def test_other_devices_are_left_to_the_reference() -> None:
    table = backends.get("torch").kernels["random_bits"]
    assert table.select(frozenset({"uint32"}), "cuda") is None
    marked = object()
    assert table.with_fallback(lambda *_: marked).select(frozenset({"uint32"}), "cuda")() is marked
