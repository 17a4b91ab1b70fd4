"""Optimizers: pairs of pure functions that turn gradients into updates.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``; then `apply_updates`. `chain` puts
transforms together.
"""

from funcnet.optim import schedules as schedules
from funcnet.optim.adam import AdamState as AdamState
from funcnet.optim.adam import ScaleByAdamState as ScaleByAdamState
from funcnet.optim.adam import adam as adam
from funcnet.optim.adam import scale_by_adam as scale_by_adam
from funcnet.optim.sgd import ScaleState as ScaleState
from funcnet.optim.sgd import SgdState as SgdState
from funcnet.optim.sgd import scale as scale
from funcnet.optim.sgd import scale_by_learning_rate as scale_by_learning_rate
from funcnet.optim.sgd import sgd as sgd
from funcnet.optim.transform import Transform as Transform
from funcnet.optim.transform import apply_updates as apply_updates
from funcnet.optim.transform import chain as chain

__all__ = [
    "AdamState",
    "ScaleByAdamState",
    "ScaleState",
    "SgdState",
    "Transform",
    "adam",
    "apply_updates",
    "chain",
    "scale",
    "scale_by_adam",
    "scale_by_learning_rate",
    "schedules",
    "sgd",
]
