"""Optimizers: pairs of pure functions that turn gradients into updates.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``; then `apply_updates`. `chain` puts
transforms together.
"""

from funcnet.optim import projections as projections
from funcnet.optim import schedules as schedules
from funcnet.optim.accumulating import AccumulateState as AccumulateState
from funcnet.optim.accumulating import ApplyEveryState as ApplyEveryState
from funcnet.optim.accumulating import accumulate as accumulate
from funcnet.optim.accumulating import apply_every as apply_every
from funcnet.optim.adafactor import ScaleByFactoredRmsState as ScaleByFactoredRmsState
from funcnet.optim.adafactor import ScaleByParamBlockState as ScaleByParamBlockState
from funcnet.optim.adafactor import adafactor as adafactor
from funcnet.optim.adafactor import scale_by_factored_rms as scale_by_factored_rms
from funcnet.optim.adafactor import scale_by_param_block_norm as scale_by_param_block_norm
from funcnet.optim.adafactor import scale_by_param_block_rms as scale_by_param_block_rms
from funcnet.optim.adagrad import FtrlState as FtrlState
from funcnet.optim.adagrad import ScaleByAdadeltaState as ScaleByAdadeltaState
from funcnet.optim.adagrad import ScaleByRssState as ScaleByRssState
from funcnet.optim.adagrad import adadelta as adadelta
from funcnet.optim.adagrad import adagrad as adagrad
from funcnet.optim.adagrad import ftrl as ftrl
from funcnet.optim.adagrad import scale_by_adadelta as scale_by_adadelta
from funcnet.optim.adagrad import scale_by_rss as scale_by_rss
from funcnet.optim.adahessian import ScaleByAdahessianState as ScaleByAdahessianState
from funcnet.optim.adahessian import adahessian as adahessian
from funcnet.optim.adahessian import scale_by_adahessian as scale_by_adahessian
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
from funcnet.optim.anchored import ScaleByCocobState as ScaleByCocobState
from funcnet.optim.anchored import ScaleByMadgradState as ScaleByMadgradState
from funcnet.optim.anchored import cocob as cocob
from funcnet.optim.anchored import madgrad as madgrad
from funcnet.optim.anchored import scale_by_cocob as scale_by_cocob
from funcnet.optim.anchored import scale_by_madgrad as scale_by_madgrad
from funcnet.optim.asgd import AsgdState as AsgdState
from funcnet.optim.asgd import asgd as asgd
from funcnet.optim.averaging import AverageState as AverageState
from funcnet.optim.averaging import EmaState as EmaState
from funcnet.optim.averaging import LookaheadState as LookaheadState
from funcnet.optim.averaging import StochasticWeightAveragingState as StochasticWeightAveragingState
from funcnet.optim.averaging import average_params as average_params
from funcnet.optim.averaging import ema as ema
from funcnet.optim.averaging import lookahead as lookahead
from funcnet.optim.averaging import stochastic_weight_averaging as stochastic_weight_averaging
from funcnet.optim.backtracking import ScaleByBacktrackingLinesearchState as ScaleByBacktrackingLinesearchState
from funcnet.optim.backtracking import scale_by_backtracking_linesearch as scale_by_backtracking_linesearch
from funcnet.optim.belief import ScaleByBeliefState as ScaleByBeliefState
from funcnet.optim.belief import ScaleByYogiState as ScaleByYogiState
from funcnet.optim.belief import acprop as acprop
from funcnet.optim.belief import adabelief as adabelief
from funcnet.optim.belief import scale_by_acprop as scale_by_acprop
from funcnet.optim.belief import scale_by_belief as scale_by_belief
from funcnet.optim.belief import scale_by_yogi as scale_by_yogi
from funcnet.optim.belief import yogi as yogi
from funcnet.optim.bridge import ScipyResult as ScipyResult
from funcnet.optim.bridge import least_squares as least_squares
from funcnet.optim.bridge import minimize as minimize
from funcnet.optim.bridge import root as root
from funcnet.optim.clipping import AdaptiveClipState as AdaptiveClipState
from funcnet.optim.clipping import ClipState as ClipState
from funcnet.optim.clipping import adaptive_grad_clip as adaptive_grad_clip
from funcnet.optim.clipping import clip as clip
from funcnet.optim.clipping import clip_by_block_rms as clip_by_block_rms
from funcnet.optim.clipping import clip_by_global_norm as clip_by_global_norm
from funcnet.optim.clipping import clip_by_norm as clip_by_norm
from funcnet.optim.clipping import global_norm as global_norm
from funcnet.optim.conditional import ApplyIfFiniteState as ApplyIfFiniteState
from funcnet.optim.conditional import ConditionalState as ConditionalState
from funcnet.optim.conditional import apply_if_finite as apply_if_finite
from funcnet.optim.conditional import conditionally_mask as conditionally_mask
from funcnet.optim.conditional import conditionally_transform as conditionally_transform
from funcnet.optim.conditional import skip_large_updates as skip_large_updates
from funcnet.optim.conditional import skip_not_finite as skip_not_finite
from funcnet.optim.conjugate import LinearResult as LinearResult
from funcnet.optim.conjugate import cg as cg
from funcnet.optim.constraints import CountState as CountState
from funcnet.optim.constraints import NormalizeState as NormalizeState
from funcnet.optim.constraints import ZeroNansState as ZeroNansState
from funcnet.optim.constraints import centralize as centralize
from funcnet.optim.constraints import keep_params_nonnegative as keep_params_nonnegative
from funcnet.optim.constraints import normalize_by_update_norm as normalize_by_update_norm
from funcnet.optim.constraints import project as project
from funcnet.optim.constraints import set_to_zero as set_to_zero
from funcnet.optim.constraints import zero_nans as zero_nans
from funcnet.optim.distance import ScaleByDogState as ScaleByDogState
from funcnet.optim.distance import ScaleByDowgState as ScaleByDowgState
from funcnet.optim.distance import dog as dog
from funcnet.optim.distance import dowg as dowg
from funcnet.optim.distance import scale_by_dog as scale_by_dog
from funcnet.optim.distance import scale_by_dowg as scale_by_dowg
from funcnet.optim.galore import ScaleByGaloreState as ScaleByGaloreState
from funcnet.optim.galore import galore as galore
from funcnet.optim.galore import scale_by_galore as scale_by_galore
from funcnet.optim.hyperparameters import get_hyperparams as get_hyperparams
from funcnet.optim.hyperparameters import set_hyperparams as set_hyperparams
from funcnet.optim.layerwise import FromageState as FromageState
from funcnet.optim.layerwise import ScaleByTrustRatioState as ScaleByTrustRatioState
from funcnet.optim.layerwise import fromage as fromage
from funcnet.optim.layerwise import lamb as lamb
from funcnet.optim.layerwise import lars as lars
from funcnet.optim.layerwise import scale_by_trust_ratio as scale_by_trust_ratio
from funcnet.optim.lbfgs import ScaleByLbfgsState as ScaleByLbfgsState
from funcnet.optim.lbfgs import lbfgs as lbfgs
from funcnet.optim.lbfgs import scale_by_lbfgs as scale_by_lbfgs
from funcnet.optim.lines import Line as Line
from funcnet.optim.lines import check_function as check_function
from funcnet.optim.lines import dot as dot
from funcnet.optim.lines import given_value as given_value
from funcnet.optim.lines import required as required
from funcnet.optim.lines import where as where
from funcnet.optim.loss_scaling import LossScale as LossScale
from funcnet.optim.loss_scaling import LossScaleState as LossScaleState
from funcnet.optim.loss_scaling import all_finite as all_finite
from funcnet.optim.loss_scaling import choose as choose
from funcnet.optim.loss_scaling import dynamic_loss_scale as dynamic_loss_scale
from funcnet.optim.loss_scaling import static_loss_scale as static_loss_scale
from funcnet.optim.mechanic import MechanicState as MechanicState
from funcnet.optim.mechanic import mechanize as mechanize
from funcnet.optim.mixing import ScaleByAdanState as ScaleByAdanState
from funcnet.optim.mixing import ScaleByAdemamixState as ScaleByAdemamixState
from funcnet.optim.mixing import adan as adan
from funcnet.optim.mixing import ademamix as ademamix
from funcnet.optim.mixing import scale_by_adan as scale_by_adan
from funcnet.optim.mixing import scale_by_ademamix as scale_by_ademamix
from funcnet.optim.momo import MomoAdamState as MomoAdamState
from funcnet.optim.momo import MomoState as MomoState
from funcnet.optim.momo import momo as momo
from funcnet.optim.momo import momo_adam as momo_adam
from funcnet.optim.monitoring import SnapshotState as SnapshotState
from funcnet.optim.monitoring import snapshot as snapshot
from funcnet.optim.muon import ScaleByMuonState as ScaleByMuonState
from funcnet.optim.muon import muon as muon
from funcnet.optim.muon import orthogonalize as orthogonalize
from funcnet.optim.muon import scale_by_muon as scale_by_muon
from funcnet.optim.newton import Result as Result
from funcnet.optim.newton import gauss_newton as gauss_newton
from funcnet.optim.newton import levenberg_marquardt as levenberg_marquardt
from funcnet.optim.newton import newton_cg as newton_cg
from funcnet.optim.noise import AddNoiseState as AddNoiseState
from funcnet.optim.noise import DifferentiallyPrivateAggregateState as DifferentiallyPrivateAggregateState
from funcnet.optim.noise import add_noise as add_noise
from funcnet.optim.noise import differentially_private_aggregate as differentially_private_aggregate
from funcnet.optim.noisy import noisy_sgd as noisy_sgd
from funcnet.optim.novograd import ScaleByNovogradState as ScaleByNovogradState
from funcnet.optim.novograd import novograd as novograd
from funcnet.optim.novograd import scale_by_novograd as scale_by_novograd
from funcnet.optim.optimistic import ScaleByOptimisticGradientState as ScaleByOptimisticGradientState
from funcnet.optim.optimistic import optimistic_adam_v2 as optimistic_adam_v2
from funcnet.optim.optimistic import optimistic_gradient_descent as optimistic_gradient_descent
from funcnet.optim.optimistic import scale_by_optimistic_gradient as scale_by_optimistic_gradient
from funcnet.optim.per_example import per_example_global_norm_clip as per_example_global_norm_clip
from funcnet.optim.per_example import per_example_layer_norm_clip as per_example_layer_norm_clip
from funcnet.optim.plateau import ReduceOnPlateauState as ReduceOnPlateauState
from funcnet.optim.plateau import reduce_on_plateau as reduce_on_plateau
from funcnet.optim.polyak import ScaleByPolyakState as ScaleByPolyakState
from funcnet.optim.polyak import polyak_sgd as polyak_sgd
from funcnet.optim.polyak import scale_by_polyak as scale_by_polyak
from funcnet.optim.prodigy import DadaptAdamwState as DadaptAdamwState
from funcnet.optim.prodigy import ProdigyState as ProdigyState
from funcnet.optim.prodigy import dadapt_adamw as dadapt_adamw
from funcnet.optim.prodigy import prodigy as prodigy
from funcnet.optim.radam import ScaleByRadamState as ScaleByRadamState
from funcnet.optim.radam import radam as radam
from funcnet.optim.radam import scale_by_radam as scale_by_radam
from funcnet.optim.raveling import ravel as ravel
from funcnet.optim.rms import ScaleByRmsState as ScaleByRmsState
from funcnet.optim.rms import ScaleByStddevState as ScaleByStddevState
from funcnet.optim.rms import rmsprop as rmsprop
from funcnet.optim.rms import scale_by_rms as scale_by_rms
from funcnet.optim.rms import scale_by_stddev as scale_by_stddev
from funcnet.optim.rprop import ScaleByRpropState as ScaleByRpropState
from funcnet.optim.rprop import rprop as rprop
from funcnet.optim.rprop import scale_by_rprop as scale_by_rprop
from funcnet.optim.sam import SamState as SamState
from funcnet.optim.sam import sam as sam
from funcnet.optim.schedule_free import ScheduleFreeState as ScheduleFreeState
from funcnet.optim.schedule_free import schedule_free as schedule_free
from funcnet.optim.schedule_free import schedule_free_adamw as schedule_free_adamw
from funcnet.optim.schedule_free import schedule_free_eval_params as schedule_free_eval_params
from funcnet.optim.schedule_free import schedule_free_sgd as schedule_free_sgd
from funcnet.optim.selecting import freeze as freeze
from funcnet.optim.selecting import masked as masked
from funcnet.optim.selecting import partition as partition
from funcnet.optim.sgd import ScaleState as ScaleState
from funcnet.optim.sgd import SgdState as SgdState
from funcnet.optim.sgd import scale as scale
from funcnet.optim.sgd import scale_by_learning_rate as scale_by_learning_rate
from funcnet.optim.sgd import sgd as sgd
from funcnet.optim.sign import ScaleByLionState as ScaleByLionState
from funcnet.optim.sign import ScaleBySignState as ScaleBySignState
from funcnet.optim.sign import ScaleBySignumState as ScaleBySignumState
from funcnet.optim.sign import lion as lion
from funcnet.optim.sign import scale_by_lion as scale_by_lion
from funcnet.optim.sign import scale_by_sign as scale_by_sign
from funcnet.optim.sign import scale_by_signum as scale_by_signum
from funcnet.optim.sign import sign_sgd as sign_sgd
from funcnet.optim.sign import signum as signum
from funcnet.optim.sm3 import ScaleBySm3State as ScaleBySm3State
from funcnet.optim.sm3 import scale_by_sm3 as scale_by_sm3
from funcnet.optim.sm3 import sm3 as sm3
from funcnet.optim.sophia import HutchinsonState as HutchinsonState
from funcnet.optim.sophia import ScaleBySophiaState as ScaleBySophiaState
from funcnet.optim.sophia import hutchinson_diagonal as hutchinson_diagonal
from funcnet.optim.sophia import scale_by_sophia as scale_by_sophia
from funcnet.optim.sophia import sophia as sophia
from funcnet.optim.trace import TraceState as TraceState
from funcnet.optim.trace import trace as trace
from funcnet.optim.transform import Transform as Transform
from funcnet.optim.transform import apply_updates as apply_updates
from funcnet.optim.transform import chain as chain
from funcnet.optim.transform import takes as takes
from funcnet.optim.weight_decay import DecayState as DecayState
from funcnet.optim.weight_decay import add_decayed_weights as add_decayed_weights
from funcnet.optim.zoom import ScaleByZoomLinesearchState as ScaleByZoomLinesearchState
from funcnet.optim.zoom import scale_by_zoom_linesearch as scale_by_zoom_linesearch
from funcnet.optim.zoom import value_and_grad_from_state as value_and_grad_from_state

