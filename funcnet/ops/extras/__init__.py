"""Functions beyond the standard that people expect of an array namespace; each module is loaded at its first use."""

from typing import TYPE_CHECKING

from funcnet.surface import lazily as _lazily

if TYPE_CHECKING:
    from funcnet.ops.extras.angles import angle as angle
    from funcnet.ops.extras.angles import deg2rad as deg2rad
    from funcnet.ops.extras.angles import rad2deg as rad2deg
    from funcnet.ops.extras.angles import sinc as sinc
    from funcnet.ops.extras.assembling import atleast_1d as atleast_1d
    from funcnet.ops.extras.assembling import atleast_2d as atleast_2d
    from funcnet.ops.extras.assembling import atleast_3d as atleast_3d
    from funcnet.ops.extras.assembling import block as block
    from funcnet.ops.extras.assembling import column_stack as column_stack
    from funcnet.ops.extras.assembling import dstack as dstack
    from funcnet.ops.extras.assembling import hstack as hstack
    from funcnet.ops.extras.assembling import vstack as vstack
    from funcnet.ops.extras.calculus import gradient as gradient
    from funcnet.ops.extras.calculus import trapezoid as trapezoid
    from funcnet.ops.extras.choosing import apply_where as apply_where
    from funcnet.ops.extras.choosing import one_hot as one_hot
    from funcnet.ops.extras.choosing import select as select
    from funcnet.ops.extras.closeness import allclose as allclose
    from funcnet.ops.extras.closeness import array_equal as array_equal
    from funcnet.ops.extras.closeness import isclose as isclose
    from funcnet.ops.extras.contraction import einsum as einsum
    from funcnet.ops.extras.covariance import corrcoef as corrcoef
    from funcnet.ops.extras.covariance import cov as cov
    from funcnet.ops.extras.editing import append as append
    from funcnet.ops.extras.editing import delete as delete
    from funcnet.ops.extras.editing import insert as insert
    from funcnet.ops.extras.histograms import histogram as histogram
    from funcnet.ops.extras.histograms import segment_sum as segment_sum
    from funcnet.ops.extras.interpolation import interp as interp
    from funcnet.ops.extras.nan import nan_to_num as nan_to_num
    from funcnet.ops.extras.nan import nanmax as nanmax
    from funcnet.ops.extras.nan import nanmean as nanmean
    from funcnet.ops.extras.nan import nanmin as nanmin
    from funcnet.ops.extras.nan import nanprod as nanprod
    from funcnet.ops.extras.nan import nanstd as nanstd
    from funcnet.ops.extras.nan import nansum as nansum
    from funcnet.ops.extras.nan import nanvar as nanvar
    from funcnet.ops.extras.order_statistics import median as median
    from funcnet.ops.extras.order_statistics import nanmedian as nanmedian
    from funcnet.ops.extras.order_statistics import percentile as percentile
    from funcnet.ops.extras.order_statistics import quantile as quantile
    from funcnet.ops.extras.padding import pad as pad
    from funcnet.ops.extras.polynomials import polyval as polyval
    from funcnet.ops.extras.polynomials import vander as vander
    from funcnet.ops.extras.products import convolve as convolve
    from funcnet.ops.extras.products import dot as dot
    from funcnet.ops.extras.products import inner as inner
    from funcnet.ops.extras.products import kron as kron
    from funcnet.ops.extras.products import outer as outer
    from funcnet.ops.extras.rearrangement import array_split as array_split
    from funcnet.ops.extras.rearrangement import ravel as ravel
    from funcnet.ops.extras.rearrangement import rot90 as rot90
    from funcnet.ops.extras.rearrangement import split as split
    from funcnet.ops.extras.rearrangement import swapaxes as swapaxes

#: Name -> module.
_HOME = {
    "allclose": "closeness",
    "angle": "angles",
    "append": "editing",
    "apply_where": "choosing",
    "array_equal": "closeness",
    "array_split": "rearrangement",
    "atleast_1d": "assembling",
    "atleast_2d": "assembling",
    "atleast_3d": "assembling",
    "block": "assembling",
    "column_stack": "assembling",
    "convolve": "products",
    "corrcoef": "covariance",
    "cov": "covariance",
    "deg2rad": "angles",
    "delete": "editing",
    "dot": "products",
    "dstack": "assembling",
    "einsum": "contraction",
    "gradient": "calculus",
    "histogram": "histograms",
    "hstack": "assembling",
    "inner": "products",
    "insert": "editing",
    "interp": "interpolation",
    "isclose": "closeness",
    "kron": "products",
    "median": "order_statistics",
    "nan_to_num": "nan",
    "nanmax": "nan",
    "nanmean": "nan",
    "nanmedian": "order_statistics",
    "nanmin": "nan",
    "nanprod": "nan",
    "nanstd": "nan",
    "nansum": "nan",
    "nanvar": "nan",
    "one_hot": "choosing",
    "outer": "products",
    "pad": "padding",
    "percentile": "order_statistics",
    "polyval": "polynomials",
    "quantile": "order_statistics",
    "rad2deg": "angles",
    "ravel": "rearrangement",
    "rot90": "rearrangement",
    "segment_sum": "histograms",
    "select": "choosing",
    "sinc": "angles",
    "split": "rearrangement",
    "swapaxes": "rearrangement",
    "trapezoid": "calculus",
    "vander": "polynomials",
    "vstack": "assembling",
}

__all__ = [
    "allclose",
    "angle",
    "append",
    "apply_where",
    "array_equal",
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "column_stack",
    "convolve",
    "corrcoef",
    "cov",
    "deg2rad",
    "delete",
    "dot",
    "dstack",
    "einsum",
    "gradient",
    "histogram",
    "hstack",
    "inner",
    "insert",
    "interp",
    "isclose",
    "kron",
    "median",
    "nan_to_num",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "one_hot",
    "outer",
    "pad",
    "percentile",
    "polyval",
    "quantile",
    "rad2deg",
    "ravel",
    "rot90",
    "segment_sum",
    "select",
    "sinc",
    "split",
    "swapaxes",
    "trapezoid",
    "vander",
    "vstack",
]


if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(__name__, _HOME)
