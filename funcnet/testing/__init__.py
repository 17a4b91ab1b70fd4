"""Tests of derivatives and of compiled functions, for the users' functions as for the library's own.

`check_grads` compares derivatives with differences, `check_adjoint` a linear function with its transpose,
`check_primitive` a declared operation with its reference implementation, its rules and its metadata, and `check_jit` a
compiled function with the same one without `jit`.
`funcnet.testing.strategies` generates arguments for hypothesis, and `backend_params` one test per array library.
"""

from typing import TYPE_CHECKING

from funcnet.surface import lazily as _lazily
from funcnet.testing.adjoint import check_adjoint
from funcnet.testing.backends import BackendCase, backend_cases, backend_params, usable_backends
from funcnet.testing.check_grads import check_grads
from funcnet.testing.check_jit import check_jit
from funcnet.testing.numerical import numerical_grad, numerical_jacobian
from funcnet.testing.primitives import check_primitive

if TYPE_CHECKING:
    from funcnet.testing import strategies as strategies

__all__ = [
    "BackendCase",
    "backend_cases",
    "backend_params",
    "check_adjoint",
    "check_grads",
    "check_jit",
    "check_primitive",
    "numerical_grad",
    "numerical_jacobian",
    "strategies",
    "usable_backends",
]

# hypothesis is an extra, and programs that only call `check_grads` do without it.
if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(__name__, {}, ("strategies",))
