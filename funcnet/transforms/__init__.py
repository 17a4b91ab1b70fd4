"""Transformations of functions: gradients, derivatives along a direction, shapes."""

from typing import TYPE_CHECKING

from funcnet import xp as _xp  # noqa: F401  # imported for that effect

# The methods and protocols of traced arrays are attached when the namespace is imported.
from funcnet.surface import lazily as _lazily
from funcnet.transforms.forward import jvp as jvp
from funcnet.transforms.reverse import grad as grad
from funcnet.transforms.reverse import value_and_grad as value_and_grad
from funcnet.transforms.reverse import vjp as vjp
from funcnet.transforms.shape import eval_shape as eval_shape
from funcnet.transforms.stop import lift as lift
from funcnet.transforms.stop import stop_gradient as stop_gradient

if TYPE_CHECKING:
    from funcnet.transforms import implicit as implicit
    from funcnet.transforms.batch import vmap as vmap
    from funcnet.transforms.black_box import external as external
    from funcnet.transforms.checkpointing import checkpoint as checkpoint
    from funcnet.transforms.custom import custom_jvp as custom_jvp
    from funcnet.transforms.custom import custom_vjp as custom_vjp
    from funcnet.transforms.debugging import debug_nans as debug_nans
    from funcnet.transforms.explanation import explain as explain
    from funcnet.transforms.jacobians import hessian as hessian
    from funcnet.transforms.jacobians import hvp as hvp
    from funcnet.transforms.jacobians import jacfwd as jacfwd
    from funcnet.transforms.jacobians import jacobian as jacobian
    from funcnet.transforms.jacobians import jacrev as jacrev
    from funcnet.transforms.jitted import jit as jit
    from funcnet.transforms.linear import linear_transpose as linear_transpose
    from funcnet.transforms.linear import linearize as linearize
    from funcnet.transforms.printing import debug_print as debug_print
    from funcnet.transforms.taps import grad_of_taps as grad_of_taps
    from funcnet.transforms.taps import tap as tap
    from funcnet.transforms.tracing import trace as trace

# Loaded at first use, so that the first gradient does not wait for the others.
_HOME = {
    "checkpoint": "checkpointing",
    "custom_jvp": "custom",
    "custom_vjp": "custom",
    "debug_nans": "debugging",
    "debug_print": "printing",
    "explain": "explanation",
    "external": "black_box",
    "grad_of_taps": "taps",
    "hessian": "jacobians",
    "hvp": "jacobians",
    "jacfwd": "jacobians",
    "jacobian": "jacobians",
    "jacrev": "jacobians",
    "jit": "jitted",
    "linear_transpose": "linear",
    "linearize": "linear",
    "tap": "taps",
    "trace": "tracing",
    "vmap": "batch",
}

__all__ = [
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "debug_print",
    "eval_shape",
    "explain",
    "external",
    "grad",
    "grad_of_taps",
    "hessian",
    "hvp",
    "implicit",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "lift",
    "linear_transpose",
    "linearize",
    "stop_gradient",
    "tap",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
]

if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(__name__, _HOME, ("implicit",))
