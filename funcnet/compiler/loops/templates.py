"""What an elementwise operation is inside of a generated loop."""

from __future__ import annotations

from types import MappingProxyType

__all__ = [
    "COMPARISONS",
    "FUNCTIONS",
    "LIMITS",
    "MIXED",
    "POWERS",
    "SCALAR_FUNCTIONS",
    "TEMPLATES",
    "cast",
    "literal",
    "template_of",
    "type_name",
    "whole_power",
]

#: NumPy data types that loops can hold, and what generated code calls them.
_TYPES = MappingProxyType({"float32": "f4", "float64": "f8", "int32": "i4", "int64": "i8", "bool": "b1"})

#: Expressions whose arguments are cast to the dtype of the result; {T} is that type.
TEMPLATES = MappingProxyType(
    {
        "add": "({0} + {1})",
        "subtract": "({0} - {1})",
        "multiply": "({0} * {1})",
        "divide": "({0} / {1})",
        "negative": "(-{0})",
        "positive": "{0}",
        "reciprocal": "({T}(1) / {0})",
        "square": "({0} * {0})",
        "abs": "abs({0})",
        "sqrt": "np.sqrt({0})",
        "floor": "np.floor({0})",
        "ceil": "np.ceil({0})",
        "trunc": "np.trunc({0})",
        "round": "np.rint({0})",
        # A NaN among the arguments is the result.
        "maximum": "({0} if ({0} > {1}) | ({0} != {0}) else {1})",
        "minimum": "({0} if ({0} < {1}) | ({0} != {0}) else {1})",
        "clip": "clipped({0}, {1}, {2})",
        "clip_below": "({0} if ({0} > {1}) | ({0} != {0}) else {1})",
        "clip_above": "({0} if ({0} < {1}) | ({0} != {0}) else {1})",
        "relu": "({T}(0) if {0} < {T}(0) else {0})",
        # The sum is NaN for NaN, and 0 for -0.
        "sign": "({T}(1) if {0} > {T}(0) else ({T}(-1) if {0} < {T}(0) else {0} + {T}(0)))",
        "astype": "{0}",
        "astype_exact": "{0}",
        "stop_gradient": "{0}",
        "strong_multiply": "({0} * ({1} if {0} != {T}(0) else {T}(1)))",
        "strong_divide": "({0} / ({1} if {0} != {T}(0) else {T}(1)))",
        "strong_divide_sqrt": "({0} / np.sqrt({1} if {0} != {T}(0) else {T}(1)))",
        "strong_product": "(({0} if {1} != {T}(0) else {T}(0)) * ({1} if {0} != {T}(0) else {T}(0)))",
        "divide_or_zero": "(({0} / ({1} if {1} != {T}(0) else {T}(1))) if {1} != {T}(0) else {T}(0))",
        "winning": "({0} if {1} > {2} else ({0} * {T}(0.5) if {1} == {2} else {T}(0)))",
    }
)

#: Those of integers that begin anew where a result does not fit. Operators take for granted that every result does.
_WRAPPING = MappingProxyType(
    {
        "add": "plus({0}, {1})",
        "subtract": "minus({0}, {1})",
        "multiply": "times({0}, {1})",
        "square": "times({0}, {0})",
    }
)

#: Those whose names follow from theirs.
_LATER = (
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "copysign",
    "cosh",
    "digamma",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "floor_divide",
    "gammaln",
    "hypot",
    "log_ndtr",
    "logaddexp",
    "logit",
    "ndtr",
    "ndtri",
    "remainder",
    "sinh",
    "softplus",
    "tan",
    "trigamma",
)

#: Functions by the dtype of the result: generated code calls these.
FUNCTIONS = MappingProxyType(
    {
        **{(name, "float32"): f"{name}32" for name in _LATER},
        **{(name, "float64"): f"{name}64" for name in _LATER},
        ("gaussian_probability", "float32"): "ndtr32",
        ("gaussian_probability", "float64"): "ndtr64",
        ("exp", "float32"): "exp32",
        ("log", "float32"): "log32",
        ("tanh", "float32"): "tanh32",
        ("sigmoid", "float32"): "sigmoid32",
        ("expm1", "float32"): "expm1_32",
        ("log1p", "float32"): "log1p32",
        ("exp", "float64"): "exp64",
        ("log", "float64"): "log64",
        ("tanh", "float64"): "tanh64",
        ("sigmoid", "float64"): "sigmoid64",
        ("expm1", "float64"): "expm1_64",
        ("log1p", "float64"): "log1p64",
        ("sin", "float32"): "sin32",
        ("cos", "float32"): "cos32",
        ("sin", "float64"): "sin64",
        ("cos", "float64"): "cos64",
        ("exp2", "float32"): "exp2_32",
        ("exp2", "float64"): "exp2_64",
        ("log2", "float32"): "log2_32",
        ("log2", "float64"): "log2_64",
        ("log10", "float32"): "log10_32",
        ("log10", "float64"): "log10_64",
    }
)

#: For which arguments some of these are not right, by the dtype; there others take over, one number at a time.
LIMITS = MappingProxyType(
    {
        **{
            name: MappingProxyType({"float32": "abs({0}) > f4(3e4)", "float64": "abs({0}) > 1e9"})
            for name in ("sin", "cos", "tan")
        },
        **{
            # The quotient has all of its digits.
            name: MappingProxyType(
                {
                    "float32": "(abs({0}) >= f4(4e6) * abs({1})) | (abs({1}) == f4(np.inf))",
                    "float64": "(abs({0}) >= 2e15 * abs({1})) | (abs({1}) == np.inf)",
                }
            )
            for name in ("remainder", "floor_divide")
        },
        **{
            name: MappingProxyType({"float32": "{0} < f4(0)", "float64": "{0} < 0.0"})
            for name in ("digamma", "gammaln", "trigamma")
        },
    }
)

