"""Muon: momentum made orthogonal."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from funcnet import tree, xp
from funcnet.errors import ParameterError
from funcnet.optim.adamw import adamw, nadamw
from funcnet.optim.building import Number, Step, build, check_count, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Choice, Mask
from funcnet.optim.selecting import partition
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain, takes
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = ["ScaleByMuonState", "muon", "orthogonalize", "scale_by_muon"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class ScaleByMuonState(NamedTuple):
    """State of `scale_by_muon`."""

    count: Any
    beta: Any
    eps: Any
    mu: Any


def orthogonalize(
    x: Any, *, steps: int = 5, coefficients: tuple[float, float, float] = _COEFFICIENTS, eps: Any = 1e-8
) -> Any:
    r"""Return a matrix with its singular values drawn towards 1, by an iteration of Newton and Schulz.

    :math:`X_0 = X / (\|X\|_F + \epsilon)` and :math:`X_{k+1} = a X_k + (b A + c A^2) X_k` with
    :math:`A = X_k X_k^T`, without a decomposition. With the default coefficients the singular values end between about
    0.7 and 1.2 instead of at 1, in few steps.

    Parameters
    ----------
    x : array of shape (m, n)
        The matrix.
    steps : int, default 5
        The number of steps.
    coefficients : tuple of float
        a, b and c.
    eps : float or array of shape ()
        Not negative.

    Returns
    -------
    array of shape (m, n)
        Of the data type of `x`.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    .. [2] N. J. Higham, "Functions of matrices: theory and computation", SIAM, 2008, chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> x = optim.orthogonalize(np.array([[3.0, 0.0], [0.0, -0.1]]), steps=12, coefficients=(1.5, -0.5, 0.0))
    >>> x.round(4)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else xp.matrix_transpose(x)
    x = x / (xp.sqrt(xp.sum(x * x)) + eps)
    a, b, c = coefficients
    for _ in range(steps):
        square = xp.matmul(x, xp.matrix_transpose(x))
        x = x * a + xp.matmul(square * b + xp.matmul(square, square) * c, x)
    return x if wide else xp.matrix_transpose(x)


