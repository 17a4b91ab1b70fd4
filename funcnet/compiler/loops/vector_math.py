"""Functions of one number that LLVM vectorises: polynomials, with exponents set by integer arithmetic.

Numba calls the C library for each element of `exp`, `log` and `tanh`, which is several times slower than NumPy. The
polynomial for the logarithm in single precision is that of Cephes, those for the exponential are of least largest
error; the largest error of each function, in units in the last place, is in the tests.

References
----------
S. L. Moshier, "Methods and programs for mathematical functions", Ellis Horwood, 1989 (Cephes: logf, tanhf, sinf).
Sun Microsystems, "Freely distributable libm", 1993 (logarithm, sine and cosine in double precision).
"""

from __future__ import annotations

from funcnet.compiler.loops.notation import expanded, twins

__all__ = ["SOURCE"]

SOURCE = expanded("""
def exp_parts32(x, bias):
    # So large a number as t has no fraction: its last bits are the exponent and a bias. What is left of x.
    t = x * f4(1.44269504088896341) + bias
    n = t - bias
    return as_bits(t), (x - n * f4(0.693359375)) - n * f4(-2.12194440e-4)

def exp_rest32(r):
    # What times the square of r the exponential is beyond 1 + r, by terms that do not wait for each other.
    z = r * r
    p = (f4(0.0013870657421648502) * z + (f4(0.00836626160889864) * r + f4(0.04166743531823158))) * z
    return p + (f4(0.1666654646396637) * r + f4(0.4999999701976776))

def scaled32(y, k):
    # In two factors, since the exponent may be out of range by itself.
    a = i4(k >> i4(1))
    return y * as_float(i4(a << i4(23))) * as_float(i4(i4(k - a) << i4(23)))

def exp32(x):
    # What rounds to 0 is not computed: processors take a hundred cycles for a product that underflows.
    none = x < f4(-104.0)
    x = f4(0.0) if none else (f4(89.0) if x > f4(89.0) else x)
    k, r = exp_parts32(x, f4(12583166.0))
    y = scaled32((exp_rest32(r) * r + f4(1.0)) * r + f4(1.0), k)
    return f4(0.0) if none else y

def bell32(a, h):
    # The exponential of -h * a**2 for h of 1 or 1/2, as a number and the power of two that `scaled32` takes. It heeds
    # what rounding the square loses. Both factors of the power are 0 for an exponent of -254.
    s = a * a
    low = fma(a, a, -s)
    k, r = exp_parts32(-h * s, f4(12583166.0))
    r = r - h * low
    return (exp_rest32(r) * r + f4(1.0)) * r + f4(1.0), k

def fraction32(x):
    # The exponent, and what the fraction is beyond 1.
    tiny = x < f4(1.17549435e-38)
    z = x * f4(8388608.0) if tiny else x
    i = i4(as_bits(z) - i4(0x3f3504f3))
    e = i4(i >> i4(23))
    m = as_float(i4(i4(i & i4(0x007fffff)) + i4(0x3f3504f3))) - f4(1.0)
    return f4(e) - (f4(23.0) if tiny else f4(0.0)), m

def log_parts32(x):
    # Also what is beyond two terms of the series of the fraction's logarithm.
    k, m = fraction32(x)
    p = horner32(m, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
    return k, m, m * (m * m) * p

def log32(x):
    # What is beyond one term of that series, by terms that do not wait for each other.
    k, m = fraction32(x)
    z = m * m
    p = f4(-0.07624775916337967) * z + (f4(0.12914568185806274) * m + f4(-0.13247047364711761))
    p = p * z + (f4(0.1418059915304184) * m + f4(-0.16608454287052155))
    p = p * z + (f4(0.20002013444900513) * m + f4(-0.25001609325408936))
    p = p * z + (f4(0.33333325386047363) * m + f4(-0.49999988079071045))
    return log_ends32(x, k * f4(0.6931471805599453) + (p * z + m))

def exp_parts64(x, bias):
    t = x * 1.4426950408889634 + bias
    n = t - bias
    r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6
    p = horner64(r, 2.5000400585392276e-08, 2.763025552876886e-07, 2.7557585318051696e-06, 2.4801493079116452e-05,
        0.00019841269507730477, 0.0013888888943648851, 0.008333333333493955, 0.041666666666530086, 0.16666666666666413,
        0.5000000000000011)
    return as_bits64(t), r, p

def exp64(x):
    none = x < -745.2
    x = 0.0 if none else (710.0 if x > 710.0 else x)
    k, r, p = exp_parts64(x, 6755399441057790.0)
    a = k >> i8(1)
    y = ((p * r + 1.0) * r + 1.0) * as_float64(a << i8(52)) * as_float64((k - a) << i8(52))
    return 0.0 if none else y

def decay64(q):
    k, r, p = exp_parts64(-q, 6755399441056767.0)
    p = p * (r * r) + r
    s = as_float64(k << i8(52))
    return s + s * p, (1.0 - s) - s * p

def log_parts64(x):
    tiny = x < 2.2250738585072014e-308
    z = x * 18014398509481984.0 if tiny else x
    i = as_bits64(z) - i8(0x3fe6a09e667f3bcd)
    e = i >> i8(52)
    m = as_float64((i & i8(0x000fffffffffffff)) + i8(0x3fe6a09e667f3bcd)) - 1.0
    k = (as_float64(i8(4843621399236968448) + e) - 6755399441055744.0) - (54.0 if tiny else 0.0)
    s = m / (2.0 + m)
    w = s * s
    p = horner64(w, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
        2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01)
    return k, m, s * (0.5 * m * m + w * p)

def log64(x):
    k, m, r = log_parts64(x)
    y = k * 6.93147180369123816490e-01 - ((0.5 * m * m - (r + k * 1.90821492927058770002e-10)) - m)
    return log_ends64(x, y)

def expm1_64(x):
    x = -60.0 if x < -60.0 else (710.0 if x > 710.0 else x)
    n = np.rint(x * 1.4426950408889634)
    r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6
    p = horner64(r, 1.6059043836821613e-10, 2.08767569878681e-09, 2.505210838544172e-08, 2.755731922398589e-07,
        2.7557319223985893e-06, 2.48015873015873e-05, 1.984126984126984e-04, 1.388888888888889e-03,
        8.333333333333333e-03, 4.1666666666666664e-02, 1.6666666666666666e-01, 0.5)
    # The last bits of a number so large that it has no fraction.
    k = as_bits64(n + 6755399441055744.0) - i8(4843621399236968448)
    a = k >> i8(1)
    # 1 less the reciprocal of the power of two that follows.
    d = 1.0 - as_float64((i8(1023) - (i8(100) if k > i8(100) else k)) << i8(52))
    y = p * (r * r) + r
    y = (y + d) if n != 0.0 else y
    y = y * as_float64((a + i8(1023)) << i8(52)) * as_float64((k - a + i8(1023)) << i8(52))
    return x if x == 0.0 else y

def tanh32(x):
    # Near 0 a polynomial. Further out what twice the exponential of -2 * a leaves to 1, from half of what that of 2 * r
    # is beyond 1; the exponent is one too large, and s twice the power. From 9.02 on the result rounds to 1.
    a = abs(x)
    z = x * x
    p = horner32(z, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
    near = x * (f4(1.0) + z * p)
    b = f4(9.02) if a > f4(9.02) else a
    t = b * f4(-2.8853900817779268) + f4(12583040.0)
    r = (t - f4(12583040.0)) * f4(-0.34657359027997264) - b
    w = r * r
    p = f4(0.044386104524) * w + (f4(0.13386018574238) * r + f4(0.333339481865))
    h = (p * w + (f4(0.6666618585586548) * r + f4(0.999999940395))) * w + r
    s = as_float(i4(as_bits(t) << i4(23)))
    e = s + (s + s) * h
    return near if a < f4(0.625) else copysign32(f4(1.0) - e / (f4(1.0) + f4(0.5) * e), x)

def tanh64(x):
    a = abs(x)
    e, u = decay64(44.0 if a > 22.0 else a + a)
    return copysign64(u - u * (e / (1.0 + e)), x)

def expm1_32(x):
    x = f4(-30.0) if x < f4(-30.0) else (f4(89.0) if x > f4(89.0) else x)
    k, r = exp_parts32(x, f4(12583166.0))
    d = i4(i4(1262485885) - (i4(1262485818) if k > i4(1262485818) else k))
    y = scaled32(exp_rest32(r) * (r * r) + r + (f4(1.0) - as_float(i4(d << i4(23)))), k)
    return x if x == f4(0.0) else y

def quarters64(x):
    # How many quarters of a turn are in x, and the sine and the cosine of what is left. Products are joined to sums, so
    # that nothing is lost where multiples of a quarter are taken away.
    n = np.rint(x * 0.6366197723675814)
    r = fma(-n, 1.5707963267948966, x)
    r = fma(-n, 6.123233995736766e-17, r)
    r = fma(-n, -1.4973849048591833e-33, r)
    z = r * r
    p = horner64(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
        -1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01)
    q = p * z * r + r
    p = horner64(z, -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07,
        2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02)
    return as_bits64(n + 6755399441055744.0), q, (p * z - 0.5) * z + 1.0

def turned64(x, quarter):
    # The sine of x and some quarters of a turn.
    k, q, p = quarters64(x)
    k = k + quarter
    y = p if (k & i8(1)) != i8(0) else q
    return -y if (k & i8(2)) != i8(0) else y

def sin64(x):
    y = turned64(x, i8(0))
    return x if x == 0.0 else y

def cos64(x):
    return turned64(x, i8(1))

def quarters32(x):
    n = np.rint(x * f4(0.63661977))
    r = fma(-n, f4(1.57079637050628662109375), x)
    r = fma(-n, f4(-4.37113900018624283e-8), r)
    r = fma(-n, f4(-1.71512451306e-15), r)
    z = r * r
    p = horner32(z, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
    q = p * z * r + r
    p = horner32(z, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
    return i4(n), q, (p * z - f4(0.5)) * z + f4(1.0)

def turned32(x, quarter):
    k, q, p = quarters32(x)
    k = i4(k + quarter)
    y = p if i4(k & i4(1)) != i4(0) else q
    return -y if i4(k & i4(2)) != i4(0) else y

def sin32(x):
    y = turned32(x, i4(0))
    return x if x == f4(0.0) else y

def cos32(x):
    return turned32(x, i4(1))
""") + twins("""
def log_ends64(x, y):
    y = x if x == np.inf else y
    y = -np.inf if x == 0.0 else y
    return y if x >= 0.0 else np.nan

def log1p64(x):
    u = 1.0 + x
    c = (x - (u - 1.0)) / u
    y = log64(u)
    return y if (u == np.inf) | (u == 0.0) else (x if x == 0.0 else y + c)

def sigmoid64(x):
    e = exp64(-abs(x))
    return (e if x < 0.0 else 1.0) / (1.0 + e)
""")
