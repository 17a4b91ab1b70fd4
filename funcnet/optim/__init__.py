"""Optimizers: pairs of pure functions that turn gradients into updates.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``; then `apply_updates`. `chain` puts
transforms together.
"""

from funcnet.optim import schedules as schedules
from funcnet.optim.adam import AdamState as AdamState
from funcnet.optim.adam import ScaleByAdamState as ScaleByAdamState
from funcnet.optim.adam import adam as adam
from funcnet.optim.adam import scale_by_adam as scale_by_adam
from funcnet.optim.adamax import ScaleByAdamaxState as ScaleByAdamaxState
from funcnet.optim.adamax import ScaleByAmsgradState as ScaleByAmsgradState
from funcnet.optim.adamax import adamax as adamax
from funcnet.optim.adamax import adamaxw as adamaxw
from funcnet.optim.adamax import amsgrad as amsgrad
from funcnet.optim.adamax import scale_by_adamax as scale_by_adamax
from funcnet.optim.adamax import scale_by_amsgrad as scale_by_amsgrad
from funcnet.optim.adamw import ScaleByNadamState as ScaleByNadamState
from funcnet.optim.adamw import adamw as adamw
from funcnet.optim.adamw import nadam as nadam
from funcnet.optim.adamw import nadamw as nadamw
from funcnet.optim.adamw import scale_by_nadam as scale_by_nadam
from funcnet.optim.adopt import ScaleByAdoptState as ScaleByAdoptState
from funcnet.optim.adopt import adopt as adopt
from funcnet.optim.adopt import scale_by_adopt as scale_by_adopt
from funcnet.optim.belief import ScaleByBeliefState as ScaleByBeliefState
from funcnet.optim.belief import ScaleByYogiState as ScaleByYogiState
from funcnet.optim.belief import acprop as acprop
from funcnet.optim.belief import adabelief as adabelief
from funcnet.optim.belief import scale_by_acprop as scale_by_acprop
from funcnet.optim.belief import scale_by_belief as scale_by_belief
from funcnet.optim.belief import scale_by_yogi as scale_by_yogi
from funcnet.optim.belief import yogi as yogi
from funcnet.optim.mixing import ScaleByAdanState as ScaleByAdanState
from funcnet.optim.mixing import ScaleByAdemamixState as ScaleByAdemamixState
from funcnet.optim.mixing import adan as adan
from funcnet.optim.mixing import ademamix as ademamix
from funcnet.optim.mixing import scale_by_adan as scale_by_adan
from funcnet.optim.mixing import scale_by_ademamix as scale_by_ademamix
from funcnet.optim.radam import ScaleByRadamState as ScaleByRadamState
from funcnet.optim.radam import radam as radam
from funcnet.optim.radam import scale_by_radam as scale_by_radam
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
    "ScaleByAdamaxState",
    "ScaleByAdanState",
    "ScaleByAdemamixState",
    "ScaleByAdoptState",
    "ScaleByAmsgradState",
    "ScaleByBeliefState",
    "ScaleByNadamState",
    "ScaleByRadamState",
    "ScaleByRmsState",
    "ScaleByStddevState",
    "ScaleByYogiState",
    "ScaleState",
    "SgdState",
    "TraceState",
    "Transform",
    "acprop",
    "adabelief",
    "adam",
    "adamax",
    "adamaxw",
    "adamw",
    "adan",
    "add_decayed_weights",
    "ademamix",
    "adopt",
    "amsgrad",
    "apply_updates",
    "chain",
    "nadam",
    "nadamw",
    "radam",
    "rmsprop",
    "scale",
    "scale_by_acprop",
    "scale_by_adam",
    "scale_by_adamax",
    "scale_by_adan",
    "scale_by_ademamix",
    "scale_by_adopt",
    "scale_by_amsgrad",
    "scale_by_belief",
    "scale_by_learning_rate",
    "scale_by_nadam",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_stddev",
    "scale_by_yogi",
    "schedules",
    "sgd",
    "takes",
    "trace",
    "yogi",
]
