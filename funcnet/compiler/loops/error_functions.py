"""Error functions and the normal distribution in generated loops.

The complement is the exponential of the negative square times a polynomial in ``(x - 4) / (x + 4)``, the inverse a
polynomial in the logarithm of ``1 - x**2`` or in its root. The coefficients are those of least largest error, made by
the algorithm of Remez; errors in units in the last place are in the tests.

References
----------
M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x**2) erfc x", Mathematics of Computation
36, 1981.
W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23, 1969.
M. Giles, "Approximating the erfinv function", GPU Computing Gems, Jade Edition, 2011.
"""

from __future__ import annotations

__all__ = ["SOURCE"]

SOURCE = """
def near_erf32(x):
    z = x * x
    p = f4(-7.812915100657847e-06)
    p = p * z + f4(0.00010521626245463267)
    p = p * z + f4(-0.0008365327958017588)
    p = p * z + f4(0.005211508832871914)
    p = p * z + f4(-0.026861442252993584)
    p = p * z + f4(0.11283700913190842)
    p = p * z + f4(-0.37612631916999817)
    p = p * z + f4(0.12837916612625122)
    return p * x + x

def near_erf64(x):
    z = x * x
    p = -7.779461096647091e-10
    p = p * z + 1.3710984366953543e-08
    p = p * z + -1.6206316841240643e-07
    p = p * z + 1.6447132310950468e-06
    p = p * z + -1.4924712394920639e-05
    p = p * z + 0.00012055293583835978
    p = p * z + -0.0008548325929633647
    p = p * z + 0.005223977606127437
    p = p * z + -0.026866170643112922
    p = p * z + 0.11283791670944197
    p = p * z + -0.3761263890318352
    p = p * z + 1.1283791670955126
    return p * x

def erf32(x):
    # A rational function fitted to erf(x) / x up to 3.925, where the result rounds to 1.
    a = abs(x)
    z = f8(x)
    s = z * z
    p = 2.0459214097789804e-06
    p = p * s + 2.848206748093003e-04
    p = p * s + 3.77210747674352e-03
    p = p * s + 5.276785555393524e-02
    p = p * s + 1.9058525230767404e-01
    p = p * s + 1.1283791458539807
    q = 3.804548041007424e-05
    q = q * s + 1.1637269728149697e-03
    q = q * s + 1.4982309441974357e-02
    q = q * s + 1.1417892175470173e-01
    q = q * s + 5.0223451499218e-01
    q = q * s + 1.0
    y = f4(z * p / q)
    one = f4(-1.0) if x < f4(0.0) else f4(1.0)
    return one if a > f4(3.925) else y

def erf64(x):
    a = abs(x)
    a = 6.0 if a > 6.0 else a
    z = a * a
    near = a < 0.46875
    p = 1.85777706184603153e-1
    p = p * z + 3.16112374387056560e00
    p = p * z + 1.13864154151050156e02
    p = p * z + 3.77485237685302021e02
    p = p * z + 3.20937758913846947e03
    q = 1.0
    q = q * z + 2.36012909523441209e01
    q = q * z + 2.44024637934444173e02
    q = q * z + 1.28261652607737228e03
    q = q * z + 2.84423683343917062e03
    s = 2.15311535474403846e-8
    s = s * a + 5.64188496988670089e-1
    s = s * a + 8.88314979438837594e0
    s = s * a + 6.61191906371416295e01
    s = s * a + 2.98635138197400131e02
    s = s * a + 8.81952221241769090e02
    s = s * a + 1.71204761263407058e03
    s = s * a + 2.05107837782607147e03
    s = s * a + 1.23033935479799725e03
    t = 1.0
    t = t * a + 1.57449261107098347e01
    t = t * a + 1.17693950891312499e02
    t = t * a + 5.37181101862009858e02
    t = t * a + 1.62138957456669019e03
    t = t * a + 3.29079923573345963e03
    t = t * a + 4.36261909014324716e03
    t = t * a + 3.43936767414372164e03
    t = t * a + 1.23033935480374942e03
    y = (p if near else s) / (q if near else t)
    far = 1.0 - exp64(-z) * y
    return x * y if near else (-far if x < 0.0 else far if x > 0.0 else x)

def scaled_tail32(a):
    # The scaled complement of the error function, for a that is not negative.
    t = f4(1.0) - f4(8.0) / (a + f4(4.0))
    p = f4(-0.0002477631496731192)
    p = p * t + f4(-0.00035643839510157704)
    p = p * t + f4(0.005079763010144234)
    p = p * t + f4(-0.016642119735479355)
    p = p * t + f4(0.03714375197887421)
    p = p * t + f4(-0.06609482318162918)
    p = p * t + f4(0.09373835474252701)
    p = p * t + f4(-0.1010972186923027)
    p = p * t + f4(0.0680965855717659)
    p = p * t + f4(0.015385109931230545)
    p = p * t + f4(-0.13962110877037048)
    p = p * t + f4(1.2329950332641602)
    return p * (f4(0.5) / (f4(0.5) + a))

def scaled_tail64(a):
    t = 1.0 - 8.0 / (a + 4.0)
    p = -2.561690486546225e-10
    p = p * t + 9.306311966750017e-10
    p = p * t + 3.1117507852072644e-09
    p = p * t + -1.2343917458396201e-08
    p = p * t + -2.0411405438806818e-08
    p = p * t + 1.0633166623328995e-07
    p = p * t + 7.724909769480755e-08
    p = p * t + -8.210848429211314e-07
    p = p * t + 2.9218011314090594e-07
    p = p * t + 5.706597057957892e-06
    p = p * t + -1.1221414577761597e-05
    p = p * t + -2.4397742618728488e-05
    p = p * t + 0.0001506215423568681
    p = p * t + -0.0001992571478562528
    p = p * t + -0.0007577732754624326
    p = p * t + 0.005031970067905397
    p = p * t + -0.016197734057405322
    p = p * t + 0.03716751552652834
    p = p * t + -0.06633036581242574
    p = p * t + 0.09373283499909575
    p = p * t + -0.10103906603628833
    p = p * t + 0.06809705425466908
    p = p * t + 0.015379652102619362
    p = p * t + -0.1396211168405623
    p = p * t + 1.2329951186255526
    return p * (0.5 / (0.5 + a))

def squared_exp32(x):
    # The exponential of the negative square, whose rounding it heeds.
    z = x * x
    e = exp32(-z)
    return e - e * fma(x, x, -z) if e > f4(0.0) else e

def squared_exp64(x):
    z = x * x
    e = exp64(-z)
    return e - e * fma(x, x, -z) if e > 0.0 else e

def erfc32(x):
    a = abs(x)
    y = squared_exp32(a) * scaled_tail32(a)
    far = f4(2.0) - y if x < f4(0.0) else y
    return f4(1.0) - near_erf32(x) if a < f4(0.5) else far

def erfc64(x):
    a = abs(x)
    y = squared_exp64(a) * scaled_tail64(a)
    far = 2.0 - y if x < 0.0 else y
    return 1.0 - near_erf64(x) if a < 0.5 else far

def erfcx32(x):
    y = scaled_tail32(abs(x))
    z = x * x
    e = exp32(z)
    e = e + e * fma(x, x, -z) if e < f4(np.inf) else e
    far = e + e - y if x < f4(0.0) else y
    return e - e * near_erf32(x) if abs(x) < f4(0.5) else far

def erfcx64(x):
    y = scaled_tail64(abs(x))
    z = x * x
    e = exp64(z)
    e = e + e * fma(x, x, -z) if e < np.inf else e
    far = e + e - y if x < 0.0 else y
    return e - e * near_erf64(x) if abs(x) < 0.5 else far

def half_square32(x):
    # Half of the square, in two parts.
    z = x * x
    low = fma(x, x, -z) if z < f4(np.inf) else f4(0.0)
    return f4(0.5) * z, f4(0.5) * low

def half_square64(x):
    z = x * x
    low = fma(x, x, -z) if z < np.inf else 0.0
    return 0.5 * z, 0.5 * low

def ndtr32(x):
    z, low = half_square32(x)
    e = exp32(-z)
    y = f4(0.5) * (e - e * low) * scaled_tail32(abs(x) * f4(0.70710678))
    far = y if x < f4(0.0) else f4(1.0) - y
    return f4(0.5) + f4(0.5) * near_erf32(x * f4(0.70710678)) if abs(x) < f4(0.7) else far

def ndtr64(x):
    z, low = half_square64(x)
    e = exp64(-z)
    y = 0.5 * (e - e * low) * scaled_tail64(abs(x) * 0.7071067811865476)
    far = y if x < 0.0 else 1.0 - y
    return 0.5 + 0.5 * near_erf64(x * 0.7071067811865476) if abs(x) < 0.7 else far

def log_ndtr32(x):
    z, low = half_square32(x)
    q = f4(0.5) * scaled_tail32(abs(x) * f4(0.70710678))
    e = exp32(-z)
    h = q * (e - e * low)
    u = f4(1.0) - h
    # On the right what is left to 1 is added to the logarithm, on the left the exponent.
    y = log32(q if x < f4(0.0) else u)
    y = (y - low) - z if x < f4(0.0) else y + ((f4(1.0) - u) - h) / u
    return f4(-np.inf) if x == f4(-np.inf) else -abs(y)

def log_ndtr64(x):
    z, low = half_square64(x)
    q = 0.5 * scaled_tail64(abs(x) * 0.7071067811865476)
    e = exp64(-z)
    h = q * (e - e * low)
    u = 1.0 - h
    y = log64(q if x < 0.0 else u)
    y = (y - low) - z if x < 0.0 else y + ((1.0 - u) - h) / u
    return -np.inf if x == -np.inf else -abs(y)

def inverse_erf32(x, rest):
    # Polynomials in the logarithm of what the square of x leaves to 1, and in its root.
    w = -log32(rest)
    s = np.sqrt(w)
    u = w - f4(2.5)
    p = f4(2.849607305677182e-08)
    p = p * u + f4(3.4404229154461063e-07)
    p = p * u + f4(-3.528050683598849e-06)
    p = p * u + f4(-4.400561920192558e-06)
    p = p * u + f4(0.0002185966877732426)
    p = p * u + f4(-0.0012536938302218914)
    p = p * u + f4(-0.004177693743258715)
    p = p * u + f4(0.24664071202278137)
    p = p * u + f4(1.5014094114303589)
    u = s - f4(3.1875)
    q = f4(-0.00012060390145052224)
    q = q * u + f4(-0.00013328179193194956)
    q = q * u + f4(0.0011843657121062279)
    q = q * u + f4(-0.002232275204733014)
    q = q * u + f4(0.003051032545045018)
    q = q * u + f4(-0.004404556006193161)
    q = q * u + f4(0.006140680052340031)
    q = q * u + f4(1.0045384168624878)
    q = q * u + f4(3.0210788249969482)
    u = s - f4(7.1875)
    r = f4(1.452751430264243e-08)
    r = r * u + f4(-7.489452968911792e-08)
    r = r * u + f4(1.4830411032562552e-07)
    r = r * u + f4(-1.0345063401473453e-06)
    r = r * u + f4(5.2072682592552155e-06)
    r = r * u + f4(9.53431117522996e-06)
    r = r * u + f4(-0.0005088283214718103)
    r = r * u + f4(1.0084047317504883)
    r = r * u + f4(7.0581135749816895)
    y = x * (p if w < f4(5.0) else (q if s < f4(4.1) else r))
    return copysign32(f4(np.inf), x) if rest == f4(0.0) else y

def inverse_erf64(x, rest):
    w = -log64(rest)
    s = np.sqrt(w)
    u = w - 3.125
    p = 3.3758835944757328e-21
    p = p * u + -1.0094335636412738e-21
    p = p * u + -3.5755749296640694e-19
    p = p * u + 1.1444308757751415e-18
    p = p * u + 1.5759972000777475e-17
    p = p * u + -1.3003952446159943e-16
    p = p * u + -4.2868490122382385e-17
    p = p * u + 6.594705960781919e-15
    p = p * u + -3.998975063734343e-14
    p = p * u + -8.11701349405461e-14
    p = p * u + 2.6303543915087423e-12
    p = p * u + -1.2976958042591005e-11
    p = p * u + -5.41423891742641e-11
    p = p * u + 1.051218397677142e-09
    p = p * u + -4.112661980065916e-09
    p = p * u + -2.9070382773566e-08
    p = p * u + 4.234788190817341e-07
    p = p * u + -1.3654691844360254e-06
    p = p * u + -1.3882523395795888e-05
    p = p * u + 0.0001867342080242568
    p = p * u + -0.0007407025341539527
    p = p * u + -0.006033670871427754
    p = p * u + 0.24015818242558826
    p = p * u + 1.6536545626831027
    u = s - 3.25
    q = 8.946225361654504e-08
    q = q * u + -2.699954556743273e-07
    q = q * u + 2.1215375667251656e-08
    q = q * u + 1.4977544126772751e-06
    q = q * u + -4.016672264582614e-06
    q = q * u + 2.9259930686348256e-06
    q = q * u + 1.247669989326157e-05
    q = q * u + -4.731897224875942e-05
    q = q * u + 6.82844585333287e-05
    q = q * u + 2.40312340911866e-05
    q = q * u + -0.0003550374580751943
    q = q * u + 0.0009532893686530815
    q = q * u + -0.0016882755612103058
    q = q * u + 0.002491442096572728
    q = q * u + -0.003751208507377657
    q = q * u + 0.005370914553583438
    q = q * u + 1.0052589676941572
    q = q * u + 3.0838856104922208
    p = p if w < 6.25 else q
    u = s - 5.0625
    q = 3.216569380064093e-11
    q = q * u + 7.9665769306165e-12
    q = q * u + -4.0117966641345496e-10
    q = q * u + 1.1301304653841646e-09
    q = q * u + -2.397326938796358e-09
    q = q * u + 5.225561067685248e-09
    q = q * u + -1.0423694950378123e-08
    q = q * u + 2.044597430662398e-08
    q = q * u + -5.2266827714868565e-08
    q = q * u + 1.955491377614207e-07
    q = q * u + -8.872380264886546e-07
    q = q * u + 4.115365304916049e-06
    q = q * u + -1.806294992581406e-05
    q = q * u + 7.010167371062415e-05
    q = q * u + -0.00019677853819734833
    q = q * u + -0.0001773033612601917
    q = q * u + 1.010280677803564
    q = q * u + 4.913049587233785
    p = p if s < 4.0 else q
    u = 1.0 / s - 0.1
    q = 1.0477182051917742e+16
    q = q * u + -1033355408662969.0
    q = q * u + -115821389349101.97
    q = q * u + 9597344682260.041
    q = q * u + 1178877349863.7786
    q = q * u + -103802134835.96997
    q = q * u + -216376736.0300994
    q = q * u + -182888787.85503936
    q = q * u + 68595630.31581625
    q = q * u + -8225610.945430918
    q = q * u + 994258.10338048
    q = q * u + -138221.4146142964
    q = q * u + 19905.78663468312
    q = q * u + -2985.5598830858635
    q = q * u + 477.8305570986479
    q = q * u + -83.19519094363525
    q = q * u + 16.294554391353337
    q = q * u + -4.2033055208500345
    q = q * u + 1.638016084996349
    q = q * u + -0.34980850856966494
    q = q * u + -0.16908702367107079
    q = q * u + 0.9890609132540965
    y = x * (p if s < 6.1 else q * s)
    return copysign64(np.inf, x) if rest == 0.0 else y

def erfinv32(x):
    return inverse_erf32(x, fma(-x, x, f4(1.0)))

def erfinv64(x):
    return inverse_erf64(x, (1.0 - x) * (1.0 + x))

def erfcinv32(x):
    return inverse_erf32(f4(1.0) - x, x * (f4(2.0) - x))

def erfcinv64(x):
    return inverse_erf64(1.0 - x, x * (2.0 - x))

def ndtri32(x):
    return f4(1.41421356) * inverse_erf32(x + x - f4(1.0), f4(4.0) * (x * (f4(1.0) - x)))

def ndtri64(x):
    return 1.4142135623730951 * inverse_erf64(x + x - 1.0, 4.0 * (x * (1.0 - x)))
"""
