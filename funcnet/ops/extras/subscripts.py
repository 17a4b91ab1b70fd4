"""The notation of `einsum`: subscripts to labels of dimensions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.extras.inputs import arrays_of

__all__ = ["Contraction", "Label", "Labels", "Terms", "described", "parse"]

#: The label of a dimension: a letter, a number of the operand-list form, or the place of an ellipsis's dimension,
#: counted from its last as -1.
Label = Any
Labels = tuple[Label, ...]
Terms = tuple[Labels, ...]
_WRITE = "xp.einsum('ij,jk->ik', a, b), or xp.einsum(a, [0, 1], b, [1, 2], [0, 2])"


class Contraction(NamedTuple):
    """The labels of the dimensions of each array and of the result, and their sizes."""

    inputs: list[Labels]
    output: Labels
    sizes: dict[Label, int]


def parse(args: tuple[Any, ...]) -> tuple[list[Any], Terms, Labels | None]:
    """Return the arrays that `einsum` is given in either form, their labels, and those of the result, if given."""
    if not args:
        raise ParameterError("xp.einsum needs subscripts and arrays.", found="nothing", needed="both", write=_WRITE)
    if isinstance(args[0], str):
        terms, output = _string(args[0], len(args) - 1)
        operands = args[1:]
    else:
        terms, operands, output = _lists(args)
    return list(arrays_of(*operands)), terms, output


def described(terms: Terms, output: Labels | None, shapes: tuple[tuple[int, ...], ...]) -> Contraction:
    """Return the contraction of arrays of those shapes, with a label for each dimension behind an ellipsis."""
    widest = 0
    for term, shape in zip(terms, shapes, strict=True):
        dots = len(shape) - len(term) + 1 if Ellipsis in term else 0
        if (Ellipsis in term and dots < 0) or (Ellipsis not in term and len(term) != len(shape)):
            raise ShapeError(
                "xp.einsum got an array whose dimensions are not as many as its subscripts.",
                found=f"subscripts {_shown(term)} for shape {shape}",
                needed=f"{len(term) - (Ellipsis in term)} dimensions" + (" or more" if Ellipsis in term else ""),
                write="'...' for any further dimensions",
            )
        widest = max(widest, dots)
    dotted = tuple([("...", i) for i in range(-widest, 0)])
    inputs = [_expanded(term, dotted, len(shape)) for term, shape in zip(terms, shapes, strict=True)]
    if output is None:
        flat = [label for term in inputs for label in term if label.__class__ is not tuple]
        result = dotted + tuple(sorted([label for label in set(flat) if flat.count(label) == 1]))
    else:
        if dotted and Ellipsis not in output:
            raise ShapeError(
                "xp.einsum got an ellipsis that the result does not have.",
                found=f"result {_shown(output)}, with {widest} dimensions behind the ellipsis of the arrays",
                needed="'...' in the result, or none in the arrays",
                write="einsum(...) with '->...', then xp.sum over the leading dimensions",
            )
        result = tuple([k for label in output for k in (dotted if label is Ellipsis else (label,))])
    sizes = _sizes(inputs, shapes)
    for label in result:
        if label not in sizes or result.count(label) > 1:
            raise ParameterError(
                "xp.einsum got a result that the arrays do not describe.",
                found=f"label {label!r} of the result, "
                + ("which occurs twice there" if label in sizes else "which no array has"),
                needed="each label once, and in an array",
                write=_WRITE,
            )
    return Contraction(inputs, result, sizes)


@lru_cache
def _string(subscripts: str, count: int) -> tuple[Terms, Labels | None]:
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = tuple([_letters(term, text) for term in left.split(",")])
    if len(terms) != count:
        raise ParameterError(
            "xp.einsum got subscripts for another number of arrays.",
            found=f"{len(terms)} sets of subscripts in {subscripts!r} and {count} arrays",
            needed="one set of subscripts for each array, with commas between them",
            write=_WRITE,
        )
    return terms, _letters(right, text) if arrow else None


def _letters(term: str, text: str) -> tuple[Any, ...]:
    before, dots, after = term.partition("...")
    if not all(c.isalpha() for c in before + after):
        raise ParameterError(
            "xp.einsum does not understand these subscripts.",
            found=repr(text),
            needed="letters, at most one '...' for each array, ',' and '->'",
            write=_WRITE,
        )
    return (*before, Ellipsis, *after) if dots else tuple(before)


def _lists(args: tuple[Any, ...]) -> tuple[Terms, tuple[Any, ...], Labels | None]:
    pairs, output = (args, None) if len(args) % 2 == 0 else (args[:-1], args[-1])
    lists = [*pairs[1::2], *([] if output is None else [output])]
    for labels in lists:
        if (
            not isinstance(labels, (list, tuple))
            or not all([k is Ellipsis or (isinstance(k, int) and not isinstance(k, bool) and k >= 0) for k in labels])
            or list(labels).count(Ellipsis) > 1
        ):
            raise ParameterError(
                "xp.einsum does not understand these lists of subscripts.",
                found=f"{type(labels).__name__}: {labels!r}"[:200],
                needed="after each array a list of non-negative integers, with at most one Ellipsis",
                write=_WRITE,
            )
    return tuple([tuple(labels) for labels in pairs[1::2]]), pairs[::2], None if output is None else tuple(output)


def _expanded(term: tuple[Any, ...], dotted: tuple[Any, ...], ndim: int) -> Labels:
    if Ellipsis not in term:
        return term
    count = ndim - len(term) + 1
    place = term.index(Ellipsis)
    return term[:place] + dotted[len(dotted) - count :] + term[place + 1 :]


def _sizes(inputs: list[Labels], shapes: tuple[tuple[int, ...], ...]) -> dict[Label, int]:
    sizes: dict[Label, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        for label, n in zip(labels, shape, strict=True):
            known = sizes.setdefault(label, n)
            if known == 1:
                sizes[label] = n
            elif n not in (1, known):
                raise ShapeError(
                    "xp.einsum got sizes that do not fit.",
                    found=f"label {label!r} for dimensions of size {known} and {n}",
                    needed="the same size wherever a label occurs, or 1",
                )
    return sizes


def _shown(term: tuple[Any, ...]) -> str:
    if all([label is Ellipsis or isinstance(label, str) for label in term]):
        return repr("".join(["..." if label is Ellipsis else label for label in term]))
    return repr(list(term))
