"""Tangents, arcs, hyperbolic functions and their inverses in generated loops.

Arguments are brought near 0 by identities whose cases share one division, one root or one exponential; what is left is
a polynomial of least largest error. Errors in units in the last place are in the tests.

References
----------
S. L. Moshier, "Methods and programs for mathematical functions", Ellis Horwood, 1989 (Cephes: the reductions of the
arcs).
"""

from __future__ import annotations

from funcnet.compiler.loops.notation import expanded, twins

__all__ = ["SOURCE"]

SOURCE = expanded("""
def right_angle32():
    # In two parts.
    return f4(1.57079637050628662109375), f4(-4.37113900018624283e-8)

def right_angle64():
    return 1.5707963267948966, 6.123233995736766e-17

def atan_rest32(z):
    p = horner32(z, -0.06449835224591496, 0.1074309966767457, -0.14263897112598675, 0.1999953879477192,
        -0.3333333175381697)
    return p

def atan_rest64(z):
    p = horner64(z, -0.019162068915902577, 0.03921955253255129, -0.05085030492810941, 0.058580687568615106,
        -0.06664502215671447, 0.07692182535116648, -0.09090904549884611, 0.11111111014561013, -0.14285714284657894,
        0.1999999999999548, -0.3333333333333333)
    return p

def asin_rest32(z):
    p = horner32(z, 0.038085023561092654, 0.026554542206161328, 0.04500138006991017, 0.07498855072600821,
        0.16666672414795305)
    return p

def asin_rest64(z):
    p = horner64(z, 0.028169218060881414, -0.010749050339697808, 0.01603551434914882, 0.0078029494773533175,
        0.011875494382636922, 0.013929652902326633, 0.017355259955786323, 0.02237204763174451, 0.03038194736709848,
        0.044642857103423646, 0.07500000000020764, 0.1666666666666665)
    return p

def sinh_rest32(z):
    p = horner32(z, 2.8062802582276946e-06, 0.00019838101968683888, 0.00833333967591706, 0.16666666646842135)
    return p

def sinh_rest64(z):
    p = horner64(z, 7.746178593018827e-13, 1.6057679623801638e-10, 2.5052117695907823e-08, 2.7557319191381816e-06,
        0.00019841269841324198, 0.008333333333333299, 0.16666666666666666)
    return p

def half_exp32(a):
    # Half of the exponential, which is in range where the exponential is not; a is not negative.
    a = f4(90.0) if a > f4(90.0) else a
    k, r = exp_parts32(a, f4(12583165.0))
    return scaled32((exp_rest32(r) * r + f4(1.0)) * r + f4(1.0), k)

def half_exp64(a):
    a = 711.0 if a > 711.0 else a
    k, r, p = exp_parts64(a, 6755399441057789.0)
    b = k >> i8(1)
    return ((p * r + 1.0) * r + 1.0) * as_float64(b << i8(52)) * as_float64((k - b) << i8(52))
""") + twins("""
def tan64(x):
    k, q, p = quarters64(x)
    odd = k & 1 != 0
    y = (p if odd else q) / (q if odd else p)
    return x if x == 0.0 else (-y if odd else y)

def atan64(x):
    a = abs(x)
    far = a > 2.414213562373095
    near = a <= 0.4142135623730951
    t = (-1.0 if far else (a if near else a - 1.0)) / (a if far else (1.0 if near else a + 1.0))
    z = t * t
    y = t * (z * atan_rest64(z)) + t
    angle, low = right_angle64()
    part = 1.0 if far else (0.0 if near else 0.5)
    return copysign64(part * angle + (y + part * low), x)

def asin_parts64(x):
    # Whether x is far from 0, and the arc of its size, or there of half of what it leaves to 1.
    a = abs(x)
    far = a > 0.5
    z = 0.5 - 0.5 * a if far else x * x
    t = np.sqrt(z) if far else a
    return far, t * (z * asin_rest64(z)) + t

def asin64(x):
    far, y = asin_parts64(x)
    angle, low = right_angle64()
    return copysign64((angle - (y + y)) + low if far else y, x)

def acos64(x):
    far, y = asin_parts64(x)
    angle, low = right_angle64()
    beyond = 2.0 * ((angle - y) + low) if x < 0.0 else y + y
    return beyond if far else angle - (copysign64(y, x) - low)

def sinh64(x):
    a = abs(x)
    h = half_exp64(a)
    z = x * x
    return x * (z * sinh_rest64(z)) + x if a < 1.0 else copysign64(h - 0.25 / h, x)

def cosh64(x):
    h = half_exp64(abs(x))
    return h + 0.25 / h

def asinh64(x):
    # Of large numbers the logarithm of twice the number.
    a = abs(x)
    far = a > 1e9
    y = log1p64(a - 1.0 if far else a + a * a / (1.0 + np.sqrt(a * a + 1.0)))
    return copysign64(y + 0.6931471805599453 if far else y, x)

def acosh64(x):
    far = x > 1e9
    t = x - 1.0
    y = log1p64(t if far else t + np.sqrt(t + t + t * t))
    y = y + 0.6931471805599453 if far else y
    return y if x >= 1.0 else np.nan

def atanh64(x):
    a = abs(x)
    return copysign64(0.5 * log1p64((a + a) / (1.0 - a)), x)
""")
