"""Published polynomials that kernels and reference implementations share.

Coefficients stand from the highest power down, as Horner's scheme takes them.

References
----------
.. [1] M. Giles, "Approximating the erfinv function", GPU Computing Gems Jade Edition, Morgan Kaufmann, 2011,
   pp. 109-116. https://people.maths.ox.ac.uk/gilesm/files/gems_erfinv.pdf (2010)
.. [2] W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969),
   pp. 631-637. https://doi.org/10.1090/S0025-5718-1969-0247736-4
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ERFINV_DOUBLE",
    "ERFINV_SINGLE",
    "ERF_LARGE",
    "ERF_MIDDLE",
    "ERF_SMALL",
    "ErfinvPiece",
    "Rational",
    "horner",
]


class ErfinvPiece(NamedTuple):
    """One piece of Giles's approximation: ``erfinv(x) = x * polynomial(t - centre)`` for ``w < limit``.

    Here ``w = -log((1 - x) * (1 + x))``, and t is w in the first piece and its square root in the others.
    """

    limit: float
    centre: float
    coefficients: tuple[float, ...]


class Rational(NamedTuple):
    """A quotient of two polynomials."""

    numerator: tuple[float, ...]
    denominator: tuple[float, ...]

    def __call__(self, t: Any) -> Any:
        """Return the values at the elements of an array."""
        return horner(self.numerator, t) / horner(self.denominator, t)


def horner(coefficients: Sequence[float], t: Any) -> Any:
    """Return the values of a polynomial of degree one or more at the elements of an array."""
    y = t * coefficients[0]
    for c in coefficients[1:-1]:
        y = (y + c) * t
    return y + coefficients[-1]


#: Giles's approximation in single precision [1]_.
ERFINV_SINGLE: tuple[ErfinvPiece, ...] = (
    ErfinvPiece(
        5.0,
        2.5,
        (
            2.81022636e-08,
            3.43273939e-07,
            -3.5233877e-06,
            -4.39150654e-06,
            0.00021858087,
            -0.00125372503,
            -0.00417768164,
            0.246640727,
            1.50140941,
        ),
    ),
    ErfinvPiece(
        float("inf"),
        3.0,
        (
            -0.000200214257,
            0.000100950558,
            0.00134934322,
            -0.00367342844,
            0.00573950773,
            -0.0076224613,
            0.00943887047,
            1.00167406,
            2.83297682,
        ),
    ),
)

#: Giles's approximation in double precision [1]_.
ERFINV_DOUBLE: tuple[ErfinvPiece, ...] = (
    ErfinvPiece(
        6.25,
        3.125,
        (
            -3.6444120640178196996e-21,
            -1.685059138182016589e-19,
            1.2858480715256400167e-18,
            1.115787767802518096e-17,
            -1.333171662854620906e-16,
            2.0972767875968561637e-17,
            6.6376381343583238325e-15,
            -4.0545662729752068639e-14,
            -8.1519341976054721522e-14,
            2.6335093153082322977e-12,
            -1.2975133253453532498e-11,
            -5.4154120542946279317e-11,
            1.051212273321532285e-09,
            -4.1126339803469836976e-09,
            -2.9070369957882005086e-08,
            4.2347877827932403518e-07,
            -1.3654692000834678645e-06,
            -1.3882523362786468719e-05,
            0.0001867342080340571352,
            -0.00074070253416626697512,
            -0.0060336708714301490533,
            0.24015818242558961693,
            1.6536545626831027356,
        ),
    ),
    ErfinvPiece(
        16.0,
        3.25,
        (
            2.2137376921775787049e-09,
            9.0756561938885390979e-08,
            -2.7517406297064545428e-07,
            1.8239629214389227755e-08,
            1.5027403968909827627e-06,
            -4.013867526981545969e-06,
            2.9234449089955446044e-06,
            1.2475304481671778723e-05,
            -4.7318229009055733981e-05,
            6.8284851459573175448e-05,
            2.4031110387097893999e-05,
            -0.0003550375203628474796,
            0.00095328937973738049703,
            -0.0016882755560235047313,
            0.0024914420961078508066,
            -0.0037512085075692412107,
            0.005370914553590063617,
            1.0052589676941592334,
            3.0838856104922207635,
        ),
    ),
    ErfinvPiece(
        float("inf"),
        5.0,
        (
            -2.7109920616438573243e-11,
            -2.5556418169965252055e-10,
            1.5076572693500548083e-09,
            -3.7894654401267369937e-09,
            7.6157012080783393804e-09,
            -1.4960026627149240478e-08,
            2.9147953450901080826e-08,
            -6.7711997758452339498e-08,
            2.2900482228026654717e-07,
            -9.9298272942317002539e-07,
            4.5260625972231537039e-06,
            -1.9681778105531670567e-05,
            7.5995277030017761139e-05,
            -0.00021503011930044477347,
            -0.00013871931833623122026,
            1.0103004648645343977,
            4.8499064014085844221,
        ),
    ),
)

#: Cody's ``erf(x) / x`` in ``x**2`` for ``abs(x) <= 0.46875`` [2]_.
ERF_SMALL = Rational(
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)

#: Cody's ``exp(x**2) * erfc(x)`` in x for ``0.46875 <= x <= 4`` [2]_.
ERF_MIDDLE = Rational(
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)

#: Cody's ``x**2 * (1 / sqrt(pi) - x * exp(x**2) * erfc(x))`` in ``x**-2`` for ``x >= 4`` [2]_.
ERF_LARGE = Rational(
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242,
        1.87295284992346047,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)
