"""Special functions, of arguments that are brought into their domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.testing.families.operation import Operation, broadcasts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SPECIAL"]


def _above(xp: Any, x: Any) -> Any:
    return 0.4 + 1.5 * xp.square(x) / (1.0 + 0.3 * xp.square(x))


def _inside(xp: Any, x: Any) -> Any:
    return 0.5 + 0.4 * xp.tanh(x)


def _unary(name: str, bring: Callable[[Any, Any], Any], *others: Any) -> Operation:
    """Return a function of one argument, after constants."""
    return Operation(1, lambda xp, x: getattr(xp.special, name)(*others, bring(xp, x)))


def _binary(name: str, first: Callable[[Any, Any], Any], second: Callable[[Any, Any], Any]) -> Operation:
    return Operation(2, lambda xp, a, b: getattr(xp.special, name)(first(xp, a), second(xp, b)), broadcasts)


def _bounded(xp: Any, x: Any) -> Any:
    return 2.0 * xp.tanh(x)


def _last(name: str) -> Operation:
    return Operation(
        1,
        lambda xp, x: getattr(xp.special, name)(x, axis=-1),
        lambda rng, x: () if x.ndim else None,  # noqa: ARG005  # one signature
    )


SPECIAL: dict[str, Operation] = {
    **{name: _unary(name, _bounded) for name in ("erf", "erfc", "erfcx", "expit", "ndtr", "log_ndtr")},
    **{name: _unary(name, _bounded) for name in ("i0", "i0e", "i1", "i1e")},
    **{name: _unary(name, _inside) for name in ("erfinv", "logit", "ndtri", "entr")},
    **{name: _unary(name, _above) for name in ("gammaln", "digamma", "gamma", "exp1", "expi")},
    "loggamma": _unary("loggamma", _above),
    "expn": _unary("expn", _above, 2),
    "polygamma": _unary("polygamma", _above, 1),
    "multigammaln": Operation(1, lambda xp, x: xp.special.multigammaln(1.0 + _above(xp, x), 2)),
    "zeta": Operation(1, lambda xp, x: xp.special.zeta(2.5, _above(xp, x))),
    "betainc": Operation(1, lambda xp, x: xp.special.betainc(1.5, 2.25, _inside(xp, x))),
    "gammainc": _binary("gammainc", _above, _above),
    "gammaincc": _binary("gammaincc", _above, _above),
    "betaln": _binary("betaln", _above, _above),
    "beta": _binary("beta", _above, _above),
    "xlogy": _binary("xlogy", _bounded, _above),
    "xlog1py": _binary("xlog1py", _bounded, _above),
    "rel_entr": _binary("rel_entr", _above, _above),
    "kl_div": _binary("kl_div", _above, _above),
    "poch": _binary("poch", _above, _inside),
    "boxcox": _binary("boxcox", _above, _above),
    "boxcox1p": _binary("boxcox1p", _above, _above),
    "hyp1f1": Operation(1, lambda xp, x: xp.special.hyp1f1(0.75, 1.5, xp.tanh(x))),
    "logsumexp": _last("logsumexp"),
    "softmax": _last("softmax"),
    "log_softmax": _last("log_softmax"),
}
