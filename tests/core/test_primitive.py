"""Declaring primitives."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.core import Refused, bind, elementwise, general, linear, registry
from funcnet.errors import NotDifferentiableError, ParameterError


@pytest.fixture
def scratch():
    """Forget the primitives that a test declares."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


@pytest.mark.usefixtures("scratch")
class TestDeclaration:
    def test_an_elementwise_declaration_gives_every_rule(self):
        cube = elementwise("test.cube", lambda xp, x: x**3, partials=[lambda g, x: g * 3 * x**2])
        x = np.array([1.0, -2.0])
        np.testing.assert_array_equal(bind(cube, x), [1.0, -8.0])
        np.testing.assert_array_equal(fn.grad(lambda x: bind(cube, x).sum())(x), [3.0, 12.0])
        _, t = fn.jvp(lambda x: bind(cube, x), (x,), (np.ones(2),))
        np.testing.assert_array_equal(t, [3.0, 12.0])
        np.testing.assert_array_equal(
            fn.grad(lambda x: fn.grad(lambda x: bind(cube, x).sum())(x).sum())(x), [6.0, -12.0]
        )
        assert fn.eval_shape(lambda x: bind(cube, x), fn.Spec((2, 3))) == fn.Spec((2, 3))

    @pytest.mark.requirement("T2")
    def test_names_are_unique(self):
        elementwise("test.once", lambda xp, x: x, partials=[1])
        with pytest.raises(ParameterError, match="registered already") as caught:
            elementwise("test.once", lambda xp, x: x, partials=[1])
        assert "mypackage.test.once" in str(caught.value)

    def test_a_partial_with_an_unknown_parameter_is_refused(self):
        p = elementwise("test.bad", lambda xp, x: x, partials=[lambda g, z: g * z])
        with pytest.raises(ParameterError, match="unknown parameter") as caught:
            fn.grad(lambda x: bind(p, x))(1.0)
        assert "z" in str(caught.value)

    def test_a_linear_declaration_gives_both_directions(self):
        twice = linear("test.twice", lambda xp, x, *, by: by * x, transpose=[lambda y, x, *, by: lambda g: by * g])
        np.testing.assert_array_equal(fn.grad(lambda x: bind(twice, x, by=2.0).sum())(np.ones(3)), 2 * np.ones(3))
        assert fn.jvp(lambda x: bind(twice, x, by=2.0), (1.0,), (3.0,))[1] == 6.0

    def test_forward_mode_of_a_general_declaration_is_the_transposed_reverse_rule(self):
        def maker(y, x):
            return lambda g: 2 * x * g[::-1]

        p = general("test.flipped_square", lambda xp, x: xp.flip(x * x), vjp=[maker])
        x, t = np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])
        _, tangent = fn.jvp(lambda x: bind(p, x), (x,), (t,))
        np.testing.assert_array_equal(tangent, (2 * x * t)[::-1])

    @pytest.mark.requirement("T31")
    def test_an_argument_can_be_refused_with_a_reason(self):
        p = general("test.refused", lambda xp, x: x, vjp=[Refused("it is only defined on a lattice", "round(x)")])
        for transformed in (fn.grad(lambda x: bind(p, x)), lambda x: fn.jvp(lambda x: bind(p, x), (x,), (x,))):
            with pytest.raises(NotDifferentiableError, match="argument 0") as caught:
                transformed(1.0)
            assert "only defined on a lattice" in str(caught.value)
            assert "round(x)" in str(caught.value)

    @pytest.mark.requirement("T30")
    def test_a_declared_zero_derivative_is_zero(self):
        p = elementwise("test.steps", lambda xp, x: xp.floor(x), partials=[None])
        np.testing.assert_array_equal(fn.grad(lambda x: bind(p, x).sum())(np.ones(3)), np.zeros(3))

    @pytest.mark.requirement("D16", "T29", "DX22")
    def test_several_outputs_of_which_one_is_unused(self):
        p = general(
            "test.two",
            lambda xp, x: (x * 2, x * x),
            vjp=[lambda y, x: lambda g: sum(c for c in (g[0] and g[0] * 2, g[1] and g[1] * 2 * x) if c is not None)],
            multiple=True,
        )
        assert fn.grad(lambda x: bind(p, x)[1])(3.0) == 6.0
        assert fn.grad(lambda x: bind(p, x)[0])(3.0) == 2.0
        assert fn.grad(lambda x: sum(bind(p, x)))(3.0) == 8.0

    @pytest.mark.requirement("T19")
    def test_parameters_are_hashable(self):
        p = linear("test.listed", lambda xp, x, *, n: x, transpose=[lambda y, x, *, n: None])
        with pytest.raises(ParameterError, match=r"'n' of 'test\.listed' is not hashable") as caught:
            fn.grad(lambda x: bind(p, x, n=[1]))(1.0)
        assert "n=tuple(...)" in str(caught.value)

    @pytest.mark.requirement("T35")
    def test_a_missing_shape_rule_is_named(self):
        p = general("test.shapeless", lambda xp, x: x, vjp=None)
        with pytest.raises(ParameterError, match=r"test\.shapeless.* no shape rule"):
            fn.eval_shape(lambda x: bind(p, x), fn.Spec(()))
