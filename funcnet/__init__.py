"""Models as pure functions, and gradients of plain array code, on any array library.

>>> import numpy as np
>>> import funcnet as fn
>>> fn.grad(lambda x: (x**2).sum())(np.array([1.0, 2.0]))
array([2., 4.])
"""

from typing import TYPE_CHECKING

from funcnet.surface import lazily as _lazily

if TYPE_CHECKING:
    from funcnet import backends as backends
    from funcnet import control as control
    from funcnet import core as core
    from funcnet import errors as errors
    from funcnet import losses as losses
    from funcnet import metrics as metrics
    from funcnet import nn as nn
    from funcnet import optim as optim
    from funcnet import random as random
    from funcnet import serialize as serialize
    from funcnet import testing as testing
    from funcnet import tree as tree
    from funcnet import xp as xp
    from funcnet.backends import device_put as device_put
    from funcnet.backends import devices as devices
    from funcnet.backends import to_numpy as to_numpy
    from funcnet.backends import use_backend as use_backend
    from funcnet.control import associative_scan as associative_scan
    from funcnet.control import cond as cond
    from funcnet.control import fori_loop as fori_loop
    from funcnet.control import map as map
    from funcnet.control import scan as scan
    from funcnet.control import switch as switch
    from funcnet.control import while_loop as while_loop
    from funcnet.core import Spec as Spec
    from funcnet.transforms import checkpoint as checkpoint
    from funcnet.transforms import custom_jvp as custom_jvp
    from funcnet.transforms import custom_vjp as custom_vjp
    from funcnet.transforms import debug_nans as debug_nans
    from funcnet.transforms import debug_print as debug_print
    from funcnet.transforms import eval_shape as eval_shape
    from funcnet.transforms import explain as explain
    from funcnet.transforms import external as external
    from funcnet.transforms import grad as grad
    from funcnet.transforms import grad_of_taps as grad_of_taps
    from funcnet.transforms import hessian as hessian
    from funcnet.transforms import hvp as hvp
    from funcnet.transforms import implicit as implicit
    from funcnet.transforms import jacfwd as jacfwd
    from funcnet.transforms import jacobian as jacobian
    from funcnet.transforms import jacrev as jacrev
    from funcnet.transforms import jit as jit
    from funcnet.transforms import jvp as jvp
    from funcnet.transforms import lift as lift
    from funcnet.transforms import linear_transpose as linear_transpose
    from funcnet.transforms import linearize as linearize
    from funcnet.transforms import stop_gradient as stop_gradient
    from funcnet.transforms import tap as tap
    from funcnet.transforms import trace as trace
    from funcnet.transforms import value_and_grad as value_and_grad
    from funcnet.transforms import vjp as vjp
    from funcnet.transforms import vmap as vmap

__version__ = "0.1.0"

# Loaded at first use, so that a script pays for the parts that it uses.
_HOME = {
    "Spec": "core",
    "associative_scan": "control",
    "checkpoint": "transforms",
    "cond": "control",
    "custom_jvp": "transforms",
    "custom_vjp": "transforms",
    "debug_nans": "transforms",
    "debug_print": "transforms",
    "device_put": "backends",
    "devices": "backends",
    "eval_shape": "transforms",
    "explain": "transforms",
    "external": "transforms",
    "fori_loop": "control",
    "grad": "transforms",
    "grad_of_taps": "transforms",
    "hessian": "transforms",
    "hvp": "transforms",
    "implicit": "transforms",
    "jacfwd": "transforms",
    "jacobian": "transforms",
    "jacrev": "transforms",
    "jit": "transforms",
    "jvp": "transforms",
    "lift": "transforms",
    "linear_transpose": "transforms",
    "linearize": "transforms",
    "map": "control",
    "scan": "control",
    "stop_gradient": "transforms",
    "switch": "control",
    "tap": "transforms",
    "trace": "transforms",
    "to_numpy": "backends",
    "use_backend": "backends",
    "value_and_grad": "transforms",
    "vjp": "transforms",
    "vmap": "transforms",
    "while_loop": "control",
}
_MODULES = (
    "backends",
    "control",
    "core",
    "errors",
    "losses",
    "metrics",
    "nn",
    "optim",
    "random",
    "serialize",
    "testing",
    "tree",
    "xp",
)

__all__ = [
    "Spec",
    "associative_scan",
    "backends",
    "checkpoint",
    "cond",
    "control",
    "core",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "debug_print",
    "device_put",
    "devices",
    "errors",
    "eval_shape",
    "explain",
    "external",
    "fori_loop",
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
    "losses",
    "map",
    "metrics",
    "nn",
    "optim",
    "random",
    "scan",
    "serialize",
    "stop_gradient",
    "switch",
    "tap",
    "testing",
    "to_numpy",
    "trace",
    "tree",
    "use_backend",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
    "xp",
]


if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(
        __name__,
        _HOME,
        _MODULES,
        {
            "custom_root": "fn.implicit.root",
            "lax": "fn.scan, fn.cond and others",
            "make_jaxpr": "fn.trace",
            "no_grad": "fn.stop_gradient",
            "numpy": "fn.xp",
            "ravel_pytree": "optim.ravel",
            "remat": "fn.checkpoint",
            "shapedtypestruct": "fn.Spec",
            "tree_map": "fn.tree.map",
            "tree_util": "fn.tree",
            "vectorize": "fn.vmap",
        },
    )
