"""GaLore: optimizers in a subspace of low rank."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import control, tree, xp
from funcnet.optim.adam import scale_by_adam
from funcnet.optim.building import Number, Step, build, check_count, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = ["ScaleByGaloreState", "galore", "scale_by_galore"]


class ScaleByGaloreState(NamedTuple):
    """State of `scale_by_galore`; projectors of what is no matrix are empty."""

    count: Any
    scale: Any
    projectors: Any
    inner: Any


def scale_by_galore(
    *, rank: int = 128, update_proj_gap: int = 200, scale: Rate = 1.0, inner: Transform | None = None
) -> Transform:
    r"""Return the transform that applies another one to gradients of low rank.

    With the first r singular vectors P of a matrix's gradient on its longer side, found anew every so many updates,

    .. math:: u_t = c \, P \, \mathrm{inner}(P^T g_t)

    and the same from the right for wide matrices. Arrays of other than two dimensions go to `inner` whole.

    Parameters
    ----------
    rank : int, default 128
        r.
    update_proj_gap : int, default 200
        The number of updates that keep a projection.
    scale : float, array of shape () or callable
        c; a function gets the number of updates made before.
    inner : Transform, optional
        The other transform, which must not make use of parameters: it gets gradients in their place. By default
        `scale_by_adam`.

    Returns
    -------
    Transform
        Its state is a `ScaleByGaloreState`, whose moments have low rank.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] J. Zhao et al., "GaLore: memory-efficient LLM training by gradient low-rank projection", ICML 2024,
       arXiv:2403.03507.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_galore(rank=1)
    >>> params = np.zeros((3, 2))
    >>> updates, state = opt.update(np.ones((3, 2)), opt.init(params), params)
    >>> updates.round(4)[0], state.inner.mu.shape
    (array([0.5774, 0.5774]), (1, 2))
    """
    check_count("scale_by_galore", "rank", rank)
    check_count("scale_by_galore", "update_proj_gap", update_proj_gap)
    base = scale_by_adam() if inner is None else inner

    def begin(p: Any) -> Any:
        """Return a projector of zeros, of the shape that it will have."""
        if p.ndim != 2:
            return xp.reshape(zeros(p), (-1,))[:0]
        blank = zeros(p) if p.shape[0] >= p.shape[1] else xp.matrix_transpose(zeros(p))
        return blank[:, : min(rank, *p.shape)]

    def found(g: Any, old: Any) -> Any:  # noqa: ARG001  # one signature for both
        u, _, v = xp.linalg.svd(g, full_matrices=False)
        return (u if g.shape[0] >= g.shape[1] else xp.matrix_transpose(v))[:, : min(rank, *g.shape)]

    def kept(g: Any, old: Any) -> Any:  # noqa: ARG001
        return old

    def lowered(g: Any, projector: Any) -> Any:
        if g.ndim != 2:
            return g
        projector = xp.astype(projector, g.dtype)
        if g.shape[0] >= g.shape[1]:
            return xp.matmul(xp.matrix_transpose(projector), g)
        return xp.matmul(g, projector)

    def proxy(p: Any) -> Any:
        return lowered(zeros(p), begin(p))

    def begin_inner(params: Any) -> Any:
        return base.init(tree.map(proxy, params))

    def raised(u: Any, low: Any, projector: Any, factor: Any) -> tuple[Any, Any, Any]:
        if u.ndim != 2:
            return low, low, projector
        tall = u.shape[0] >= u.shape[1]
        back = xp.matmul(projector, low) if tall else xp.matmul(low, xp.matrix_transpose(projector))
        return back * factor, low, projector

    def whole(step: Step) -> list[Any]:
        (projectors,) = step.columns
        anew = xp.remainder(step.before, update_proj_gap) == 0
        low: list[Any] = []
        stand_in: list[Any] = []
        for i, (g, p) in enumerate(zip(step.grads, step.params, strict=True)):
            if p is None:
                low.append(None)
                stand_in.append(None)
                continue
            if g is not None and g.ndim == 2:
                wide = xp.astype(g, projectors[i].dtype)
                projectors[i] = control.cond(anew, found, kept, wide, projectors[i])
            low.append(None if g is None else lowered(g, projectors[i]))
            stand_in.append(lowered(p * 0, projectors[i]) if g is None else low[-1])
        small, step.inner[0] = step.run(base, step.inner[0], low, stand_in)
        step.columns = [small, projectors]
        updates = step.each(raised, *step.numbers)
        step.columns = [projectors]
        return updates

    return build(
        "scale_by_galore",
        ScaleByGaloreState,
        whole,
        numbers={"scale": Number(scale)},
        columns={"projectors": begin},
        inner={"inner": Transform(begin_inner, base.update)},
    )


def galore(
    learning_rate: Rate,
    *,
    rank: int = 128,
    update_proj_gap: int = 200,
    scale: Rate = 1.0,
    inner: Transform | None = None,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""GaLore: AdamW whose moments of matrices have low rank.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + w \theta_{t-1})` with :math:`u_t` from `scale_by_galore`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    rank, update_proj_gap, scale, inner
        As for `scale_by_galore`.
    weight_decay, mask
        As for `adamw`.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] J. Zhao et al., "GaLore: memory-efficient LLM training by gradient low-rank projection", ICML 2024,
       arXiv:2403.03507.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.galore(0.1, rank=1)
    >>> params = np.zeros((3, 2))
    >>> opt.update(np.ones((3, 2)), opt.init(params), params)[0].round(4)[0]
    array([-0.0577, -0.0577])
    """
    return chain(
        scale_by_galore(rank=rank, update_proj_gap=update_proj_gap, scale=scale, inner=inner),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