__all__ = [
    "AccumulateState",
    "AdamState",
    "AdaptiveClipState",
    "AddNoiseState",
    "ApplyEveryState",
    "ApplyIfFiniteState",
    "AsgdState",
    "AverageState",
    "ClipState",
    "ConditionalState",
    "CountState",
    "DadaptAdamwState",
    "DecayState",
    "DifferentiallyPrivateAggregateState",
    "EmaState",
    "FromageState",
    "FtrlState",
    "HutchinsonState",
    "Line",
    "LinearResult",
    "LookaheadState",
    "LossScale",
    "LossScaleState",
    "MechanicState",
    "MomoAdamState",
    "MomoState",
    "NormalizeState",
    "ProdigyState",
    "ReduceOnPlateauState",
    "Result",
    "SamState",
    "ScaleByAdadeltaState",
    "ScaleByAdahessianState",
    "ScaleByAdamState",
    "ScaleByAdamaxState",
    "ScaleByAdanState",
    "ScaleByAdemamixState",
    "ScaleByAdoptState",
    "ScaleByAmsgradState",
    "ScaleByBacktrackingLinesearchState",
    "ScaleByBeliefState",
    "ScaleByCocobState",
    "ScaleByDogState",
    "ScaleByDowgState",
    "ScaleByFactoredRmsState",
    "ScaleByGaloreState",
    "ScaleByLbfgsState",
    "ScaleByLionState",
    "ScaleByMadgradState",
    "ScaleByMuonState",
    "ScaleByNadamState",
    "ScaleByNovogradState",
    "ScaleByOptimisticGradientState",
    "ScaleByParamBlockState",
    "ScaleByPolyakState",
    "ScaleByRadamState",
    "ScaleByRmsState",
    "ScaleByRpropState",
    "ScaleByRssState",
    "ScaleBySignState",
    "ScaleBySignumState",
    "ScaleBySm3State",
    "ScaleBySophiaState",
    "ScaleByStddevState",
    "ScaleByTrustRatioState",
    "ScaleByYogiState",
    "ScaleByZoomLinesearchState",
    "ScaleState",
    "ScheduleFreeState",
    "ScipyResult",
    "SgdState",
    "SnapshotState",
    "StochasticWeightAveragingState",
    "TraceState",
    "Transform",
    "ZeroNansState",
    "accumulate",
    "acprop",
    "adabelief",
    "adadelta",
    "adafactor",
    "adagrad",
    "adahessian",
    "adam",
    "adamax",
    "adamaxw",
    "adamw",
    "adan",
    "adaptive_grad_clip",
    "add_decayed_weights",
    "add_noise",
    "ademamix",
    "adopt",
    "all_finite",
    "amsgrad",
    "apply_every",
    "apply_if_finite",
    "apply_updates",
    "asgd",
    "average_params",
    "centralize",
    "cg",
    "chain",
    "check_function",
    "choose",
    "clip",
    "clip_by_block_rms",
    "clip_by_global_norm",
    "clip_by_norm",
    "cocob",
    "conditionally_mask",
    "conditionally_transform",
    "dadapt_adamw",
    "differentially_private_aggregate",
    "dog",
    "dot",
    "dowg",
    "dynamic_loss_scale",
    "ema",
    "freeze",
    "fromage",
    "ftrl",
    "galore",
    "gauss_newton",
    "get_hyperparams",
    "given_value",
    "global_norm",
    "hutchinson_diagonal",
    "keep_params_nonnegative",
    "lamb",
    "lars",
    "lbfgs",
    "least_squares",
    "levenberg_marquardt",
    "lion",
    "lookahead",
    "madgrad",
    "masked",
    "mechanize",
    "minimize",
    "momo",
    "momo_adam",
    "muon",
    "nadam",
    "nadamw",
    "newton_cg",
    "noisy_sgd",
    "normalize_by_update_norm",
    "novograd",
    "optimistic_adam_v2",
    "optimistic_gradient_descent",
    "orthogonalize",
    "partition",
    "per_example_global_norm_clip",
    "per_example_layer_norm_clip",
    "polyak_sgd",
    "prodigy",
    "project",
    "projections",
    "radam",
    "ravel",
    "reduce_on_plateau",
    "required",
    "rmsprop",
    "root",
    "rprop",
    "sam",
    "scale",
    "scale_by_acprop",
    "scale_by_adadelta",
    "scale_by_adahessian",
    "scale_by_adam",
    "scale_by_adamax",
    "scale_by_adan",
    "scale_by_ademamix",
    "scale_by_adopt",
    "scale_by_amsgrad",
    "scale_by_backtracking_linesearch",
    "scale_by_belief",
    "scale_by_cocob",
    "scale_by_dog",
    "scale_by_dowg",
    "scale_by_factored_rms",
    "scale_by_galore",
    "scale_by_lbfgs",
    "scale_by_learning_rate",
    "scale_by_lion",
    "scale_by_madgrad",
    "scale_by_muon",
    "scale_by_nadam",
    "scale_by_novograd",
    "scale_by_optimistic_gradient",
    "scale_by_param_block_norm",
    "scale_by_param_block_rms",
    "scale_by_polyak",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_rprop",
    "scale_by_rss",
    "scale_by_sign",
    "scale_by_signum",
    "scale_by_sm3",
    "scale_by_sophia",
    "scale_by_stddev",
    "scale_by_trust_ratio",
    "scale_by_yogi",
    "scale_by_zoom_linesearch",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
    "schedules",
    "set_hyperparams",
    "set_to_zero",
    "sgd",
    "sign_sgd",
    "signum",
    "skip_large_updates",
    "skip_not_finite",
    "sm3",
    "snapshot",
    "sophia",
    "static_loss_scale",
    "stochastic_weight_averaging",
    "takes",
    "trace",
    "value_and_grad_from_state",
    "where",
    "yogi",
    "zero_nans",
]
