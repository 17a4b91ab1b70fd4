"""Learning rates that change with the number of updates.

A schedule is a function from a step, which is the number of updates made before, to a rate. Each of these takes a
Python number or an array of any shape, on any backend, and can be differentiated with respect to its hyperparameters
where they are arrays. Any other function of one array serves as well.
"""

from funcnet.optim.schedules.cycles import cosine_onecycle as cosine_onecycle
from funcnet.optim.schedules.cycles import cyclic as cyclic
from funcnet.optim.schedules.cycles import linear_onecycle as linear_onecycle
from funcnet.optim.schedules.cycles import one_cycle as one_cycle
from funcnet.optim.schedules.cycles import warm_restarts as warm_restarts
from funcnet.optim.schedules.decay import constant as constant
from funcnet.optim.schedules.decay import cosine as cosine
from funcnet.optim.schedules.decay import exponential as exponential
from funcnet.optim.schedules.decay import linear as linear
from funcnet.optim.schedules.decay import multi_step as multi_step
from funcnet.optim.schedules.decay import polynomial as polynomial
from funcnet.optim.schedules.decay import step as step
from funcnet.optim.schedules.joined import join as join
from funcnet.optim.schedules.joined import sgdr as sgdr
from funcnet.optim.schedules.joined import warmup as warmup
from funcnet.optim.schedules.joined import warmup_constant as warmup_constant
from funcnet.optim.schedules.joined import warmup_cosine as warmup_cosine
from funcnet.optim.schedules.joined import warmup_exponential as warmup_exponential
from funcnet.optim.schedules.pieces import piecewise_constant as piecewise_constant
from funcnet.optim.schedules.pieces import piecewise_interpolate as piecewise_interpolate
from funcnet.optim.schedules.roots import inverse_sqrt as inverse_sqrt
from funcnet.optim.schedules.roots import noam as noam
from funcnet.surface import listing as _listing

__all__ = [
    "constant",
    "cosine",
    "cosine_onecycle",
    "cyclic",
    "exponential",
    "inverse_sqrt",
    "join",
    "linear",
    "linear_onecycle",
    "multi_step",
    "noam",
    "one_cycle",
    "piecewise_constant",
    "piecewise_interpolate",
    "polynomial",
    "sgdr",
    "step",
    "warm_restarts",
    "warmup",
    "warmup_constant",
    "warmup_cosine",
    "warmup_exponential",
]

__dir__ = _listing(__name__)
