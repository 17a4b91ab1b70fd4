"""Objects come into memory with what they call, or not at all."""

import ctypes

import pytest

binding = pytest.importorskip("llvmlite.binding", reason="llvmlite is not installed")

from funcnet.compiler.loops.link import host, linked  # noqa: E402

TEXT = """
declare double @{0}(double)
define double @f(double %x) {{
    %y = call double @{0}(double %x)
    %z = fadd double %y, 1.0
    ret double %z
}}
"""
KIND = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def code(callee: str) -> bytes:
    return host().emit_object(binding.parse_assembly(TEXT.format(callee)))


def test_what_the_process_has() -> None:
    (f,) = linked(code("sqrt"), ["f"], {})
    assert KIND(f)(4.0) == 3.0
    (again,) = linked(code("fabs"), ["f"], {})
    assert (KIND(again)(-4.0), KIND(f)(9.0)) == (5.0, 4.0)


def test_what_is_given() -> None:
    double = KIND(lambda x: 2 * x)
    address = ctypes.cast(double, ctypes.c_void_p).value or 0
    (f,) = linked(code("funcnet_test_double"), ["f"], {"funcnet_test_double": address, "funcnet_not_called": 0})
    assert KIND(f)(4.0) == 9.0


def test_what_nobody_has(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="f"):
        linked(code("funcnet_test_nothing"), ["f"], {})
    with pytest.raises(RuntimeError, match="g"):
        linked(code("sqrt"), ["g"], {})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("start", [0, 3, 64, 200])
def test_what_is_no_object(start: int) -> None:
    with pytest.raises(RuntimeError):
        linked(code("sqrt")[:start], ["f"], {})
