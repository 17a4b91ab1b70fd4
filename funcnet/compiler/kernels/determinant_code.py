"""Sources of loops over determinants of matrices whose factors are known (:mod:`.factor_code`), or that are small."""

from __future__ import annotations

from funcnet.compiler.kernels.factor_code import filled
from funcnet.compiler.kernels.system_code import INVERTING, inverse_lines

__all__ = ["cofactor", "det", "slogdet", "slogdet_alone"]

#: The determinant, total * 2**power, where the product of some of the pivots may be out of range.
_PRODUCT = """        total = {T}(1)
        power = 0
        for k in range(n):
            total = total if places[k] == k else -total
            for t in range(2):
                scaled = a[k * (n + 1)] if t == 0 else total
                while (abs(scaled) > {T}(1048576)) & (abs(scaled) <= {T}({LARGE})):
                    scaled = scaled / {T}(1048576)
                    power += 20
                while (abs(scaled) < {T}(9.5367431640625e-07)) & (scaled != 0):
                    scaled = scaled * {T}(1048576)
                    power -= 20
                total = total * scaled if t == 0 else scaled
        power = min(max(power, -4000), 4000)
"""
_FACTOR = """            few = min(max(power, -100), 100)
            power -= few
            factor = {T}(1)
            for t in range(abs(few)):
                factor = factor * {T}(2) if few > 0 else factor / {T}(2)
"""

_DET = """def loop(lo, hi, part, x, q, y, n):
    for u in range(lo, hi):
        a = x[u * n * n : (u + 1) * n * n]
        places = q[u * n : (u + 1) * n]
{product}        while power != 0:
{factor}            total = total * factor
        y[u] = total
"""

_SLOGDET = """def loop(lo, hi, part, x, q, y, z, n):
    for u in range(lo, hi):
        a = x[u * n * n : (u + 1) * n * n]
        places = q[u * n : (u + 1) * n]
        sign = {T}(1)
        total = {T}(0)
        for k in range(n):
            pivot = a[k * (n + 1)]
            if (pivot < 0) != (places[k] != k):
                sign = -sign
            if pivot == 0:
                sign = {T}(0)
            total = total + log{BITS}(abs(pivot))
        y[u] = sign
        z[u] = total
"""

#: Of matrices that are factored for nothing else; `s` has room for one in each row.
_ALONE = """def loop(lo, hi, part, x, y, z, s, n):
    a = s[part]
    for u in range(lo, hi):
        for j in range(n * n):
            a[j] = x[u * n * n + j]
        sign = {T}(1)
        total = {T}(0)
        for k in range(n):
            p = k
            for i in range(k + 1, n):
                if abs(a[i * n + k]) > abs(a[p * n + k]):
                    p = i
            pivot = a[p * n + k]
            if pivot == 0:
                # Whatever came before: LAPACK tells singular matrices by this alone.
                sign = {T}(0)
                total = {T}(-np.inf)
                break
            if (pivot < 0) != (p != k):
                sign = -sign
            total = total + log{BITS}(abs(pivot))
            if p != k:
                for j in range(k + 1, n):
                    t = a[k * n + j]
                    a[k * n + j] = a[p * n + j]
                    a[p * n + j] = t
                a[p * n + k] = a[k * n + k]
            for i in range(k + 1, n):
                f = a[i * n + k] / pivot
                for j in range(k + 1, n):
                    a[i * n + j] = a[i * n + j] - f * a[k * n + j]
        y[u] = sign
        z[u] = total
"""

#: The determinant times the inverse; where that says little, somebody else is to look.
_COFACTOR = f"""{INVERTING}        z = address(s) + part * s.shape[1] * {{SZ}}
        v = p[: n * n]
        least = abs(a[0])
        most = abs(a[0])
        for k in range(n):
            pivot = a[k * (n + 1)]
            least = min(least, abs(pivot))
            most = max(most, abs(pivot))
        if not ((least > most * {{T}}({{SMALL}})) & (least >= {{T}}({{NORMAL}})) & (most <= {{T}}({{LARGE}}))):
            bad[8 * part] = 1
            continue
{{product}}{{inverse}}        for j in range(n):
            for i in range(n):
                y[(u * n + j) * n + i] = -total * v[i * n + order[j]]
        b = y[u * n * n : (u + 1) * n * n]
        while power != 0:
{{factor}}            for j in range(n * n):
                b[j] = b[j] * factor
"""


def det(typed: str) -> str:
    """Return the source for determinants."""
    return filled(_DET, typed, 0, product=filled(_PRODUCT, typed, 0), factor=filled(_FACTOR, typed, 0))


def slogdet(typed: str) -> str:
    """Return the source for their signs and logarithms."""
    return filled(_SLOGDET, typed, 0)


def slogdet_alone(typed: str) -> str:
    """Return the source for the same of matrices that are factored for nothing else."""
    return filled(_ALONE, typed, 0)


def cofactor(typed: str, scratch: int) -> str:
    """Return the source for derivatives of determinants of matrices that are not near singular ones."""
    parts = {"product": filled(_PRODUCT, typed, 0), "factor": filled(_FACTOR, typed, 0)}
    return filled(_COFACTOR, typed, scratch, inverse=inverse_lines(typed), **parts)
