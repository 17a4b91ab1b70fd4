"""Derivatives of densities by parameters, against closed forms."""

from math import comb

import pytest

from funcnet.backends.leibniz import leibniz


@pytest.mark.parametrize("n", range(6))
def test_one_parameter(n):
    # exp(3 * a**2 / 2) at a = 2: Hermite's recursion.
    known = [1.0, 6.0]
    for k in range(1, 6):
        known.append(6.0 * known[k] + 3.0 * k * known[k - 1])
    assert leibniz(n, 0, lambda i, _: (6.0, 3.0, 0.0, 0.0, 0.0, 0.0)[i]) == known[n]


@pytest.mark.parametrize(("m", "n"), [(0, 0), (1, 0), (0, 1), (2, 3), (4, 1), (3, 3)])
def test_two_parameters(m, n):
    # exp(a * b) at a = 2, b = 5: the m-th derivative by a is b**m * exp(a * b).
    def falling(power, k):
        return 0 if k > power else falling(power, k - 1) * (power - k + 1) if k else 1

    wanted = sum(comb(n, k) * falling(m, k) * 5.0 ** (m - k) * 2.0 ** (n - k) for k in range(n + 1) if k <= m)

    def by_a(i, j):
        return 5.0 if i == j == 0 else 1.0 if (i, j) == (0, 1) else 0.0

    def by_b(i, j):
        return 2.0 if i == j == 0 else 1.0 if (i, j) == (1, 0) else 0.0

    assert leibniz(m, n, by_a, by_b) == wanted
