"""A small GPT: a transformer that predicts the next token."""

from __future__ import annotations

from typing import Any

from funcnet import backends, random, xp
from funcnet.errors import ShapeError
from funcnet.nn.activations import gelu
from funcnet.nn.children import observed
from funcnet.nn.dense import dense
from funcnet.nn.dropout import dropout as dropout_layer
from funcnet.nn.embedding import embedding
from funcnet.nn.initializers import normal
from funcnet.nn.layer import Layer, layer_path, scope
from funcnet.nn.misfits import foreign
from funcnet.nn.models.building import called, check_counts
from funcnet.nn.spec import beside, output_spec
from funcnet.nn.transformer import transformer_encoder
from funcnet.ops.fresh import integers_like

__all__ = ["gpt"]


def gpt(
    vocabulary: int,
    *,
    layers: int = 4,
    heads: int = 4,
    features: int = 128,
    length: int = 256,
    positions: str = "learned",
    dropout: float = 0.0,
    tied: bool = True,
    cache: int | None = None,
    dtype: Any = None,
    **block: Any,
) -> Layer:
    """Return a small GPT: embeddings of tokens and positions, causal transformer blocks, and logits of the next token.

    As GPT-2: normalisation before each part and after the last block, GELU in its approximation by tanh, and the table
    of tokens used once more for the logits.

    Parameters
    ----------
    vocabulary : int
        Number of tokens.
    layers, heads, features : int
        Number of blocks, of heads, and of features.
    length : int, default 256
        The greatest length, where positions are learned.
    positions : {"learned", "rotary", "none"}, default "learned"
        A table with a row for each position, a rotation of queries and keys, or nothing, as with ``alibi=True``.
    dropout : float, default 0
        Share that is dropped in training: of the embeddings, and in the blocks.
    tied : bool, default True
        Whether the logits are products with the rows of the table of tokens; otherwise with the parameters ``head``.
    cache : int, optional
        Number of positions that the state has room for: for decoding, see `generate`. Parameters do not depend on it,
        so that those of a model trained without fit the same model with one.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.
    **block
        More arguments of `transformer_encoder_block`, such as ``hidden``, ``activation``, ``norm="rms"``, ``bias``,
        ``kv_heads`` and ``window``.

    Returns
    -------
    Layer
        For integers of shape (batch, length), described to ``init`` by an array or ``fn.Spec(shape, "int64")``: logits
        of shape (batch, length, vocabulary). Its parameters are ``tokens``, ``positions``, ``blocks`` and ``head``.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a name unknown.
    ShapeError
        By ``init`` and ``apply``: if the input is no batch of sequences, or too long.

    References
    ----------
    .. [1] A. Radford et al., "Language models are unsupervised multitask learners", 2019.
    .. [2] J. Su et al., "RoFormer: enhanced transformer with rotary position embedding", arXiv:2104.09864, 2021.

    Examples
    --------
    The smallest GPT-2:

    >>> import funcnet as fn
    >>> from funcnet import nn
    >>> model = nn.models.gpt(50257, layers=12, heads=12, features=768, length=1024)
    >>> nn.summary(model, fn.Spec((1, 1024), "int64")).parameters
    124439808
    """
    counts = {"vocabulary": vocabulary, "layers": layers, "heads": heads, "features": features, "length": length}
    check_counts("gpt", **counts, **({} if cache is None else {"cache": cache}))
    learned = called("gpt", "positions", {"learned": True, "rotary": False, "none": False}, positions)
    options: dict[str, Any] = {"activation": gelu(approximate=True), "causal": True, "pre_norm": True, **block}
    if positions == "rotary":
        options.setdefault("rope", "half")
    parts: dict[str, Layer] = {
        "tokens": embedding(vocabulary, features=features, table_init=normal(0.02), dtype=dtype),
        "blocks": transformer_encoder(layers, heads=heads, dropout=dropout, cache=cache, dtype=dtype, **options),
    }
    if not tied:
        parts["head"] = dense(vocabulary, bias=False, dtype=dtype)
    drop = dropout_layer(dropout)
    counting = learned and cache is not None

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("gpt")
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        with beside(key):
            for i, (name, layer) in enumerate(parts.items()):
                with scope(f"{path}.{name}"):
                    params[name], found = layer.init(random.fold_in(key, i), spec)
                    if name == "tokens":
                        spec = output_spec(layer, params[name], found, spec)
                        _check_ids(path, spec.shape[:-1])
                if found:
                    state[name] = found
            if learned:
                own = random.fold_in(key, len(parts))
                params["positions"] = {"table": normal(0.02)(own, (length, features), dtype)}
            if counting:
                state["index"] = xp.zeros((), dtype=backends.default_int_dtype())
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = layer_path("gpt")
        _check_ids(path, tuple(x.shape))
        _check_params(path, params, {*parts, "positions"} if learned else set(parts))
        keys = (None, None) if key is None else (random.fold_in(key, 0), random.fold_in(key, 1))
        after: dict[str, Any] = {}
        y, _ = observed(f"{path}.tokens", parts["tokens"], params["tokens"], {}, x, key=None, train=train)
        if learned:
            table = params["positions"]["table"]
            # The blocks know of their own when their caches are full, which is to be before there are no positions.
            room = state["blocks"]["layer_0"]["attention"]["keys"].shape[1] if "index" in state else 0
            if max(x.shape[1], room) > table.shape[0]:
                raise ShapeError(
                    f"Layer {path} has no positions for so many tokens.",
                    found=f"a cache for {room} tokens" if room else f"{x.shape[1]} tokens",
                    needed=f"at most {table.shape[0]}",
                    write="nn.models.gpt(..., length=n), or positions='rotary'",
                )
            if "index" in state:
                places = state["index"] + xp.astype(integers_like(y, "arange", x.shape[1]), state["index"].dtype)
                y = y + xp.take(table, places, axis=0)
                after["index"] = state["index"] + x.shape[1]
            else:
                y = y + table[: x.shape[1], :]
        y, _ = drop.apply({}, {}, y, key=keys[0], train=train)
        before = state.get("blocks", {})
        y, found = observed(f"{path}.blocks", parts["blocks"], params["blocks"], before, y, key=keys[1], train=train)
        if found:
            after["blocks"] = found
        if tied:
            return xp.matmul(y, xp.matrix_transpose(params["tokens"]["table"])), after
        return observed(f"{path}.head", parts["head"], params["head"], {}, y, key=None, train=train)[0], after

    apply.uses_key = bool(dropout)  # type: ignore[attr-defined]
    return Layer(init, apply)


def _check_ids(path: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise ShapeError(
            f"Layer {path} takes a batch of sequences of tokens.",
            found=f"shape {shape}",
            needed="integers of shape (batch, length)",
            write="xp.expand_dims(ids, axis=0) for a single sequence",
        )


def _check_params(path: str, params: Any, names: set[str]) -> None:
    if not isinstance(params, dict) or set(params) != names:
        raise foreign(path, params, ", ".join(sorted(names)), shape="spec")
