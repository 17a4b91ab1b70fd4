"""Write a page for each public function of ``funcnet.xp`` and ``nn.functional``, from the registry and the docstrings.

The build of the documentation calls `write_pages`. A function without an example, a derivative (or a declared reason
why it has none) or data types stops the build.
"""

from __future__ import annotations

import dis
import inspect
import re
from importlib import import_module
from math import inf
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import MagicMock

import numpy as np

from funcnet.backends import record
from funcnet.core import Primitive, registry
from funcnet.transforms import grad

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "DOMAINS",
    "DTYPES",
    "MODULES",
    "SHAPES",
    "WITHOUT_DERIVATIVE",
    "Facts",
    "facts",
    "gaps",
    "page",
    "public_functions",
    "write_pages",
]

MODULES = {
    "xp": "funcnet.xp",
    "linalg": "funcnet.xp.linalg",
    "fft": "funcnet.xp.fft",
    "special": "funcnet.xp.special",
    "functional": "funcnet.nn.functional",
}
#: Backends that may override a primitive by a kernel; all others run its implementation in the standard's functions.
_BACKENDS = ("numpy", "cupy", "torch")

_SIZES = "None: its arguments are sizes and numbers of Python, and its result is constant."
_LIKE = "None: of its argument only the shape and the data type matter."
_FACTS = "None: it tells facts about shapes or data types and computes no array."
#: name -> why there is no derivative, for functions whose declaration and docstring are silent on it.
WITHOUT_DERIVATIVE: Mapping[str, str] = {
    "at": "That of the updates: `set`, `add`, `multiply`, `min` and `max` each have one.",
    "from_dlpack": "None: a traced array that carries a derivative is refused.",
    **dict.fromkeys(("empty", "eye", "ones", "zeros", "fftfreq", "rfftfreq"), _SIZES),
    **dict.fromkeys(("empty_like", "ones_like", "zeros_like"), _LIKE),
    **dict.fromkeys(("broadcast_shapes", "can_cast", "finfo", "iinfo", "isdtype", "result_type"), _FACTS),
}
_CHOSEN = "Any, chosen by `dtype`; see `funcnet.use_backend` for the default."
_ANY = (
    "at block broadcast_arrays column_stack dstack einsum empty_like from_dlpack full_like hstack ifftshift isin "
    "meshgrid ones_like vstack zeros_like"
)
#: name -> data types, for functions whose declaration and docstring do not say.
DTYPES: Mapping[str, str] = {
    "broadcast_shapes": "None: its arguments are shapes.",
    **dict.fromkeys(("allclose", "corrcoef", "nanprod", "nanstd"), "Numeric."),
    "nanmin": "Real.",
    **dict.fromkeys(("arange", "asarray", "empty", "eye", "full", "linspace", "ones", "zeros"), _CHOSEN),
    **dict.fromkeys(("fftfreq", "rfftfreq"), "Real floating-point, chosen by `dtype`."),
    **dict.fromkeys(_ANY.split(), "Any."),
    **dict.fromkeys(("can_cast", "finfo", "iinfo", "isdtype", "result_type"), "Those that it is asked about."),
}
_REDUCED = "That of the argument without the reduced axes, or with size 1 there with ``keepdims=True``."
_SAME = "That of the argument."
_BROADCAST = "That of the arguments, broadcast together."
_MOVED = "The sizes of the argument, its axes in another order."
_NONE = "None: its result is no array."
_TRANSFORMED = "That of `x` but for the lengths of the axes that are transformed."
_WINDOWS = "That of `x` with as many elements along the spatial axes as the window has places."
_RESIZED = "That of `x` with other sizes along the spatial axes."
_UNIQUE = "``(n,)`` for n different elements; inverse indices have the shape of `x`."
#: name -> the result's shape, for functions that are no elementwise primitives and whose docstring does not say.
SHAPES: Mapping[str, str] = {
    **dict.fromkeys("all any argmax argmin count_nonzero logsumexp max mean median min".split(), _REDUCED),
    **dict.fromkeys("nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar".split(), _REDUCED),
    **dict.fromkeys("prod std sum var vector_norm".split(), _REDUCED),
    **dict.fromkeys("angle asarray deg2rad empty_like from_dlpack full_like ones_like rad2deg".split(), _SAME),
    **dict.fromkeys("fft fftn hfft ifft ifftn ihfft irfft irfftn rfft rfftn".split(), _TRANSFORMED),
    **dict.fromkeys("can_cast finfo iinfo isdtype result_type".split(), _NONE),
    **dict.fromkeys("moveaxis permute_dims rot90 swapaxes".split(), _MOVED),
    **dict.fromkeys("empty full ones zeros".split(), "`shape`, which is an argument."),
    **dict.fromkeys("avg_pool lp_pool max_unpool".split(), _WINDOWS),
    **dict.fromkeys("adaptive_avg_pool adaptive_max_pool resize".split(), _RESIZED),
    **dict.fromkeys("unique_all unique_counts unique_inverse".split(), _UNIQUE),
    **dict.fromkeys(("allclose", "array_equal"), "``()``."),
    **dict.fromkeys(("append", "concat"), "That of the arguments, whose sizes along the axis add up."),
    **dict.fromkeys(("array_split", "split"), "That of the argument, its axis divided among the parts."),
    "at": "That of the array which is updated.",
    "einsum": "A dimension for each letter after the arrow, of that letter's size.",
    "expand_dims": "That of the argument, with axes of size 1 more.",
    "gradient": "That of `f`, for each axis.",
    "histogram": "``(bins,)`` and ``(bins + 1,)``.",
    "isclose": _BROADCAST,
    "nonzero": "A vector for each dimension of `x`.",
    "pad": "That of `x`, and what is added before and after along each axis.",
    "squeeze": "That of the argument without the axes of size 1 that are named.",
    "take": "That of `x`, with as many elements along the axis as there are indices.",
    "zeros_like": _SAME,
}
#: name -> the domain, where the tests' part of it is not all of it.
DOMAINS: Mapping[str, str] = {"pow": "[0, inf); (-inf, inf); negative bases with whole exponents"}


