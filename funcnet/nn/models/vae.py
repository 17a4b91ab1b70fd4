"""The variational autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.children import Children
from funcnet.nn.dense import dense
from funcnet.nn.functional import softplus
from funcnet.nn.layer import Layer
from funcnet.nn.mlp import mlp
from funcnet.nn.models.building import check_counts
from funcnet.nn.plain import needed_key
from funcnet.nn.spec import as_spec, beside

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VAE", "vae", "vae_loss"]


class VAE(Layer):
    """A variational autoencoder: a layer, with its parts at hand.

    Attributes
    ----------
    encoder, mean, log_var, decoder : Layer
        The parts, of which the parameters are the entries of the same names.
    """

    encoder: Layer
    mean: Layer
    log_var: Layer
    decoder: Layer


def vae(
    features: int | None = None,
    *,
    latent: int = 20,
    hidden: Sequence[int] = (400,),
    activation: str = "relu",
    encoder: Layer | None = None,
    decoder: Layer | None = None,
    dtype: Any = None,
) -> VAE:
    r"""Return a variational autoencoder: inputs to a distribution of latent variables, and these back to inputs.

    The encoder gives the mean :math:`\mu` and the logarithm of the variance :math:`\log \sigma^2` of each latent
    variable. In training, and wherever there is a key, :math:`z = \mu + \sigma \epsilon` with :math:`\epsilon` from the
    normal distribution, so that derivatives flow into :math:`\mu` and :math:`\sigma`; elsewhere :math:`z = \mu`.

    Parameters
    ----------
    features : int, optional
        Number of features of the inputs; needed where there is no `decoder`.
    latent : int, default 20
        Number of latent variables.
    hidden : sequence of int, default (400,)
        Features of the encoder's dense layers; the decoder has them in reverse.
    activation : str, default "relu"
        What follows each of them, see `activation`.
    encoder : Layer, optional
        In place of the dense layers: from inputs to features, of shape (batch, n).
    decoder : Layer, optional
        In place of the dense layers: from latent variables, of shape (batch, latent), to logits of inputs.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    VAE
        A layer. ``apply`` returns a dict: ``logits``, of which the sigmoid reproduces the input, ``mean`` and
        ``log_var``. Its parameters are ``encoder``, ``mean``, ``log_var`` and ``decoder``; to draw new examples apply
        ``model.decoder`` to noise.

    Raises
    ------
    ParameterError
        If an argument is out of range, or there is neither `features` nor `decoder`; by ``apply``: if the key is
        missing in training.

    See Also
    --------
    vae_loss : what it is trained with.

    References
    ----------
    .. [1] D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014, arXiv:1312.6114.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> model = nn.models.vae(6, latent=2, hidden=[8])
    >>> x = np.ones((3, 6), dtype="float32")
    >>> params, state = model.init(random.key(0), x.shape)
    >>> out, state = model.apply(params, state, x, key=random.key(1), train=True)
    >>> out["logits"].shape, out["mean"].shape
    ((3, 6), (3, 2))
    >>> noise = random.normal(random.key(2), (4, 2))
    >>> model.decoder.apply(params["decoder"], {}, noise)[0].shape
    (4, 6)
    """
    check_counts("vae", latent=latent, hidden=list(hidden), **({} if features is None else {"features": features}))
    if decoder is None and features is None:
        raise ParameterError(
            "nn.models.vae makes its decoder for a number of features.",
            found="neither features nor decoder",
            needed="one of them",
            write="nn.models.vae(784)",
        )
    if encoder is None:
        encoder = mlp(list(hidden), activation=activation, last=activation, dtype=dtype)
    if decoder is None:
        assert features is not None
        decoder = mlp([*reversed(list(hidden)), features], activation=activation, dtype=dtype)
    layers: dict[str, Any] = {
        "encoder": encoder,
        "mean": dense(latent, dtype=dtype),
        "log_var": dense(latent, dtype=dtype),
        "decoder": decoder,
    }
    children = Children("vae", (), layers)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = children.path()
        with beside(key):
            found = children.init(path, 0, key, as_spec(spec), params, state)
            z = children.init(path, 1, key, found, params, state)
            children.init(path, 2, key, found, params, state)
            children.init(path, 3, key, z, params, state)
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = children.path()
        children.check(path, params, state)
        if train:
            needed_key(path, key)
        after: dict[str, Any] = {}
        found = children.apply(path, 0, params, state, after, x, key, train)
        mean = children.apply(path, 1, params, state, after, found, None, train)
        log_var = children.apply(path, 2, params, state, after, found, None, train)
        z = mean
        if key is not None:
            noise = random.normal(random.fold_in(key, len(children)), tuple(mean.shape), dtype=mean.dtype)
            z = mean + xp.exp(0.5 * log_var) * noise
        logits = children.apply(path, 3, params, state, after, z, key, train)
        return {"logits": logits, "mean": mean, "log_var": log_var}, after

    model = VAE(init, apply)
    for name, layer in layers.items():
        setattr(model, name, layer)
    return model


def vae_loss(out: Any, x: Any, *, beta: float = 1.0) -> Any:
    r"""Return the negative evidence lower bound of a variational autoencoder, averaged over the batch.

    .. math:: -\sum_i \big(x_i \log p_i + (1 - x_i) \log(1 - p_i)\big)
              + \frac{\beta}{2} \sum_j \big(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2\big)

    with :math:`p` the sigmoid of the logits: inputs are taken as probabilities, the prior as normally distributed.

    Parameters
    ----------
    out : dict
        What `vae` returns.
    x : array
        The inputs, from 0 to 1, of the shape of the logits.
    beta : float, default 1
        Weight of the second term, the divergence from the prior.

    Returns
    -------
    array, 0-d
        The loss.

    Raises
    ------
    ShapeError
        If inputs and logits have different shapes.

    References
    ----------
    .. [1] D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014, arXiv:1312.6114.
    .. [2] I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational framework",
       ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> out = {"logits": np.zeros((1, 2)), "mean": np.zeros((1, 1)), "log_var": np.zeros((1, 1))}
    >>> bool(np.isclose(nn.models.vae_loss(out, np.ones((1, 2))), 2 * np.log(2)))
    True
    """
    logits, mean, log_var = out["logits"], out["mean"], out["log_var"]
    if tuple(logits.shape) != tuple(x.shape):
        raise ShapeError(
            "nn.models.vae_loss compares inputs with what the decoder makes of them.",
            found=f"inputs of shape {tuple(x.shape)}, logits of shape {tuple(logits.shape)}",
            needed="one shape",
        )
    fit = xp.sum(softplus(logits) - logits * x)
    divergence = 0.5 * xp.sum(mean * mean + (xp.expm1(log_var) - log_var))
    return (fit + beta * divergence) / x.shape[0]
