"""Connectionist temporal classification: labels of a sequence without their places in time."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from funcnet import xp
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.losses.checks import check_floating, host_values
from funcnet.losses.reduction import check_reduction, reduced
from funcnet.transforms import custom_vjp

__all__ = ["ctc"]


def ctc(
    logits: Any,
    labels: Any,
    *,
    logit_lengths: Any = None,
    label_lengths: Any = None,
    blank: int = 0,
    zero_infinity: bool = False,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Negative log-likelihood of label sequences under all their alignments with longer sequences of scores.

    :math:`-\log \sum_\pi \prod_t p_t(\pi_t)` over all paths :math:`\pi` that give the labels when repeated classes are
    merged and blanks removed. Computed with the forward-backward algorithm on logarithms; the gradient to the logits is
    :math:`p` less the expected number of times that each class is emitted at each time. Derivatives of every order
    follow, in both modes.

    Parameters
    ----------
    logits : array, shape (batch, time, classes)
        Scores, of a floating-point data type. Logarithms of probabilities are scores too.
    labels : array, shape (batch, length)
        Class numbers: integers, without blanks; what lies beyond `label_lengths` may be anything.
    logit_lengths : array, shape (batch,), optional
        The number of times that count, integers; all without it.
    label_lengths : array, shape (batch,), optional
        The number of labels that count, integers; all without it.
    blank : int, default 0
        The number of the blank class.
    zero_infinity : bool, default False
        Whether labels that fit no alignment, since they are too long, cost 0 in place of infinity. Their gradient is 0
        either way.
    weights : array, optional
        One weight per sequence, of shape (batch,) or (1,).
    reduction : str, default "mean"
        ``"mean"`` over the batch, weighted by `weights`; ``"sum"``; or ``"none"``. PyTorch's mean first divides each
        loss by the number of its labels: ``xp.mean(ctc(..., reduction="none") / label_lengths)``.

    Returns
    -------
    array
        Of shape ``()``, or (batch,) for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no time.
    DtypeError
        If the logits are not floating-point, or labels or lengths not integers.
    ParameterError
        If the blank is no class, a label that can be read is no class or the blank, a length does not fit, or the
        reduction is unknown.

    References
    ----------
    A. Graves et al., Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
    networks, ICML (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> logits = np.zeros((1, 2, 3))
    >>> float(losses.ctc(logits, np.array([[1]])).round(6))  # of 9 paths three give the label: 11, 01, 10
    1.098612
    """
    check_reduction("ctc", reduction)
    _check(logits, labels, logit_lengths, label_lengths, blank)
    n, time, _ = logits.shape
    size = 2 * labels.shape[1] + 1
    # In wide integers: twice the number of labels may be more than those of the labels hold.
    place = xp.arange(size, device=labels.device)
    labels = xp.astype(labels, place.dtype)
    # Blanks around each label: the states that a path goes through from the first to the last.
    count = xp.full((n,), labels.shape[1], dtype=place.dtype, device=labels.device)
    if label_lengths is not None:
        count = xp.astype(label_lengths, place.dtype)
    beyond = xp.greater_equal(place[: labels.shape[1]], xp.expand_dims(count, axis=1))
    own = xp.where(beyond, xp.full_like(labels, blank), labels)
    blanks = xp.full((n, 1), blank, dtype=place.dtype, device=labels.device)
    woven = xp.stack([xp.broadcast_to(blanks, own.shape), own], axis=2)
    states = xp.concat([xp.reshape(woven, (n, size - 1)), blanks], axis=1)
    # From one label to the next without a blank, unless they are the same.
    before = xp.concat([blanks, blanks, states], axis=1)[:, :size]
    jump = xp.logical_and(xp.not_equal(states, before), xp.not_equal(states, blank))
    last = xp.expand_dims(2 * count, axis=1)
    final = xp.logical_or(xp.equal(place, last), xp.equal(place, last - 1))
    logp = xp.log_softmax(logits)
    index = xp.broadcast_to(xp.expand_dims(states, axis=1), (n, time, size))
    emissions = xp.moveaxis(xp.take_along_axis(logp, index, axis=2), 1, 0)
    none = xp.zeros_like(emissions[0])
    runs = None
    if logit_lengths is not None:
        times = xp.astype(logit_lengths, place.dtype)
        moments = xp.arange(time, dtype=place.dtype, device=labels.device)
        runs = xp.reshape(moments, (time, 1, 1)) < xp.reshape(times, (1, n, 1))
    # What is not allowed costs infinity.
    values = _path_loss(
        emissions,
        xp.where(xp.logical_and(jump, place >= 2), none, -inf),
        xp.where(place < 2, none, -inf),
        xp.where(final, none, -inf),
        runs,
    )
    if logit_lengths is not None:
        # Without time nothing but the empty sequence can be said.
        values = xp.where(times == 0, xp.where(count == 0, 0.0, xp.full_like(values, inf)), values)
    if zero_infinity:
        values = xp.where(values == inf, 0.0, values)
    return reduced(values, reduction, weights, "ctc")


def _edge(emissions: Any) -> Any:
    """Return the two states beyond the ends, where no path goes."""
    return xp.full((emissions.shape[1], 2), -inf, dtype=emissions.dtype, device=emissions.device)