class Facts(NamedTuple):
    """What a page says of a function, besides its docstring."""

    primitive: str
    derivative: str
    shapes: str
    dtypes: str
    domain: str
    kinks: str
    kernels: str
    batching: str
    parts: tuple[str, ...]


def public_functions() -> Iterator[tuple[str, str, Any]]:
    """Yield the namespace's short name, the function's name and the function."""
    for short, module in MODULES.items():
        namespace = import_module(module)
        for name in sorted(namespace.__all__):
            function = getattr(namespace, name)
            if callable(function):
                yield short, name, function


def facts(name: str, function: Any) -> Facts:
    """Collect what is known of a function."""
    primitive = _primitive(name, function)
    parts = () if primitive is not None else tuple(sorted(_parts(function)))
    derivative = WITHOUT_DERIVATIVE.get(name) or _derivative(primitive, function)
    dtypes = DTYPES.get(name) or _dtypes(primitive, function)
    shapes = _shapes(name, primitive, function)
    if primitive is None:
        of_parts = "Those of its parts." if parts else "None of its own."
        return Facts("", derivative, shapes, dtypes, "", "", of_parts, of_parts, parts)
    own = [backend for backend in _BACKENDS if primitive.name in _kernels(backend)]
    other = "other " if own else ""
    elsewhere = f"Code in the standard's functions runs on every {other}backend."
    if primitive.meta.get("hosted"):
        elsewhere = f"SciPy's function runs on every {other}backend; on CuPy its own, where it has one."
    return Facts(
        primitive.name,
        derivative,
        shapes,
        dtypes,
        DOMAINS.get(name) or "; ".join(_interval(*bounds) for bounds in primitive.meta.get("domain", ())),
        _kinks(primitive, function),
        f"{', '.join(own)}. {elsewhere}" if own else f"None. {elsewhere}",
        _batching(primitive),
        parts,
    )


def gaps(name: str, function: Any) -> list[str]:
    """Return what the documentation of a function lacks."""
    known = facts(name, function)
    lacks = {
        "examples": "Examples\n" not in _doc(function) or ">>>" not in _doc(function),
        "derivative, or a reason why there is none": not known.derivative,
        "shapes": not known.shapes,
        "data types": not known.dtypes,
    }
    return [what for what, missing in lacks.items() if missing]


