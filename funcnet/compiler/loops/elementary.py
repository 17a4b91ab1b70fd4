"""Elementary functions that are made of those in `vector_math`: logarithms to other bases, lengths, remainders.

Like those they are without branches, so that LLVM vectorises them, and exact at zeros, infinities and NaN.

References
----------
Sun Microsystems, "Freely distributable libm", 1993, and its successors in FreeBSD (logarithms to base 2 and 10).
"""

from __future__ import annotations

from funcnet.compiler.loops.notation import expanded, twins

__all__ = ["SOURCE"]

SOURCE = expanded("""
def log2_32(x):
    k, m, r = log_parts32(x)
    h = f4(0.5) * m * m
    # The leading bits by themselves, whose product with those of the factor is exact.
    top = as_float(i4(as_bits(m - h) & i4(-4096)))
    low = (m - top) - h + r
    y = (low + top) * f4(-1.7605285393e-4) + low * f4(1.4428710938) + top * f4(1.4428710938) + k
    return log_ends32(x, y)

def log10_32(x):
    k, m, r = log_parts32(x)
    h = f4(0.5) * m * m
    top = as_float(i4(as_bits(m - h) & i4(-4096)))
    low = (m - top) - h + r
    y = k * f4(7.9034151668e-7) + (low + top) * f4(-3.1689971365e-5) + low * f4(4.3432617188e-1)
    y = y + top * f4(4.3432617188e-1) + k * f4(3.0102920532e-1)
    return log_ends32(x, y)

def log2_64(x):
    k, m, r = log_parts64(x)
    h = 0.5 * m * m
    top = as_float64(as_bits64(m - h) & i8(-4294967296))
    low = (m - top) - h + r
    first = top * 1.44269504072144627571
    rest = (low + top) * 1.67517131648865118353e-10 + low * 1.44269504072144627571
    y = k + first
    rest = rest + ((k - y) + first)
    return log_ends64(x, y + rest)

def log10_64(x):
    k, m, r = log_parts64(x)
    h = 0.5 * m * m
    top = as_float64(as_bits64(m - h) & i8(-4294967296))
    low = (m - top) - h + r
    first = top * 4.34294481878168880939e-01
    second = k * 3.01029995663611771306e-01
    rest = k * 3.69423907715893078616e-13 + (low + top) * 2.50829467116452752298e-11 + low * 4.34294481878168880939e-01
    y = second + first
    rest = rest + ((second - y) + first)
    return log_ends64(x, y + rest)

def exp2_32(x):
    none = x < f4(-150.0)
    x = f4(0.0) if none else (f4(129.0) if x > f4(129.0) else x)
    t = f4(0.5) * x + f4(12583039.0)
    n = t - f4(12583039.0)
    r = x - (n + n)
    p = horner32(r, 1.3043827493675053e-6, 1.5435251043527387e-5, 1.5407591126859188e-4, 1.3332677772268653e-3,
        9.61811188608408e-3, 5.550411343574524e-2, 0.24022650718688965, 0.6931471824645996, 1.0)
    # Half of the exponent, twice, since it may be out of range by itself.
    s = as_float(i4(as_bits(t) << i4(23)))
    y = p * s * s
    return f4(0.0) if none else y

def exp2_64(x):
    none = x < -1076.0
    x = 0.0 if none else (1025.0 if x > 1025.0 else x)
    t = 0.5 * x + 6755399441056767.0
    n = t - 6755399441056767.0
    r = x - (n + n)
    p = horner64(r, 6.728827791746561e-14, 1.3806881665443938e-12, 2.5681149992496865e-11, 4.445369522673036e-10,
        7.05490751555531e-09, 1.017808725632579e-07, 1.3215486818846965e-06, 1.5252733799178084e-05,
        1.5403530393282372e-04, 1.3333558146438078e-03, 9.618129107628633e-03, 5.55041086648215e-02,
        0.2402265069591007, 0.6931471805599453, 1.0)
    s = as_float64(as_bits64(t) << i8(52))
    y = p * s * s
    return 0.0 if none else y

def softened32(d):
    # The logarithm of 1 + exp(d) for d that is not positive: twice the area tangent of e / (2 + e).
    e = exp32(d)
    s = e / (f4(2.0) + e)
    w = s * s
    p = horner32(w, 0.2424486130475998, 0.21443955600261688, 0.28615209460258484, 0.3999894857406616,
        0.6666667461395264)
    return p * (w * s) + (s + s)

def softened64(d):
    e = exp64(d)
    s = e / (2.0 + e)
    w = s * s
    p = horner64(w, 0.17797001264103154, 0.0987268497087399, 0.1359299039008183, 0.1536348739773085,
        0.1818287213259613, 0.22222190388512536, 0.28571429121835196, 0.3999999999517793, 0.6666666666668303)
    return p * (w * s) + (s + s)

def logit32(x):
    # Beside 1/2 twice the area tangent of 2 x - 1, which is exact there.
    s = x + x - f4(1.0)
    w = s * s
    p = horner32(w, 0.26098838448524475, 0.15527093410491943, 0.22529396414756775, 0.2855381965637207,
        0.4000045955181122, 0.6666666269302368)
    near = p * (w * s) + (s + s)
    far = log32(x / (f4(1.0) - x))
    return near if abs(s) < f4(0.4) else far

def logit64(x):
    s = x + x - 1.0
    w = s * s
    p = horner64(w, 0.22302390042769576, 0.027998169116344538, 0.12285527647364472, 0.11481910897627665,
        0.1336288838598814, 0.15382573549483358, 0.1818191050769259, 0.2222221958595488, 0.2857142861572176,
        0.3999999999961628, 0.6666666666666796)
    near = p * (w * s) + (s + s)
    far = log64(x / (1.0 - x))
    return near if abs(s) < 0.4 else far

def hypot32(x, y):
    a = abs(x)
    b = abs(y)
    m = a if a > b else b
    # Scaled where squares leave the range.
    large = m > f4(1e18)
    small = m < f4(1e-12)
    s = f4(8.271806125530277e-25) if large else (f4(1.2676506002282294e30) if small else f4(1.0))
    t = f4(1.2089258196146292e24) if large else (f4(7.888609052210118e-31) if small else f4(1.0))
    a = a * s
    b = b * s
    d = np.sqrt(a * a + b * b) * t
    return f4(np.inf) if (abs(x) == f4(np.inf)) | (abs(y) == f4(np.inf)) else d

def hypot64(x, y):
    a = abs(x)
    b = abs(y)
    m = a if a > b else b
    large = m > 1e150
    small = m < 1e-140
    s = 2.409919865102884e-181 if large else (4.149515568880993e180 if small else 1.0)
    t = 4.149515568880993e180 if large else (2.409919865102884e-181 if small else 1.0)
    a = a * s
    b = b * s
    d = np.sqrt(a * a + b * b) * t
    return np.inf if (abs(x) == np.inf) | (abs(y) == np.inf) else d

def far_remainder(x, y):
    # Any quotient, one number at a time.
    r = np.fmod(x, y)
    r = r + y if (r != 0) & ((r < 0) != (y < 0)) else r
    return np.copysign(r, y) if r == 0 else r

def far_floor_divide(x, y):
    r = np.fmod(x, y)
    q = (x - r) / y
    q = q - 1 if (r != 0) & ((r < 0) != (y < 0)) else q
    n = np.floor(q)
    n = n + 1 if q - n > 0.5 else n
    n = np.copysign(q, x / y) if q == 0 else n
    return x / y if y == 0 else n

def copysign32(x, y):
    return as_float(i4(i4(as_bits(x) & i4(0x7fffffff)) | i4(as_bits(y) & i4(-2147483648))))

def copysign64(x, y):
    return as_float64((as_bits64(x) & i8(0x7fffffffffffffff)) | (as_bits64(y) & i8(-9223372036854775808)))
""") + twins("""
def alone64(x):
    # A number and what it lacks to one of more digits.
    return x, 0.0

def inverse64(x):
    y = 1.0 / x
    return y, fma(-x, y, 1.0) * y

def product64(p, q):
    x, low = p
    y, rest = q
    z = x * y
    return z, fma(x, y, -z) + (x * rest + y * low)

def square64(p):
    return product64(p, p)

def rounded64(p):
    # What is infinite or 0 lacks nothing.
    x, low = p
    return x + low if (abs(x) < np.inf) & (x != 0.0) else x

def softplus64(x):
    return (x if x > 0.0 else 0.0) + softened64(-abs(x))

def logaddexp64(x, y):
    # The difference of equal infinities counts as 0, that with a NaN is one.
    d = 0.0 if x == y else -abs(x - y)
    return (x if x > y else y) + softened64(d)

def remainder64(x, y):
    # Exact where the quotient has all of its digits: rounded, it is too large by 1 at most.
    r = fma(-np.trunc(x / y), y, x)
    r = r + copysign64(y, x) if (r != 0.0) & ((r < 0.0) != (x < 0.0)) else r
    r = r + y if (r != 0.0) & ((r < 0.0) != (y < 0.0)) else r
    return copysign64(0.0, y) if r == 0.0 else r

def floor_divide64(x, y):
    q = np.trunc(x / y)
    r = fma(-q, y, x)
    over = (r != 0.0) & ((r < 0.0) != (x < 0.0))
    q = q - copysign64(1.0, q) if over else q
    r = r + copysign64(y, x) if over else r
    q = q - 1.0 if (r != 0.0) & ((r < 0.0) != (y < 0.0)) else q
    return copysign64(0.0, x / y) if q == 0.0 else q
""")