def scale_by_muon(
    *,
    steps: int = 5,
    coefficients: tuple[float, float, float] = _COEFFICIENTS,
    beta: Rate = 0.95,
    eps: Rate = 1e-8,
    nesterov: bool = True,
    adaptive: bool = False,
    consistent_rms: float | None = None,
) -> Transform:
    r"""Return the transform of Muon without a learning rate, for arrays of two dimensions and more.

    .. math::

        m_t = \beta m_{t-1} + (1 - \beta) g_t, \quad
        \hat m_t = \frac{\beta m_t}{1 - \beta^{t+1}} + \frac{(1 - \beta) g_t}{1 - \beta^t}, \quad
        u_t = \sqrt{\max(1, n / m)} \; \mathrm{orthogonalize}(\hat m_t)

    The last dimension of an array counts as the n columns of a matrix, the others together as its m rows, as in the
    kernels of dense layers and convolutions.

    Parameters
    ----------
    steps, coefficients
        As for `orthogonalize`.
    beta, eps : float, array of shape () or callable
        Decay of the momentum, from 0 to below 1, and what is added to norms; a function gets the number of updates
        made before.
    nesterov : bool, default True
        Whether the momentum is Nesterov's; else :math:`\hat m_t = m_t / (1 - \beta^t)`.
    adaptive : bool, default False
        Whether steps are also multiplied by the sum of :math:`\hat m_t` times the orthogonal matrix.
    consistent_rms : float, optional
        r, if the factor in front is to be :math:`r \sqrt{\max(m, n)}`, with which the root mean square of steps does
        not depend on the shape; about 0.2 is like Adam.

    Returns
    -------
    Transform
        Its state is a `ScaleByMuonState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if an array has fewer than two dimensions.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    .. [2] J. Liu et al., "Muon is scalable for LLM training", 2025, arXiv:2502.16982.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_muon(steps=12, coefficients=(1.5, -0.5, 0.0))
    >>> params = np.zeros((2, 2))
    >>> opt.update(np.array([[3.0, 0.0], [0.0, -0.1]]), opt.init(params), params)[0].round(4)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    check_count("scale_by_muon", "steps", steps)

    def rule(g: Any, mu: Any, beta: Any, eps: Any, of_mean: Any, of_gradient: Any) -> tuple[Any, Any]:
        if g.ndim < 2:
            raise ParameterError(
                "optim.scale_by_muon got an array that is no matrix.",
                found=f"shape {tuple(g.shape)}",
                needed="two dimensions or more",
                write="optim.muon, which gives other arrays to Adam",
            )
        mu = mu * beta + g * (1 - beta)
        ahead = mu * of_mean + g * of_gradient if nesterov else mu * of_mean
        rows, columns = prod(g.shape[:-1]), g.shape[-1]
        step = orthogonalize(xp.reshape(ahead, (rows, columns)), steps=steps, coefficients=coefficients, eps=eps)
        step = xp.reshape(step, tuple(g.shape))
        if adaptive:
            step = step * xp.sum(ahead * step)
        factor = max(1.0, columns / max(rows, 1)) ** 0.5
        return step * (factor if consistent_rms is None else max(rows, columns) ** 0.5 * consistent_rms), mu

    def whole(step: Step) -> list[Any]:
        beta, eps = step.numbers
        power = beta**step.t
        of_mean = beta / (1 - power * beta) if nesterov else 1 / (1 - power)
        return step.each(rule, beta, eps, of_mean, (1 - beta) / (1 - power))

    return build(
        "scale_by_muon",
        ScaleByMuonState,
        whole,
        numbers={"beta": Number(beta, 0.0, 1.0), "eps": Number(eps)},
        columns={"mu": zeros},
    )


def muon(
    learning_rate: Rate,
    *,
    steps: int = 5,
    coefficients: tuple[float, float, float] = _COEFFICIENTS,
    beta: Rate = 0.95,
    eps: float = 1e-8,
    nesterov: bool = True,
    adaptive: bool = False,
    consistent_rms: float | None = None,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
    matrices: Mask = None,
    adam_learning_rate: Rate | None = None,
    adam_b1: float = 0.9,
    adam_b2: float = 0.999,
    adam_weight_decay: Rate = 0.0,
) -> Transform:
    r"""Muon for matrices, Adam for the rest.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + w \theta_{t-1})` with :math:`u_t` from `scale_by_muon`, and `nadamw`
    (`adamw` without Nesterov's momentum) for what is no matrix.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    steps, coefficients, beta, eps, nesterov, adaptive, consistent_rms
        As for `scale_by_muon`; Adam has the same `eps`.
    weight_decay, mask
        As for `adamw`, for matrices.
    matrices : callable or pytree of bools, optional
        Which parameters are matrices, see `add_decayed_weights`; by default those of two dimensions. Embeddings and the
        last layer usually are better with Adam, kernels of convolutions may be better with Muon.
    adam_learning_rate : float, array of shape () or callable, optional
        The rate of the rest; by default that of the matrices.
    adam_b1, adam_b2, adam_weight_decay
        As for `adamw`, for the rest.

    Returns
    -------
    Transform
        Its state is that of `partition`, with the labels ``"muon"`` and ``"adam"``.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.muon(0.1, steps=12, coefficients=(1.5, -0.5, 0.0))
    >>> params = {"bias": np.zeros(2), "kernel": np.zeros((2, 2))}
    >>> grads = {"bias": np.array([3.0, -0.5]), "kernel": np.array([[3.0, 0.0], [0.0, -0.1]])}
    >>> updates, _ = opt.update(grads, opt.init(params), params)
    >>> updates["kernel"].round(4) + 0.0
    array([[-0.1,  0. ],
           [ 0. ,  0.1]])
    """
    choice = Choice("muon", matrices)
    of_matrices = chain(
        scale_by_muon(
            steps=steps,
            coefficients=coefficients,
            beta=beta,
            eps=eps,
            nesterov=nesterov,
            adaptive=adaptive,
            consistent_rms=consistent_rms,
        ),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
    of_others = (nadamw if nesterov else adamw)(
        learning_rate if adam_learning_rate is None else adam_learning_rate,
        b1=adam_b1,
        b2=adam_b2,
        eps=eps,
        weight_decay=adam_weight_decay,
    )

    def parted(params: Any) -> Transform:
        leaves, structure = tree.flatten(params)
        wanted = [p.ndim == 2 for p in leaves] if matrices is None else choice.of(structure)
        labels = tree.unflatten(structure, ["muon" if one else "adam" for one in wanted])
        return partition({"muon": of_matrices, "adam": of_others}, labels)

    def init(params: Any) -> Any:
        return parted(params).init(params)

    @takes()
    def update(updates: Any, state: Any, params: Any) -> tuple[Any, Any]:
        return parted(params).update(updates, state, params)

    return Transform(init, update)
