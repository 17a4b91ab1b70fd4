"""Blocks of attention: which of them are seen, and sizes that no block divides."""

import numpy as np
import pytest

from funcnet.backends.attention import Rule, attend, seen_by_position, slopes, spans, standard
from funcnet.backends.attention import _sees as sees

NP = pytest.importorskip("array_api_compat.numpy")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [0, 1, 2, 5])
def test_blocks_are_seen_as_their_elements_are(causal, window):
    rule = Rule(causal, window, 1.0, 3)
    i, j = np.arange(10)[:, None], np.arange(8)[None, :]
    whole = seen_by_position(rule, i, j)
    whole = np.ones((10, 8), dtype=bool) if whole is None else whole
    wanted = (j <= i) if causal else np.ones((10, 8), dtype=bool)
    if window:
        wanted = wanted & (abs(i - j) < window)
    np.testing.assert_array_equal(whole, wanted)
    for rows in spans(10, 3):
        for columns in spans(8, 3):
            block = whole[slice(*rows), slice(*columns)]
            assert sees(rule, rows, columns) is (True if block.all() else None if block.any() else False)


def test_spans():
    assert spans(5, 2) == [(0, 2), (2, 4), (4, 5)]
    assert spans(0, 2) == []


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
def test_every_size_of_blocks_gives_the_same(chunk):
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal(shape) for shape in ((2, 3, 7, 4), (2, 5, 4), (2, 5, 3)))
    bias = rng.standard_normal((1, 3, 1, 5))
    mask = rng.random((2, 1, 7, 5)) < 0.7
    rule = Rule(True, 4, 0.5, chunk)
    out, log = attend(NP, standard(NP), rule, q, k, v, bias, mask)
    scores = 0.5 * q @ np.swapaxes(k, -1, -2)[:, None] + bias
    i, j = np.arange(7)[:, None], np.arange(5)
    seen = mask & (j <= i) & (i - j < 4)
    e = np.where(seen, np.exp(scores), 0.0)
    total = e.sum(axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1, total)
    np.testing.assert_allclose(out, p @ v[:, None], rtol=1e-12, atol=1e-14)
    empty = total[..., 0] == 0
    assert empty.any()
    np.testing.assert_allclose(log[~empty], np.log(total[..., 0][~empty]), rtol=1e-12)
    assert not log[empty].any()
    # The cotangents by the softmax's Jacobian.
    g = rng.standard_normal(out.shape)
    delta = (g * out).sum(axis=-1)
    ds = p * (g @ np.swapaxes(v, -1, -2)[:, None] - delta[..., None])
    wanted = (
        0.5 * ds @ k[:, None],
        0.5 * (np.swapaxes(ds, -1, -2) @ q).sum(axis=1),
        (np.swapaxes(p, -1, -2) @ g).sum(axis=1),
        ds.sum(axis=(0, 2), keepdims=True),
    )
    for found, one in zip(slopes(NP, standard(NP), rule, q, k, v, bias, mask, log, delta, g), wanted, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-11, atol=1e-13)
