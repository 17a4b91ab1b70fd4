"""The logarithm of the gamma function and its derivatives in generated loops, in double precision.

The coefficients are those of least largest error, made by the algorithm of Remez. Beside the zero of `digamma` the
error is one of a few units in the last place of 1.

References
----------
DLMF 5.5.1, 5.5.3, 5.11.1 and 5.11.2 (steps, reflection, asymptotic series).
"""

from __future__ import annotations

from funcnet.compiler.loops.notation import expanded

__all__ = ["SOURCE"]

#: One of the steps that lead to where a series serves.
_DOWN = """\
    more = z > 2.5
    z = z - 1.0 if more else z
    q = q * z if more else q
"""
_UP = """\
    more = z < 6.0
    n = n * z + d if more else n
    d = d * z if more else d
    z = z + 1.0 if more else z
"""
_UP_SQUARED = """\
    more = z < 6.0
    y = z * z
    n = n * y + d if more else n
    d = d * y if more else d
    z = z + 1.0 if more else z
"""

SOURCE = expanded(
    """
def gammaln64(x):
    # Up to 7.5 the factors that lead to an argument beside 2, where it is 0, are taken out; Stirling's series beyond.
    z = x
    q = 1.0
"""
    + _DOWN * 5
    + """\
    z = z - 2.0
    z = x - 1.0 if x < 1.5 else z
    q = x if x < 1.5 else q
    z = x if x < 0.5 else z
    q = x * (x + 1.0) if x < 0.5 else q
    near = x < 7.5
    t = log64(q if near else x)
    p = horner64(z, 2.9774799458814326e-07, -5.806714070785631e-07, 8.998517131514698e-07, -1.9747711408589304e-06,
        4.393544971901273e-06, -9.456099806452606e-06, 2.050353788338204e-05, -4.4923767829430195e-05,
        9.945794504838505e-05, -0.00022315497270443041, 0.0005096694950445334, -0.0011927539013035832,
        0.0028905103318444697, -0.0073855510289259334, 0.020580808427765912, -0.06735230105319576, 0.3224670334241133,
        0.42278433509846713)
    p = p * z
    p = p - t if x < 1.5 else p + t
    r = 1.0 / x
    w = r * r
    s = horner64(w, -0.019986892811952872, 0.006161116678888355, -0.0019139713786041279, 0.0008417221608944561,
        -0.0005952379683981199, 0.0007936507933739759, -0.002777777777777547, 0.08333333333333333)
    far = (x - 0.5) * (t - 1.0) + (s * r + 0.4189385332046727)
    return p if near else far

def digamma64(x):
    # Six steps up at most, whose reciprocals are added up as one fraction; the asymptotic series beyond.
    z = x
    n = 0.0
    d = 1.0
"""
    + _UP * 6
    + """\
    r = 1.0 / z
    w = r * r
    p = horner64(w, -0.2305616545255265, 0.07525933858461055, -0.0209189914254165, 0.0075736130962240425,
        -0.004166652064559819, 0.003968253919025416, -0.008333333333269863, 0.08333333333333331)
    return log64(z) - 0.5 * r - w * p - n / d

def trigamma64(x):
    z = x
    n = 0.0
    d = 1.0
"""
    + _UP_SQUARED * 6
    + """\
    r = 1.0 / z
    w = r * r
    p = horner64(w, 20.514200136618253, -5.699328774244488, 1.1322628724020714, -0.2525922978696455,
        0.07575282076426362, -0.033333308646830435, 0.023809523744864367, -0.033333333333267906, 0.16666666666666666)
    return (p * (w * r) + 0.5 * w + r) + n / d

def gammaln32(x):
    return f4(gammaln64(f8(x)))

def digamma32(x):
    return f4(digamma64(f8(x)))

def trigamma32(x):
    return f4(trigamma64(f8(x)))

def far_gammaln(x):
    # One number at a time, left of 0 by reflection; where there is one for each row, loops have nothing else for it.
    if not x < 0:
        return gammaln64(f8(x))
    a = f8(-x)
    if a < 1e-20:
        # Products of such numbers may be 0.
        return -np.log(a)
    if a == np.inf:
        return -a
    s = abs(np.sin(np.pi * (a - np.rint(a))))
    return np.inf if a == np.floor(a) else np.log(np.pi / (a * s)) - gammaln64(a)

def far_digamma(x):
    a = f8(x)
    if not a < 0:
        return digamma64(a)
    t = np.tan(np.pi * (a - np.rint(a)))
    return np.nan if a == np.floor(a) else digamma64(1.0 - a) - np.pi / t

def far_trigamma(x):
    a = f8(x)
    if not a < 0:
        return trigamma64(a)
    s = np.sin(np.pi * (a - np.rint(a))) / np.pi
    return np.inf if a == np.floor(a) else 1.0 / (s * s) - trigamma64(1.0 - a)
"""
)
