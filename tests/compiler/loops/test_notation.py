"""Short notation gives the source that is meant."""

from funcnet.compiler.loops.notation import expanded, twins


def test_polynomials() -> None:
    found = expanded("def f(x):\n    p = horner64(x, -1.5e-3, 2.0,\n        3.0)\n    return p\n")
    assert found == "def f(x):\n    p = -1.5e-3\n    p = p * x + 2.0\n    p = p * x + 3.0\n    return p\n"
    assert expanded("  q = horner32(z, 1.5, -0.5)\n") == "  q = f4(1.5)\n  q = q * z + f4(-0.5)\n"


def test_single_precision() -> None:
    double = "def f64(x, y2):\n    return np.inf if x < 1e-3 else g64(y2, 2.5) - h_64(-1.5e+3)\n"
    single = "def f32(x, y2):\n    return f4(np.inf) if x < f4(1e-3) else g32(y2, f4(2.5)) - h_32(-f4(1.5e+3))\n"
    assert twins(double) == double + single