#: Functions that take long per element: in loops over few elements only.
SCALAR_FUNCTIONS = MappingProxyType(
    {
        "pow": "({0} ** {1})",
        "atan2": "np.arctan2({0}, {1})",
        "remainder": "far_remainder({0}, {1})",
        "floor_divide": "far_floor_divide({0}, {1})",
        **{name: f"far_{name}({{0}})" for name in ("digamma", "gammaln", "trigamma")},
        "asin": "np.arcsin({0})",
        "acos": "np.arccos({0})",
        "atan": "np.arctan({0})",
        "asinh": "np.arcsinh({0})",
        "acosh": "np.arccosh({0})",
        "atanh": "np.arctanh({0})",
        **{
            name: f"np.{name}({{0}})"
            for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh")
        },
    }
)

#: The largest whole exponent of a power that is made of products.
_LARGEST_POWER = 64
#: Powers with these exponents.
POWERS = MappingProxyType(
    {
        2: "({0} * {0})",
        3: "({0} * {0} * {0})",
        4: "(({0} * {0}) * ({0} * {0}))",
        5: "({0} * (({0} * {0}) * ({0} * {0})))",
        0.5: "np.sqrt({0})",
        -1: "({T}(1) / {0})",
        # Products of quotients: the power itself may have lost digits where the result is still in range.
        -3: "(({T}(1) / ({0} * {0})) * ({T}(1) / {0}))",
        -4: "(({T}(1) / ({0} * {0})) * ({T}(1) / ({0} * {0})))",
        # Of -0 and of minus infinity it is what it is of 0 and infinity, where roots have a sign or are not a number.
        -0.5: "({T}(1) / np.sqrt({0} + {T}(0)) if {0} != {T}(-np.inf) else {T}(0))",
        1.5: "({0} * np.sqrt({0}) if {0} != {T}(-np.inf) else {T}(np.inf))",
        2.5: "({0} * {0} * np.sqrt({0} + {T}(0)) if {0} != {T}(-np.inf) else {T}(np.inf))",
        -1.5: "({T}(1) / ({0} + {T}(0)) * ({T}(1) / np.sqrt({0} + {T}(0))) if {0} != {T}(-np.inf) else {T}(0))",
        -2.5: "({T}(1) / ({0} * {0}) * ({T}(1) / np.sqrt({0} + {T}(0))) if {0} != {T}(-np.inf) else {T}(0))",
    }
)

#: Expressions whose arguments are cast to their common dtype, and whose result is a bool.
COMPARISONS = MappingProxyType(
    {
        "equal": "({0} == {1})",
        "not_equal": "({0} != {1})",
        "less": "({0} < {1})",
        "less_equal": "({0} <= {1})",
        "greater": "({0} > {1})",
        "greater_equal": "({0} >= {1})",
        "isnan": "({0} != {0})",
        "isinf": "(abs({0}) == {T}(np.inf))",
        "isfinite": "(abs({0}) < {T}(np.inf))",
    }
)

#: Expressions some of whose arguments are bool, by position.
MIXED = MappingProxyType(
    {
        "where": ("({1} if {0} else {2})", (0,)),
        "masked": ("({0} if {1} else {T}(0))", (1,)),
        "logical_and": ("({0} & {1})", (0, 1)),
        "logical_or": ("({0} | {1})", (0, 1)),
        "logical_xor": ("({0} ^ {1})", (0, 1)),
        "logical_not": ("(not {0})", (0,)),
        "bitwise_and": ("({0} & {1})", (0, 1)),
        "bitwise_or": ("({0} | {1})", (0, 1)),
        "bitwise_xor": ("({0} ^ {1})", (0, 1)),
        "bitwise_invert": ("(not {0})", (0,)),
    }
)


def type_name(dtype: str) -> str | None:
    """Return what generated code calls a dtype, None if loops do not hold it."""
    return _TYPES.get(dtype)


def cast(text: str, found: str, wanted: str) -> str:
    """Return an expression of another dtype."""
    return text if found == wanted else f"({text} != 0)" if wanted == "bool" else f"{_TYPES[wanted]}({text})"


def template_of(name: str, dtype: str) -> str:
    """Return the template of an operation whose arguments and result are of a dtype."""
    wrapping = _WRAPPING.get(name) if dtype in ("int32", "int64") else None
    return wrapping or TEMPLATES.get(name) or SCALAR_FUNCTIONS[name]


def whole_power(exponent: float, dtype: str) -> str | None:
    """Return the expression of a floating-point number's power with a whole exponent that is not too large, or None."""
    if dtype not in ("float32", "float64") or not 1 < abs(exponent) <= _LARGEST_POWER or exponent != round(exponent):
        return None
    bits = dtype[-2:]
    base = text = f"{'inverse' if exponent < 0 else 'alone'}{bits}({{0}})"
    for digit in f"{abs(int(exponent)):b}"[1:]:
        text = f"square{bits}({text})"
        text = f"product{bits}({text}, {base})" if digit == "1" else text
    return f"rounded{bits}({text})"


def literal(number: object, wanted: str) -> str:
    """Return a Python number as an expression of a dtype."""
    if wanted == "bool":
        return repr(bool(number))
    # Numba's integers have 64 bits. NumPy makes floating-point numbers of larger ones in the same way.
    text = repr(float(number) if isinstance(number, int) and wanted[0] == "f" else number)
    if text in ("inf", "-inf", "nan"):
        text = text.replace("inf", "np.inf").replace("nan", "np.nan")
    return f"{_TYPES[wanted]}({text})"
