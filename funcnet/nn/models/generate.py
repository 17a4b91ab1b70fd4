"""Sequences drawn from a model, token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.control import scan
from funcnet.errors import ParameterError
from funcnet.nn.attention_cache import init_cache
from funcnet.nn.models.building import check_counts

if TYPE_CHECKING:
    from funcnet.nn.layer import Layer

__all__ = ["generate"]


def generate(
    layer: Layer,
    params: Any,
    prompt: Any,
    steps: int,
    *,
    key: Any = None,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Any:
    r"""Return sequences of tokens continued by a model, each token drawn given all before.

    The prompt runs at once; then each step runs one token, with keys and values of those before from the cache. Under
    `funcnet.jit` the steps are one loop.

    Parameters
    ----------
    layer : Layer
        A model with a cache: ``nn.models.gpt(..., cache=n)`` with n at least the length of prompt and steps together.
    params : pytree
        Its parameters.
    prompt : array of integers, shape (batch, length)
        The tokens to continue, at least one.
    steps : int
        How many tokens to add.
    key : array, optional
        Random key; may be omitted at temperature 0 only.
    temperature : float, default 1
        The logits are divided by it: below 1 likely tokens become more likely. At 0 the likeliest token is taken.
    top_k : int, optional
        If given, tokens are drawn from so many of the likeliest only; all that equal the last one of these count.

    Returns
    -------
    array of integers, shape (batch, length + steps)
        The prompt with what follows.

    Raises
    ------
    ParameterError
        If the model has no cache or too small a one, the key is missing, or an argument is out of range.

    References
    ----------
    .. [1] A. Fan, M. Lewis, Y. Dauphin, "Hierarchical neural story generation", ACL 2018, for `top_k`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> model = nn.models.gpt(5, layers=1, heads=1, features=4, length=8, cache=8)
    >>> prompt = np.array([[0, 1, 2]])
    >>> params, _ = model.init(random.key(0), prompt)
    >>> nn.models.generate(model, params, prompt, 3, key=random.key(1), temperature=0.8, top_k=3).shape
    (1, 6)
    """
    check_counts("generate", steps=steps, **({} if top_k is None else {"top_k": top_k}))
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not temperature >= 0:
        raise ParameterError(
            "nn.models.generate divides logits by the temperature.",
            found=f"temperature={temperature!r}",
            needed="a number of at least 0",
        )
    if key is None and temperature:
        raise ParameterError(
            "nn.models.generate needs a random key.",
            found=f"key=None and temperature={temperature!r}",
            needed="a key, or temperature=0 for the likeliest token",
            write="nn.models.generate(layer, params, prompt, 100, key=random.key(0))",
        )
    if len(prompt.shape) != 2 or not prompt.shape[1]:
        raise ParameterError(
            "nn.models.generate continues a batch of sequences.",
            found=f"a prompt of shape {tuple(prompt.shape)}",
            needed="integers of shape (batch, length), of at least one token",
            write="xp.expand_dims(ids, axis=0) for a single sequence",
        )
    state = init_cache(layer, params, prompt)
    if not state:
        raise ParameterError(
            "nn.models.generate needs a model that decodes.",
            found="a model without state",
            needed="one with a cache",
            write=f"nn.models.gpt(..., cache={prompt.shape[1] + steps}); it takes the same parameters",
        )

    def drawn(logits: Any, step: Any) -> Any:
        """Return the next tokens, of shape (batch, 1)."""
        last = logits[:, -1, :]
        if not temperature:
            found = xp.argmax(last, axis=-1)
        else:
            if top_k is not None and top_k < last.shape[-1]:
                least = xp.sort(last, axis=-1)[:, -top_k][:, None]
                last = xp.where(last < least, -xp.inf, last)
            found = random.categorical(random.fold_in(key, step), last / temperature)
        return xp.astype(found, prompt.dtype)[:, None]

    def advance(carry: Any, step: Any) -> tuple[Any, Any]:
        token, state = carry
        logits, state = layer.apply(params, state, token)
        new = drawn(logits, step)
        return (new, state), new

    logits, state = layer.apply(params, state, prompt)
    first = drawn(logits, 0)
    if steps == 1:
        return xp.concat([prompt, first], axis=1)
    # Not in the data type of the tokens, which need not hold the number of steps.
    places = xp.arange(1, steps, device=prompt.device)
    _, rest = scan(advance, (first, state), places)
    return xp.concat([prompt, first, xp.permute_dims(rest[:, :, 0], (1, 0))], axis=1)
