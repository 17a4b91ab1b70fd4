"""Optimizers: pairs of pure functions that turn gradients into updates.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``; then `apply_updates`. `chain` puts
transforms together.

A module is loaded at the first use of one of its names; the stub beside this file tells them to type checkers.
"""

import sys as _sys
from types import ModuleType as _ModuleType
from typing import Any as _Any

from funcnet.surface import lazily as _lazily

#: Module -> the public names that it defines.
_NAMES = {
    "accumulating": "AccumulateState ApplyEveryState accumulate apply_every",
    "adafactor": (
        "ScaleByFactoredRmsState ScaleByParamBlockState adafactor scale_by_factored_rms "
        "scale_by_param_block_norm scale_by_param_block_rms"
    ),
    "adagrad": "FtrlState ScaleByAdadeltaState ScaleByRssState adadelta adagrad ftrl scale_by_adadelta scale_by_rss",
    "adahessian": "ScaleByAdahessianState adahessian scale_by_adahessian",
    "adam": "AdamState ScaleByAdamState adam scale_by_adam",
    "adamax": "ScaleByAdamaxState ScaleByAmsgradState adamax adamaxw amsgrad scale_by_adamax scale_by_amsgrad",
    "adamw": "ScaleByNadamState adamw nadam nadamw scale_by_nadam",
    "adopt": "ScaleByAdoptState adopt scale_by_adopt",
    "anchored": "ScaleByCocobState ScaleByMadgradState cocob madgrad scale_by_cocob scale_by_madgrad",
    "asgd": "AsgdState asgd",
    "averaging": (
        "AverageState EmaState LookaheadState StochasticWeightAveragingState average_params ema lookahead "
        "stochastic_weight_averaging"
    ),
    "backtracking": "ScaleByBacktrackingLinesearchState scale_by_backtracking_linesearch",
    "belief": "ScaleByBeliefState ScaleByYogiState acprop adabelief scale_by_acprop scale_by_belief scale_by_yogi yogi",
    "bridge": "ScipyResult least_squares minimize root",
    "clipping": (
        "AdaptiveClipState ClipState adaptive_grad_clip clip clip_by_block_rms clip_by_global_norm "
        "clip_by_norm global_norm"
    ),
    "conditional": (
        "ApplyIfFiniteState ConditionalState apply_if_finite conditionally_mask conditionally_transform "
        "skip_large_updates skip_not_finite"
    ),
    "conjugate": "LinearResult cg",
    "constraints": (
        "CountState NormalizeState ZeroNansState centralize keep_params_nonnegative normalize_by_update_norm "
        "project set_to_zero zero_nans"
    ),
    "distance": "ScaleByDogState ScaleByDowgState dog dowg scale_by_dog scale_by_dowg",
    "galore": "ScaleByGaloreState galore scale_by_galore",
    "hyperparameters": "get_hyperparams set_hyperparams",
    "layerwise": "FromageState ScaleByTrustRatioState fromage lamb lars scale_by_trust_ratio",
    "lbfgs": "ScaleByLbfgsState lbfgs scale_by_lbfgs",
    "loss_scaling": "LossScale LossScaleState all_finite choose dynamic_loss_scale static_loss_scale",
    "mechanic": "MechanicState mechanize",
    "mixing": "ScaleByAdanState ScaleByAdemamixState adan ademamix scale_by_adan scale_by_ademamix",
    "momo": "MomoAdamState MomoState momo momo_adam",
    "monitoring": "SnapshotState snapshot",
    "muon": "ScaleByMuonState muon orthogonalize scale_by_muon",
    "newton": "Result gauss_newton levenberg_marquardt newton_cg",
    "noise": "AddNoiseState DifferentiallyPrivateAggregateState add_noise differentially_private_aggregate",
    "noisy": "noisy_sgd",
    "novograd": "ScaleByNovogradState novograd scale_by_novograd",
    "optimistic": (
        "ScaleByOptimisticGradientState optimistic_adam_v2 optimistic_gradient_descent scale_by_optimistic_gradient"
    ),
    "per_example": "per_example_global_norm_clip per_example_layer_norm_clip",
    "plateau": "ReduceOnPlateauState reduce_on_plateau",
    "polyak": "ScaleByPolyakState polyak_sgd scale_by_polyak",
    "prodigy": "DadaptAdamwState ProdigyState dadapt_adamw prodigy",
    "radam": "ScaleByRadamState radam scale_by_radam",
    "raveling": "ravel",
    "rms": "ScaleByRmsState ScaleByStddevState rmsprop scale_by_rms scale_by_stddev",
    "rprop": "ScaleByRpropState rprop scale_by_rprop",
    "sam": "SamState sam",
    "schedule_free": "ScheduleFreeState schedule_free schedule_free_adamw schedule_free_eval_params schedule_free_sgd",
    "selecting": "freeze masked partition",
    "sgd": "ScaleState SgdState scale scale_by_learning_rate sgd",
    "sign": (
        "ScaleByLionState ScaleBySignState ScaleBySignumState lion scale_by_lion scale_by_sign "
        "scale_by_signum sign_sgd signum"
    ),
    "sm3": "ScaleBySm3State scale_by_sm3 sm3",
    "sophia": "HutchinsonState ScaleBySophiaState hutchinson_diagonal scale_by_sophia sophia",
    "trace": "TraceState trace",
    "transform": "Transform apply_updates chain takes",
    "weight_decay": "DecayState add_decayed_weights",
    "zoom": "ScaleByZoomLinesearchState scale_by_zoom_linesearch value_and_grad_from_state",
}
_PARTS = ("projections", "schedules")
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted([*_HOME, *_PARTS])  # pyright: ignore[reportUnsupportedDunderAll]


__getattr__, __dir__ = _lazily(
    __name__,
    _HOME,
    _PARTS,
    {
        "cosine_decay_schedule": "optim.schedules.cosine",
        "exponential_decay": "optim.schedules.exponential",
        "incremental_update": "optim.average_params",
        "inject_hyperparams": "optim.set_hyperparams(state, ...), since hyperparameters are leaves of the state",
        "multisteps": "optim.accumulate",
        "warmup_cosine_decay_schedule": "optim.schedules.warmup_cosine",
    },
)


class _Package(_ModuleType):
    """A package in which ``adam`` is the optimizer, although the module that defines it has the same name."""

    def __setattr__(self, name: str, value: _Any) -> None:
        # The import system stores each module that it has loaded in its package.
        if isinstance(value, _ModuleType) and name in _HOME:
            value = getattr(value, name)
        super().__setattr__(name, value)


_sys.modules[__name__].__class__ = _Package