def _forward(emissions: Any, jump: Any, start: Any, final: Any, runs: Any) -> tuple[Any, list[Any]]:
    """Return the logarithm of the sum over all paths, and that of the paths up to each state at each time."""
    alpha = xp.add(emissions[0], start)
    edge, alphas = _edge(emissions), [alpha]
    for t in range(1, emissions.shape[0]):
        padded = xp.concat([edge, alpha], axis=1)
        near = xp.logaddexp(alpha, padded[:, 1:-1])
        onward = xp.add(xp.logaddexp(near, xp.add(padded[:, :-2], jump)), emissions[t])
        alpha = onward if runs is None else xp.where(runs[t], onward, alpha)
        alphas.append(alpha)
    return xp.logsumexp(xp.add(alpha, final), axis=1), alphas


@custom_vjp
def _path_loss(emissions: Any, jump: Any, start: Any, final: Any, runs: Any) -> Any:
    """Return the loss of each sequence from the logarithms of probabilities of its states, with the time first.

    Jumps over a blank, and states to start and end with, are given by what they cost: 0 or -inf as a logarithm.
    """
    return 0.0 - _forward(emissions, jump, start, final, runs)[0]


def _path_loss_forward(emissions: Any, jump: Any, start: Any, final: Any, runs: Any) -> tuple[Any, Any]:
    total, alphas = _forward(emissions, jump, start, final, runs)
    return 0.0 - total, (emissions, jump, final, runs, total, alphas)


def _path_loss_backward(kept: Any, g: Any) -> tuple[Any, None, None, None, None]:
    emissions, jump, final, runs, total, alphas = kept
    total = xp.expand_dims(xp.where(xp.isinf(total), 0.0, total), axis=1)
    scale = xp.expand_dims(-g, axis=1)
    edge = _edge(emissions)
    # What a jump arrives at, seen from where it starts.
    into = xp.concat([jump, edge], axis=1)[:, 2:]
    beta, slopes = final, []
    for t in range(emissions.shape[0] - 1, -1, -1):
        if t < emissions.shape[0] - 1:
            ahead = xp.add(beta, emissions[t + 1])
            padded = xp.concat([ahead, edge], axis=1)
            near = xp.logaddexp(ahead, padded[:, 1:-1])
            beta = xp.logaddexp(near, xp.add(padded[:, 2:], into))
            if runs is not None:
                beta = xp.where(runs[t + 1], beta, final)
        share = xp.exp(xp.subtract(xp.add(alphas[t], beta), total))
        slopes.append(xp.multiply(scale, share if runs is None else xp.where(runs[t], share, 0.0)))
    return xp.stack(slopes[::-1], axis=0), None, None, None, None


_path_loss.defvjp(_path_loss_forward, _path_loss_backward)


def _check(logits: Any, labels: Any, logit_lengths: Any, label_lengths: Any, blank: int) -> None:
    check_floating("ctc", logits)
    for what, array in (("labels", labels), ("logit_lengths", logit_lengths), ("label_lengths", label_lengths)):
        if array is not None or what == "labels":
            check_array("losses.ctc", array, what)
    shape, found = tuple(logits.shape), tuple(labels.shape)
    if len(shape) != 3 or len(found) != 2 or shape[0] != found[0] or not shape[1]:
        raise ShapeError(
            "losses.ctc got logits and labels that do not fit.",
            found=f"logits {shape} and labels {found}",
            needed="logits (batch, time, classes) with at least one time, and labels (batch, length)",
            write="xp.moveaxis(logits, 0, 1) for logits with the time first",
        )
    given = (("labels", labels, found), ("logit_lengths", logit_lengths, None), ("label_lengths", label_lengths, None))
    for what, array, shaped in given:
        if array is None:
            continue
        if kind(array.dtype) not in "iu":
            raise DtypeError(
                f"losses.ctc takes {what} as integers.",
                found=f"an array of dtype {array.dtype}",
                needed="an integer data type",
                write=f"xp.astype({what}, xp.int64)",
            )
        if shaped is None and tuple(array.shape) != shape[:1]:
            raise ShapeError(
                f"losses.ctc got {what} that do not fit the batch.",
                found=f"shape {tuple(array.shape)}",
                needed=f"shape {shape[:1]}",
            )
    if not 0 <= blank < shape[2]:
        raise _wrong("a blank that is no class", f"blank={blank}", f"a number from 0 to {shape[2] - 1}")
    counts = None if label_lengths is None else host_values(label_lengths)
    for what, host, most in (
        ("logit_lengths", None if logit_lengths is None else host_values(logit_lengths), shape[1]),
        ("label_lengths", counts, found[1]),
    ):
        if host is not None and (host.min() < 0 or host.max() > most):
            raise _wrong(f"{what} that do not fit", f"lengths from {host.min()} to {host.max()}", f"0 to {most}")
    host = host_values(labels)
    if host is None or (label_lengths is not None and counts is None):
        return
    wrong = (host < 0) | (host >= shape[2]) | (host == blank)
    if counts is not None:
        wrong = wrong & (np.arange(found[1]) < counts[..., None])
        host = np.broadcast_to(host, wrong.shape)
    if wrong.any():
        raise _wrong(
            "a label that is no class, or the blank",
            f"label {host[wrong][0]}",
            f"integers from 0 to {shape[2] - 1} other than the blank {blank}",
        )


def _wrong(what: str, found: str, needed: str) -> ParameterError:
    return ParameterError(f"losses.ctc got {what}.", found=found, needed=needed)
