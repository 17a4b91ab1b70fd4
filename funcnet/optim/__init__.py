"""Optimizers: pairs of pure functions that turn gradients into updates.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``; then `apply_updates`. `chain` puts
transforms together.
"""

from funcnet.optim import schedules as schedules
from funcnet.optim.adam import AdamState as AdamState
from funcnet.optim.adam import ScaleByAdamState as ScaleByAdamState
from funcnet.optim.adam import adam as adam
from funcnet.optim.adam import scale_by_adam as scale_by_adam
from funcnet.optim.rms import ScaleByRmsState as ScaleByRmsState
from funcnet.optim.rms import ScaleByStddevState as ScaleByStddevState
from funcnet.optim.rms import rmsprop as rmsprop
from funcnet.optim.rms import scale_by_rms as scale_by_rms
from funcnet.optim.rms import scale_by_stddev as scale_by_stddev
from funcnet.optim.sgd import ScaleState as ScaleState
from funcnet.optim.sgd import SgdState as SgdState
from funcnet.optim.sgd import scale as scale
from funcnet.optim.sgd import scale_by_learning_rate as scale_by_learning_rate
from funcnet.optim.sgd import sgd as sgd
from funcnet.optim.trace import TraceState as TraceState
from funcnet.optim.trace import trace as trace
from funcnet.optim.transform import Transform as Transform
from funcnet.optim.transform import apply_updates as apply_updates
from funcnet.optim.transform import chain as chain
from funcnet.optim.transform import takes as takes
from funcnet.optim.weight_decay import DecayState as DecayState
from funcnet.optim.weight_decay import add_decayed_weights as add_decayed_weights

__all__ = [
    "AdamState",
    "DecayState",
    "ScaleByAdamState",
    "ScaleByRmsState",
    "ScaleByStddevState",
    "ScaleState",
    "SgdState",
    "TraceState",
    "Transform",
    "adam",
    "add_decayed_weights",
    "apply_updates",
    "chain",
    "rmsprop",
    "scale",
    "scale_by_adam",
    "scale_by_learning_rate",
    "scale_by_rms",
    "scale_by_stddev",
    "schedules",
    "sgd",
    "takes",
    "trace",
]
