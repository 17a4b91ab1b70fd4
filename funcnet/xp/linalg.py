"""The linear algebra of the standard, as ``xp.linalg``, and functions of matrices; differentiable.

All functions take stacks of matrices: arrays of shape ``(..., M, N)``. Matrices that an algorithm cannot handle, such
as singular ones in `solve`, raise the ``LinAlgError`` of their own array library.
"""

from typing import TYPE_CHECKING

from funcnet.ops.linalg.determinants import det as det
from funcnet.ops.linalg.determinants import slogdet as slogdet
from funcnet.ops.linalg.factorisations import cholesky as cholesky
from funcnet.ops.linalg.factorisations import qr as qr
from funcnet.ops.linalg.matrix_functions import expm as expm
from funcnet.ops.linalg.matrix_functions import logm as logm
from funcnet.ops.linalg.matrix_functions import sqrtm as sqrtm
from funcnet.ops.linalg.norms import matrix_norm as matrix_norm
from funcnet.ops.linalg.norms import vector_norm as vector_norm
from funcnet.ops.linalg.products import cross as cross
from funcnet.ops.linalg.products import diagonal as diagonal
from funcnet.ops.linalg.products import matrix_power as matrix_power
from funcnet.ops.linalg.products import outer as outer
from funcnet.ops.linalg.products import trace as trace
from funcnet.ops.linalg.pseudoinverse import matrix_rank as matrix_rank
from funcnet.ops.linalg.pseudoinverse import pinv as pinv
from funcnet.ops.linalg.singular import svd as svd
from funcnet.ops.linalg.singular import svdvals as svdvals
from funcnet.ops.linalg.solving import inv as inv
from funcnet.ops.linalg.solving import solve as solve
from funcnet.ops.linalg.spectra import eig as eig
from funcnet.ops.linalg.spectra import eigh as eigh
from funcnet.ops.linalg.spectra import eigvals as eigvals
from funcnet.ops.linalg.spectra import eigvalsh as eigvalsh
from funcnet.ops.linear_algebra import matmul as matmul
from funcnet.ops.linear_algebra import matrix_transpose as matrix_transpose
from funcnet.ops.linear_algebra import tensordot as tensordot
from funcnet.ops.linear_algebra import vecdot as vecdot
from funcnet.surface import lazily as _lazily

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "inv",
    "logm",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "sqrtm",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]

if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(
        __name__,
        {},
        spelt={
            "cho_factor": "xp.linalg.cholesky",
            "cho_solve": "xp.linalg.solve(a, b) with the matrix itself",
            "lstsq": "xp.linalg.pinv(a) @ b",
            "multi_dot": "a @ b @ c",
            "norm": "xp.linalg.vector_norm or xp.linalg.matrix_norm",
            "solve_triangular": "xp.linalg.solve(xp.tril(a), b)",
        },
    )
