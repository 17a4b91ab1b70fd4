"""Nearest points of sets: functions from trees to trees.

A tree counts as one vector of all its elements, so that ``l2_ball(params)`` bounds the norm of everything at once; map
one over the leaves, ``tree.map(l2_ball, params)``, to bound each array. `funcnet.optim.project` makes a transform of a
projection. All are differentiable almost everywhere.
"""

from funcnet.optim.projections.balls import l1_ball as l1_ball
from funcnet.optim.projections.balls import l1_sphere as l1_sphere
from funcnet.optim.projections.balls import l2_ball as l2_ball
from funcnet.optim.projections.balls import l2_sphere as l2_sphere
from funcnet.optim.projections.balls import simplex as simplex
from funcnet.optim.projections.boxes import box as box
from funcnet.optim.projections.boxes import hypercube as hypercube
from funcnet.optim.projections.boxes import linf_ball as linf_ball
from funcnet.optim.projections.boxes import non_negative as non_negative
from funcnet.optim.projections.planes import halfspace as halfspace
from funcnet.optim.projections.planes import hyperplane as hyperplane
from funcnet.optim.projections.planes import vector as vector
from funcnet.surface import listing as _listing

__all__ = [
    "box",
    "halfspace",
    "hypercube",
    "hyperplane",
    "l1_ball",
    "l1_sphere",
    "l2_ball",
    "l2_sphere",
    "linf_ball",
    "non_negative",
    "simplex",
    "vector",
]

__dir__ = _listing(__name__)
