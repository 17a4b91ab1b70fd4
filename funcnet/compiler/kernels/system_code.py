"""Sources of loops that solve systems of equations: triangular ones, and by factors (:mod:`.factor_code`)."""

from __future__ import annotations

from funcnet.compiler.kernels.factor_code import filled, read

__all__ = ["INVERTING", "inverse", "inverse_lines", "solved", "triangular"]

#: What is known of matrix `u`: where it is, its numbers, and rows that were exchanged.
_MATRIX = """        f = address(x) + u * n * n * {SZ}
        a = x[u * n * n : (u + 1) * n * n]
"""
_PLACES = """        places = q[u * n : (u + 1) * n]
"""
_SINGULAR = """        singular = False
        for k in range(n):
            singular |= a[k * (n + 1)] == 0
"""

_SYSTEM = f"""def loop(lo, hi, part, x, {{q}}b, y, bad, w, e, n, c):
    number = e[part]
    work = address(w) + part * {{SCRATCH}}
    for u in range(lo, hi):
{_MATRIX}{{places}}        z = address(y) + u * n * c * {{SZ}}
        v = y[u * n * c : (u + 1) * n * c]
{_SINGULAR}        if singular:
            bad[8 * part] = 1
        {{read}}
{{lines}}"""

_EXCHANGED = """        for t in range(n):
            k = {k}
            at = places[k]
            if at != k:
                for j in range(c):
                    other = v[k * c + j]
                    v[k * c + j] = v[at * c + j]
                    v[at * c + j] = other
"""
_NEGATED = """        for j in range(n * c):
            v[j] = -v[j]
"""

#: With rows of a triangular matrix at `f`, rows of results at `z`: each takes what it gets of those before it.
_SUBSTITUTED = """        for done in range(0, n, {NB}):
            nb = min({NB}, n - done)
            top = {top}
            known = {known}
            to = z + top * c * {SZ}
            if done > 0:
                product_{T}(
                    nb, {wide}, done, f + top * {ROW} + known * {STEP}, {ROW}, {STEP},
                    z + known * c * {SZ}, c * {SZ}, {SZ}, to, c * {SZ}, to, c * {SZ}, 0, work
                )
            for t in range(nb):
                i = {i}
                few = t % {FEW}
                if few == 0 and t > 0:
                    several = min({FEW}, nb - t)
                    begin = {begin}
                    row = {row}
                    to = z + row * c * {SZ}
                    tile_{T}(
                        several, {narrow}, 1, t, f + row * {ROW} + begin * {STEP}, {ROW}, 0, {STEP},
                        z + begin * c * {SZ}, 0, c * {SZ}, to, c * {SZ}, to, c * {SZ}, 0
                    )
                to = z + i * c * {SZ}
                if few > 0:
                    begin = {near}
                    tile_{T}(
                        1, {narrow}, 1, few, f + i * {ROW} + begin * {STEP}, 0, 0, {STEP},
                        z + begin * c * {SZ}, 0, c * {SZ}, to, 0, to, 0, 0
                    )
{divided}"""
_DIVIDED = """                pivot = -a[i * (n + 1)]
                if abs(pivot) >= {T}({NORMAL}):
                    number[0] = {T}(1) / pivot
                    tile_{T}(1, c, 1, 1, address(e) + part * 64, 0, 0, 0, to, 0, 0, to, 0, 0, 0, 0)
                else:
                    for j in range(i * c, (i + 1) * c):
                        v[j] = v[j] / pivot
"""

_INVERSE = """        c = n
        for i in range(n):
            for j in range(n):
                v[i * n + j] = 0
            v[i * (n + 1)] = 1
{first}{second}        # What was exchanged as rows, as columns the other way round.
        for k in range(n):
            order[k] = k
        for done in range(n):
            k = n - 1 - done
            t = order[k]
            order[k] = order[places[k]]
            order[places[k]] = t
"""

#: How loops over matrices begin that make inverses.
INVERTING = f"""def loop(lo, hi, part, x, q, y, bad, w, e, s, o, n):
    number = e[part]
    work = address(w) + part * {{SCRATCH}}
    p = s[part]
    order = o[part * n : (part + 1) * n]
    for u in range(lo, hi):
{_MATRIX}{_PLACES}"""
_INVERTED = f"""{INVERTING}        z = address(y) + u * n * n * {{SZ}}
        v = y[u * n * n : (u + 1) * n * n]
{_SINGULAR}        if singular:
{{refused}}            continue
{{inverse}}        for i in range(n):
            for j in range(n):
                p[j] = -v[i * n + j]
            for j in range(n):
                v[i * n + j] = p[order[j]]
"""
_FLAGGED = """            bad[8 * part] = 1
"""
_UNIT = """            for i in range(n):
                for j in range(n):
                    v[i * n + j] = 1 if i == j else 0
"""


def substituted(typed: str, *, upper: bool, turned: bool, unit: bool, wide: str = "c", narrow: str = "c") -> str:
    """Return the lines that solve a triangular system, for -X in place of X unless the diagonal is one of ones.

    `upper` is what the system is, which for a transposed matrix is not what the matrix is.
    """
    strides = (f"n * {typed[1]}", typed[1])
    row, step = strides[::-1] if turned else strides
    if upper:
        places = {"top": "n - done - nb", "known": "n - done", "i": "top + nb - 1 - t"}
        places |= {"begin": "i + 1", "near": "i + 1", "row": "i + 1 - several"}
    else:
        places = {"top": "done", "known": "0", "i": "top + t"}
        places |= {"begin": "top", "near": "i - few", "row": "i"}
    divided = "" if unit else filled(_DIVIDED, typed, 0)
    return filled(_SUBSTITUTED, typed, 0, ROW=row, STEP=step, divided=divided, wide=wide, narrow=narrow, **places)


def solved(typed: str, scratch: int, *, turned: bool, right_turned: bool) -> str:
    """Return the source for solutions of linear systems, of transposed ones if `turned`, with `c` right-hand sides."""
    right = read(typed, "n", "c", f"address(b) + u * n * c * {typed[1]}", "z", turned=right_turned)
    lower = substituted(typed, upper=turned, turned=turned, unit=True)
    upper = substituted(typed, upper=not turned, turned=turned, unit=False)
    exchanged = _EXCHANGED.format(k="n - 1 - t" if turned else "t")
    lines = upper + lower + exchanged if turned else exchanged + lower + upper
    return filled(_SYSTEM, typed, scratch, q="q, ", places=_PLACES, read=right, lines=lines + _NEGATED)


def triangular(typed: str, scratch: int, *, upper: bool, turned: bool, right_turned: bool) -> str:
    """Return the source for solutions of triangular systems; `upper` is what they are when the matrix is transposed."""
    right = read(typed, "n", "c", f"address(b) + u * n * c * {typed[1]}", "z", turned=right_turned)
    lines = substituted(typed, upper=upper, turned=turned, unit=False)
    return filled(_SYSTEM, typed, scratch, q="", places="", read=right, lines=lines + _NEGATED)


def inverse_lines(typed: str) -> str:
    # The inverse of L is as triangular.
    first = substituted(typed, upper=False, turned=False, unit=True, wide="done", narrow="i")
    second = substituted(typed, upper=True, turned=False, unit=False)
    return _INVERSE.format(first=first, second=second)


def inverse(typed: str, scratch: int, *, lenient: bool) -> str:
    """Return the source for inverses, which are unit matrices for singular ones if that is no mistake."""
    refused = _UNIT if lenient else _FLAGGED
    return filled(_INVERTED, typed, scratch, refused=refused, inverse=inverse_lines(typed))