def page(short: str, name: str, function: Any) -> str:
    """Return a function's page in reStructuredText."""
    full = f"{MODULES[short]}.{name}"
    known = facts(name, function)
    title = full.removeprefix("funcnet.")
    rows = {
        "Primitive": known.primitive and f"``{known.primitive}``",
        "Derivative": known.derivative,
        "Shapes": known.shapes,
        "Data types": known.dtypes,
        # What special functions declare is the part of it where their derivatives are tested.
        ("Drawn by the tests from" if short == "special" else "Domain"): known.domain,
        "Kinks": known.kinks,
        "Backends with a kernel": known.kernels,
        "Under vmap": known.batching,
        "Composed of": ", ".join(f"``{part}``" for part in known.parts),
        "Sources": _sources(function),
    }
    directive = "autoclass" if inspect.isclass(function) else "autofunction"
    lines = [title, "=" * len(title), "", f".. {directive}:: {full}", "   :no-index:", "", "Facts", "-----", ""]
    for label, text in rows.items():
        if text:
            lines.append(f":{label}: {' '.join(text.split())}")
    return "\n".join([*lines, ""])


def _sources(function: Any) -> str:
    # Footnotes of the description above; a second definition of them here would be one that nothing refers to.
    return "; ".join(
        filter(None, (part.strip() for part in re.split(r"\.\. \[\d+\] ", _section(function, "References"))))
    )


def write_pages(folder: Path) -> list[Path]:
    """Write all pages and their index, remove those of functions that are gone, and return the paths.

    Raises
    ------
    ValueError
        If the documentation of a function lacks something; all that is lacking is listed.
    """
    texts: dict[Path, str] = {}
    incomplete: list[str] = []
    by_module: dict[str, list[str]] = {short: [] for short in MODULES}
    for short, name, function in public_functions():
        incomplete += [f"{MODULES[short]}.{name} lacks {what}" for what in gaps(name, function)]
        texts[folder / short / f"{name}.rst"] = page(short, name, function)
        by_module[short].append(name)
    if incomplete:
        raise ValueError("\n".join(incomplete))
    lines = ["Functions", "=========", "", "A page for each function, made from its declaration and its docstring."]
    for short, names in by_module.items():
        title = MODULES[short].removeprefix("funcnet.")
        lines += ["", title, "-" * len(title), "", ".. toctree::", "   :maxdepth: 1", ""]
        lines += [f"   {short}/{name}" for name in names]
    texts[folder / "index.rst"] = "\n".join([*lines, ""])
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # What did not change keeps its time, so that only changed pages are built again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.rst"):
        if path not in texts:
            path.unlink()
    return sorted(texts)


def _primitive(name: str, function: Any) -> Primitive | None:
    """Return the primitive that a function calls: the declared one, that of its name, or its only one."""
    own = getattr(function, "primitive", None)
    if own is not None:
        return own
    found = {one.name: one for one in _globals(function) if isinstance(one, Primitive)}
    # A function of the same name may be made of others, as `linalg.outer` is: the primitive must be in its reach.
    if name in registry and (name in found or name in _parts(function, through=True)):
        return registry[name]
    return next(iter(found.values())) if len(found) == 1 else None


def _globals(function: Any) -> Iterator[Any]:
    """Yield what a function's code and closure refer to, modules' attributes included."""
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType):
        return
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    module: ModuleType | None = None
    for step in dis.get_instructions(function):
        value = function.__globals__.get(step.argval) if step.opname == "LOAD_GLOBAL" else None
        if module is not None and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            value = vars(module).get(step.argval)
        module = value if isinstance(value, ModuleType) and value.__name__.startswith("funcnet") else None
        if value is not None:
            yield value


def _parts(function: Any, through: bool = False) -> set[str]:
    """Return the primitives and public functions of which a function is made; with `through` primitives only.

    Private helpers are looked through, with `through` public functions as well.
    """
    names: set[str] = set()
    seen = {id(function)}
    waiting = [function]
    while waiting:
        for value in _globals(waiting.pop()):
            primitive = value if isinstance(value, Primitive) else getattr(value, "primitive", None)
            if isinstance(primitive, Primitive):
                names.add(primitive.name)
            elif isinstance(value, FunctionType) and _ours(value) and id(value) not in seen:
                seen.add(id(value))
                if not through and value.__name__ in _PUBLIC:
                    names.add(value.__name__)
                else:
                    waiting.append(value)
    return names


def _ours(function: FunctionType) -> bool:
    return function.__module__.startswith(("funcnet.ops", "funcnet.xp"))


