"""Transformations of functions: gradients, derivatives along a direction, shapes."""

# The methods and protocols of traced arrays are attached when the namespace is imported.
from funcnet import xp as _xp  # noqa: F401  # imported for that effect
from funcnet.transforms.forward import jvp as jvp
from funcnet.transforms.reverse import grad as grad
from funcnet.transforms.reverse import value_and_grad as value_and_grad
from funcnet.transforms.reverse import vjp as vjp
from funcnet.transforms.shape import eval_shape as eval_shape
from funcnet.transforms.stop import lift as lift
from funcnet.transforms.stop import stop_gradient as stop_gradient
