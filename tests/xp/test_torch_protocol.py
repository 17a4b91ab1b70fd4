"""PyTorch tensors meeting traced arrays."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import backends, xp
from funcnet.errors import TracerConversionError, UnsupportedFunctionError
from funcnet.testing.oracles import oracle

torch = oracle("torch", "this is a protocol of PyTorch")
if "torch" not in backends.available():
    pytest.skip("PyTorch cannot be used", allow_module_level=True)

X = torch.tensor([0.5, 1.5, 2.5], dtype=torch.float64)
C = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (C * x + C - x) / (C + x),
        lambda x: C**x,
        lambda x: torch.sin(x) * torch.exp(-x) + torch.atan2(x, C),
        lambda x: torch.mul(C, x) - torch.sub(C, x) + torch.div(C, x),
        lambda x: torch.stack([C, C, C]) @ x,
        lambda x: x * (C > x),
    ],
    ids=range(6),
)
def test_tensors_on_the_left_and_functions_of_torch(f):
    g = fn.grad(lambda x: xp.sum(f(x) * 1.0))(X)
    leaf = X.clone().requires_grad_()
    torch.sum(f(leaf) * 1.0).backward()
    np.testing.assert_allclose(g.numpy(), leaf.grad.numpy(), rtol=1e-12)


def test_unknown_functions_and_receiving_tensors_are_refused():
    with pytest.raises(UnsupportedFunctionError, match=r"torch\.erfinv"):
        fn.grad(lambda x: xp.sum(torch.erfinv(x)))(X)

    for receive in (lambda t, x: t.add_(x), lambda t, x: t.__setitem__(0, x[0])):

        def f(x, receive=receive):
            receive(C.clone(), x)
            return xp.sum(x)

        with pytest.raises(TracerConversionError, match="cannot receive"):
            fn.grad(f)(X)


def test_adding_in_place_to_a_tensor_rebinds_the_name():
    def f(x):
        t = C
        t += x
        return xp.sum(t * t)

    np.testing.assert_allclose(fn.grad(f)(X).numpy(), 2 * (C + X).numpy())
    np.testing.assert_array_equal(C.numpy(), [1.0, 2.0, 3.0])
