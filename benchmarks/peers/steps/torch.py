"""The work in PyTorch, eager or with ``torch.compile``; channels first, as is usual there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  # as everywhere

from benchmarks.peers.libraries.problems import LEARNING_RATE
from benchmarks.peers.steps.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOSSES", "jobs"]


def mlp(p: Any, x: Any, labels: Any, *, depth: int) -> Any:
    for i in range(depth - 1):
        x = torch.relu(torch.addmm(p[f"b{i}"], x, p[f"w{i}"]))
    return F.cross_entropy(torch.addmm(p[f"b{depth - 1}"], x, p[f"w{depth - 1}"]), labels)


def cnn(p: Any, x: Any, labels: Any) -> Any:
    for i in range(2):
        x = F.max_pool2d(torch.relu(F.conv2d(x, p[f"k{i}"], p[f"b{i}"], padding="same")), 2)
    return F.cross_entropy(torch.addmm(p["b2"], x.flatten(1), p["w2"]), labels)


def residual(p: Any, x: Any, labels: Any) -> Any:
    y = x
    for i in range(2):
        y = F.conv2d(y, p[f"k{i}"], padding="same")
        y = F.batch_norm(y, None, None, p[f"s{i}"], p[f"b{i}"], training=True)
        y = torch.relu(y + x if i else y)
    return F.cross_entropy(torch.addmm(p["b2"], y.mean(dim=(2, 3)), p["w2"]), labels)


def lstm(p: Any, x: Any, labels: Any) -> Any:
    zeros = torch.zeros(1, x.shape[1], p["wh"].shape[1])
    # The recurrent bias that this function demands stays zero: one bias says all.
    weights = [p["wx"], p["wh"], p["b"], torch.zeros_like(p["b"])]
    _, h, _ = _sequence(x, (zeros, zeros), weights, True, 1, 0.0, True, False, False)
    return F.cross_entropy(torch.addmm(p["bo"], h[0], p["wo"]), labels)


def gpt(p: Any, tokens: Any, following: Any, *, layers: int, heads: int) -> Any:
    batch, length = tokens.shape
    width = p["positions"].shape[1]
    x = F.embedding(tokens, p["tokens"]) + p["positions"]
    for i in range(layers):
        h = F.layer_norm(x, (width,), p[f"s{i}a"], p[f"b{i}a"]) @ p[f"qkv{i}"]
        q, k, v = h.view(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + h.transpose(1, 2).reshape(batch, length, width) @ p[f"o{i}"]
        h = F.layer_norm(x, (width,), p[f"s{i}m"], p[f"b{i}m"])
        h = F.gelu(h @ p[f"up{i}"] + p[f"ub{i}"], approximate="tanh")
        x = x + (h @ p[f"down{i}"] + p[f"db{i}"])
    logits = F.layer_norm(x, (width,), p["s"], p["b"]) @ p["tokens"].T
    return F.cross_entropy(logits.flatten(0, 1), following.flatten())


def elementwise(p: Any, weights: Any) -> Any:
    y = F.layer_norm(F.gelu(p["x"], approximate="tanh"), p["s"].shape, p["s"], p["b"])
    return (torch.softmax(y, -1) * weights).sum(-1).mean()


def curved(x: Any, a: Any) -> Any:
    return (torch.tanh(a @ x) ** 2).sum() + (x * x).sum() * x.sum()


def chain(x: Any, operations: int) -> Any:
    for _ in range(operations // 4):
        x = x + torch.tanh(torch.sin(x) * 0.1)
    return x


# What `torch.compile` does with `torch.nn.LSTM`, too: the sequence is one call, left as it is.
_sequence = torch.compiler.disable(torch.lstm)
LOSSES = {"mlp": mlp, "cnn": cnn, "residual": residual, "lstm": lstm, "gpt": gpt}


def _here(name: str, params: dict[str, Any], data: tuple[Any, ...]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Return tensors, arranged as PyTorch wants them."""
    if name in ("cnn", "residual"):
        data = (data[0].transpose(0, 3, 1, 2), *data[1:])
        params = {k: v.transpose(3, 2, 0, 1) if v.ndim == 4 else v for k, v in params.items()}
    if name == "cnn":
        channels, (rows, out) = params["k1"].shape[0], params["w2"].shape
        side = int((rows // channels) ** 0.5)
        params["w2"] = params["w2"].reshape(side, side, channels, out).transpose(2, 0, 1, 3).reshape(rows, out)
    if name == "lstm":
        params = {k: v.T if k in ("wx", "wh") else v for k, v in params.items()}
    tensors = {k: torch.from_numpy(np.array(v, order="C")).requires_grad_() for k, v in params.items()}
    return tensors, tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in data)


def jobs(wrap: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Return the jobs whose functions went through `wrap`; Adam is PyTorch's fused one."""

    def training(name: str) -> Callable[..., Any]:
        def prepare(**sizes: Any) -> Callable[[], float]:
            made, given, options = PROBLEMS[name](**sizes)
            params, data = _here(name, made, given)
            del made, given
            optimizer = torch.optim.Adam(params.values(), lr=LEARNING_RATE, fused=True)
            loss_of = wrap(lambda p, *data: LOSSES[name](p, *data, **options))

            def run() -> float:
                optimizer.zero_grad()
                loss = loss_of(params, *data)
                loss.backward()
                optimizer.step()
                return float(loss.detach())

            return run

        return prepare

    def adam(size: int) -> Callable[[], float]:
        made, given, _ = PROBLEMS["adam"](size)
        params, (g,) = _here("adam", made, given)
        params["w"].grad = g
        optimizer = torch.optim.Adam(params.values(), lr=LEARNING_RATE, fused=True)
        step = wrap(optimizer.step)

        def run() -> float:
            step()
            return float(params["w"][0].detach())

        return _checked(run, lambda: params.values())

    def elementwise_gradient(rows: int, columns: int) -> Callable[[], float]:
        params, (weights,) = _here("elementwise", *PROBLEMS["elementwise"](rows, columns)[:2])
        loss_of = wrap(elementwise)

        def run() -> float:
            for p in params.values():
                p.grad = None
            loss = loss_of(params, weights)
            loss.backward()
            return float(loss.detach())

        return _checked(run, lambda: [p.grad for p in params.values()])

    def per_example(widths: list[int], batch: int) -> Callable[[], float]:
        made, given, options = PROBLEMS["per-example"](widths, batch)
        params, (x, labels) = _here("per-example", made, given)
        params = {k: v.detach() for k, v in params.items()}

        def one(p: Any, x: Any, label: Any) -> Any:
            return mlp(p, x[None, :], label[None], **options)

        gradients = wrap(torch.func.vmap(torch.func.grad(one), in_dims=(None, 0, 0)))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            out = gradients(params, x, labels)
            return float(out[last][0, 0])

        return _checked(run, lambda: out.values())

    def batched_gradient(widths: list[int], batch: int) -> Callable[[], float]:
        made, given, options = PROBLEMS["per-example"](widths, batch)
        params, (x, labels) = _here("per-example", made, given)
        loss_of = wrap(lambda: mlp(params, x, labels, **options))
        last = params[f"b{options['depth'] - 1}"]

        def run() -> float:
            for p in params.values():
                p.grad = None
            loss_of().backward()
            return float(last.grad[0])

        return _checked(run, lambda: [p.grad for p in params.values()])

    def hessian(size: int) -> Callable[[], float]:
        params, (a,) = _here("hessian", *PROBLEMS["hessian"](size)[:2])
        x = params["x"].detach()
        curvature = wrap(torch.func.hessian(curved))
        out: Any = None

        def run() -> float:
            nonlocal out
            out = curvature(x, a)
            return float(out[0, 0])

        return _checked(run, lambda: [out])

    def scalar(operations: int) -> Callable[[], float]:
        made, given, options = PROBLEMS["scalar"](operations)
        params, _ = _here("scalar", made, given)
        x = params["x"]
        value_of = wrap(lambda x: chain(x, **options))
        out: Any = None

        def run() -> float:
            nonlocal out
            value = value_of(x)
            (out,) = torch.autograd.grad(value, x)
            return float(value.detach())

        return _checked(run, lambda: [out])

    def leaves(count: int) -> Callable[[], float]:
        arrays = {str(i): torch.ones(8) for i in range(count)}
        shifted = wrap(lambda arrays: {k: a + 1.0 for k, a in arrays.items()})

        def run() -> float:
            shifted(arrays)
            return 0.0

        return run

    return {
        **{f"step {name}": training(name) for name in LOSSES},
        "step elementwise": elementwise_gradient,
        "step adam": adam,
        "step per-example": per_example,
        "batched gradient": batched_gradient,
        "step hessian": hessian,
        "step scalar": scalar,
        "leaves": leaves,
    }


def _checked(run: Any, out: Callable[[], Any]) -> Callable[[], float]:
    run.check = lambda: float(sum(a.detach().double().abs().sum() for a in out()))
    return run