_ABOUT_DTYPES = re.compile(r"data type|floating-point|[Bb]oolean|[Ii]nteger|[Cc]omplex|numeric")
_ABOUT_SHAPES = re.compile(
    r"shape|dimension|\bsizes?\b|vector|matri|scalar|broadcast|length|\bax[ie]s\b|[Ll]ike `|``\("
)
_PUBLIC = frozenset(name for _, name, _ in public_functions())


def _doc(function: Any) -> str:
    return inspect.getdoc(function) or ""


def _derivative(primitive: Primitive | None, function: Any) -> str:
    """Return the paragraph of the docstring that speaks of the derivative, or what the declaration says."""
    for paragraph in _doc(function).split("\n\nParameters\n")[0].split("\n\n"):
        found = re.search(r"(?:^|\n|(?<=\. ))(Derivative|The derivative|Derivatives)\b.*", paragraph, re.DOTALL)
        if found:
            return re.sub(r"^Derivatives?: ", "", found[0].strip())
    if primitive is None:
        return ""
    formulas = primitive.meta.get("derivative", ())
    if formulas:
        return ", ".join(f"``{formula}``" for formula in formulas)
    if primitive.kind == "elementwise" and not any(primitive.partials):
        return "Zero almost everywhere."
    return "None: the result is constant." if primitive.kind == "general" and primitive.vjp is None else ""


def _shapes(name: str, primitive: Primitive | None, function: Any) -> str:
    """Return what the docstring says of the result's shape, or what the declaration does."""
    if name in SHAPES:
        return SHAPES[name]
    told = " ".join(_section(function, "Returns").split())
    found = [one.rstrip(".;") for one in re.split(r"(?<=[.;])\s+", told) if _ABOUT_SHAPES.search(one)]
    if found:
        return re.sub(r"^(array|list of array)s? (?=[A-Z`])", "", "; ".join(found)).strip() + "."
    return _BROADCAST if primitive is not None and primitive.kind == "elementwise" else ""


def _kinks(primitive: Primitive, function: Any) -> str:
    """Return where the derivative jumps or is infinite, and what it is there."""
    kinks = primitive.meta.get("kinks", ())
    if not kinks:
        return ""
    if len(primitive.partials) > 1:
        return "Where the arguments are equal."
    if not any(primitive.partials):
        return ", ".join(f"{kink:g}" for kink in kinks) + "; the derivative is 0 everywhere"
    with np.errstate(all="ignore"):
        return ", ".join(f"{kink:g} (derivative {grad(function)(kink):g})" for kink in kinks)


def _dtypes(primitive: Primitive | None, function: Any) -> str:
    """Return what the docstring's parameters say of data types, or the declaration."""
    descriptions = re.findall(r"^(?!dtype)\S.*\n((?:    .*(?:\n|\Z))+)", _section(function, "Parameters"), re.MULTILINE)
    sentences = [one for text in descriptions for one in re.split(r"(?<=[.;])\s+", text.strip())]
    found = [" ".join(one.split()).rstrip(".;") for one in sentences if _ABOUT_DTYPES.search(one)]
    if found:
        return "; ".join(dict.fromkeys(found)) + "."
    return f"{primitive.meta['dtypes']}.".capitalize() if primitive and primitive.meta.get("dtypes") else ""


def _section(function: Any, title: str) -> str:
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\n\w[\w ]*\n---|\Z)", _doc(function), re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def _interval(low: float, high: float) -> str:
    left, right = "(" if low == -inf else "[", ")" if high == inf else "]"
    return f"{left}{low:g}, {high:g}{right}"


def _batching(primitive: Primitive) -> str:
    if primitive.kind == "elementwise":
        return "One call on the whole batch, which broadcasts."
    if primitive.batch is None:
        return "One call for each element of the batch; the results are stacked."
    rule = getattr(primitive.batch, "__name__", "rule")
    return "One call on the whole batch." if rule == "rule" else f"One call on the whole batch, by the rule ``{rule}``."


_KERNELS: dict[str, frozenset[str]] = {}


def _kernels(backend: str) -> frozenset[str]:
    """Return the names of a backend's kernels, which do not depend on whether its library is installed."""
    if backend not in _KERNELS:
        there = record(backend)
        if there.probe() is not None:
            there = type(there)()
            there.__dict__["library"] = MagicMock()
        _KERNELS[backend] = frozenset(there.kernels)
    return _KERNELS[backend]
