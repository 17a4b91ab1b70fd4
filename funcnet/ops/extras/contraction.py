"""`einsum`: products of arrays, summed over the dimensions that the result does not have."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.ops.arithmetic import multiply
from funcnet.ops.broadcasting import cast, reshaped, sum_over
from funcnet.ops.comparison import where
from funcnet.ops.dtypes import result_type
from funcnet.ops.extras.inputs import along, size
from funcnet.ops.extras.subscripts import Contraction, Label, Labels, Terms, described, parse
from funcnet.ops.fresh import array_like
from funcnet.ops.linear_algebra import matmul, matrix_transpose, vecdot
from funcnet.ops.manipulation import expand_dims, permute_dims
from funcnet.ops.views import View, viewed

__all__ = ["diagonal_of", "einsum"]

Path = list[tuple[int, ...]]

#: Columns of matrices from which on a stack of products is as fast as one product.
_SIDE = 16


def einsum(*operands: Any, optimize: Any = True) -> Any:
    r"""Sum of products in Einstein's notation.

    Each dimension has a label. Dimensions of one label run together; the product of all arrays is summed over the
    labels that the result does not have: ``einsum("ij,jk->ik", a, b)`` is :math:`y_{ik} = \sum_j a_{ij} b_{jk}`.

    Derivative: linear in each array. The arrays are contracted two at a time by matrix products, and the derivative
    takes the same way back. From a repeated label of one array the cotangent goes to the diagonal.

    Parameters
    ----------
    *operands : str and arrays, or arrays and lists of int
        Subscripts and the arrays, ``einsum("ij,jk->ik", a, b)``, or each array with a list of labels and the result's
        list last, ``einsum(a, [0, 1], b, [1, 2], [0, 2])``. ``...`` stands for further dimensions, which broadcast
        against each other. Without ``->`` the result has the labels that occur once, in order, after those of ``...``.
        A dimension of size 1 goes with any size of its label.
    optimize : bool or list of tuple of int, default True
        In which order to contract: True chooses one that is cheap, by opt_einsum where that is installed; False goes
        from left to right; a list names the places to contract at each step, as `numpy.einsum_path` returns it.

    Returns
    -------
    array
        Of the promoted data type.

    Raises
    ------
    ParameterError
        If the subscripts are not understood, or not as many as the arrays.
    ShapeError
        If they do not fit the shapes.

    References
    ----------
    D. G. A. Smith and J. Gray, opt_einsum, Journal of Open Source Software 3(26), 753 (2018).

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> a = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> xp.einsum("ij,j->i", a, np.array([1.0, 10.0]))
    array([21., 43.])
    >>> fn.grad(lambda a: xp.einsum("ii", a))(a)
    array([[1., 0.],
           [0., 1.]])
    """
    arrays, labels, result = parse(operands)
    if any([x.dtype != arrays[0].dtype for x in arrays]):
        # What is multiplied first has no fewer digits than the result, and no smaller range.
        dtype = result_type(*arrays)
        arrays = [x if x.dtype == dtype else cast(x, dtype) for x in arrays]
    order: Any = bool(optimize)
    if isinstance(optimize, (list, tuple)):
        order = tuple([tuple(step) if isinstance(step, list) else step for step in optimize])
    contraction, path = _plan(labels, result, tuple([tuple(x.shape) for x in arrays]), order)
    terms = [_simplified(x, a, contraction.sizes) for x, a in zip(arrays, contraction.inputs, strict=True)]
    output = contraction.output
    for places in path:
        chosen = [terms[i] for i in places]
        terms = [term for i, term in enumerate(terms) if i not in places]
        product = chosen[0]
        for k, other in enumerate(chosen[1:], 2):
            rest = [found for _, found in (*terms, *chosen[k:])]
            product = _pair(product, other, {*output, *[label for found in rest for label in found]}, output)
        terms.append(product)
    x, found = _kept(*terms[0], set(output))
    return _arranged(x, found, output)


def diagonal_of(x: Any, first: int, second: int) -> Any:
    """Return the elements whose indices along two dimensions of one size are equal, along the first of the two."""
    return viewed(_diagonal(x, first, second), x, _DIAGONAL, (first, second))


def _diagonal(x: Any, first: int, second: int) -> Any:
    n = x.shape[first]
    others = [i for i in range(len(x.shape)) if i not in (first, second)]
    order = (*others, first, second)
    moved = x if order == tuple(range(len(order))) else permute_dims(x, order)
    lead = tuple([x.shape[i] for i in others])
    y = along(reshaped(moved, (*lead, n * n)), len(lead), None, None, n + 1) if n else reshaped(moved, (*lead, 0))
    back = sorted([*others, first])
    return _arranged(y, (*others, first), tuple(back))


def _put_diagonal(x: Any, how: tuple[int, int], part: Any) -> Any:
    first, second = how
    n, ndim = x.shape[first], len(x.shape)
    here = np.eye(n, dtype=np.bool).reshape([n if i in how else 1 for i in range(ndim)])
    return where(array_like(x, here), expand_dims(part, axis=second), x)


def _lies(x: Any, how: tuple[int, int]) -> Any:
    return np.moveaxis(np.diagonal(x, 0, *how), -1, how[0])


#: It may be written to, as what NumPy's `einsum` returns.
_DIAGONAL = View(lambda x, how: _diagonal(x, *how), _put_diagonal, lie=_lies)


def _simplified(x: Any, labels: Labels, sizes: dict[Label, int]) -> tuple[Any, Labels]:
    """Return an array without repeated labels, and without dimensions of size 1 that another array stretches."""
    kept = [i for i, label in enumerate(labels) if x.shape[i] == sizes[label]]
    if len(kept) != len(labels):
        x, labels = reshaped(x, tuple([x.shape[i] for i in kept])), tuple([labels[i] for i in kept])
    while len(set(labels)) != len(labels):
        first, second = next((labels.index(k), i) for i, k in enumerate(labels) if k in labels[:i])
        x, labels = diagonal_of(x, first, second), labels[:second] + labels[second + 1 :]
    return x, labels


def _pair(one: tuple[Any, Labels], two: tuple[Any, Labels], keep: set[Label], order: Labels) -> tuple[Any, Labels]:
    """Return the product of two arrays, summed over the labels that are not in `keep`, best in the given order."""
    x, a = _kept(*one, keep.union(two[1]))
    y, b = _kept(*two, keep.union(a))
    both = [label for label in a if label in b]
    batch, inner = [k for k in both if k in keep], [k for k in both if k not in keep]
    rows, columns = [k for k in a if k not in both], [k for k in b if k not in both]
    if not inner:
        left, right = _arranged(x, a, (*batch, *rows)), _arranged(y, b, (*batch, *columns))
        shape = tuple(left.shape) + (1,) * len(columns)
        middle = tuple(right.shape[: len(batch)]) + (1,) * len(rows) + tuple(right.shape[len(batch) :])
        left = left if not columns else reshaped(left, shape)
        return multiply(left, right if not rows else reshaped(right, middle)), (*batch, *rows, *columns)
    sizes = dict(zip(a, x.shape, strict=True)) | dict(zip(b, y.shape, strict=True))
    if not rows and not columns and "c" not in (kind(x.dtype), kind(y.dtype)):
        return _dots(x, a, _arranged(y, b, a), batch, inner), tuple(batch)
    wanted = [k for k in order if k in rows or k in columns]
    apart = _apart(wanted, columns, a, batch, inner, sizes)
    if apart or wanted[: len(columns)] == columns:
        # The result's order is that of the transposed product.
        x, a, rows, y, b, columns = y, b, columns, x, a, rows
    else:
        apart = _apart(wanted, rows, b, batch, inner, sizes)
    # Matrices for each element along `apart`, which the left operand does not have.
    columns = [k for k in columns if k not in apart]
    left = _matrices(x, a, batch, rows, inner, sizes)
    if apart:
        lead = tuple(left.shape[: len(batch)])
        left = reshaped(left, (*lead, *(1,) * len(apart), *left.shape[-2:])) if lead else left
    right = _matrices(y, b, [*batch, *apart], inner, columns, sizes)
    labels = (*batch, *apart, *rows, *columns)
    return reshaped(matmul(left, right), tuple([sizes[k] for k in labels])), labels


def _dots(x: Any, labels: Labels, y: Any, batch: list[Label], inner: list[Label]) -> Any:
    """Return the scalar products along some labels, of arrays with the same ones."""
    if tuple(labels) == (*batch, *inner):
        shape = (*x.shape[: len(batch)], size(tuple(x.shape[len(batch) :])))
        return vecdot(reshaped(x, shape), reshaped(y, shape))  # would conjugate complex numbers
    product = multiply(x, y)
    return sum_over(product, tuple([i for i, label in enumerate(labels) if label in inner]), dtype=product.dtype)


def _apart(
    wanted: list[Label], middle: list[Label], labels: Labels, batch: list[Label], inner: list[Label], sizes: Any
) -> list[Label]:
    """Return the labels before those in the middle of the result, if the array beside holds a stack along them."""
    if not middle or middle[0] not in wanted:
        return []
    first = wanted.index(middle[0])
    before, after = wanted[:first], wanted[first + len(middle) :]
    if not before or not after or wanted[first : first + len(middle)] != middle:
        return []
    if size(tuple([sizes[k] for k in after])) < _SIDE:
        return []
    stack = (*batch, *before)
    return before if labels in ((*stack, *inner, *after), (*stack, *after, *inner)) else []


def _matrices(
    x: Any, labels: Labels, lead: list[Label], down: list[Label], across: list[Label], sizes: dict[Label, int]
) -> Any:
    """Return an array as a stack of matrices: as it lies in memory, where that is their transpose."""
    shape = tuple([sizes[k] for k in lead])
    height, width = [size(tuple([sizes[k] for k in part])) for part in (down, across)]
    if across and down and labels == (*lead, *across, *down):
        return matrix_transpose(reshaped(x, (*shape, width, height)))
    return reshaped(_arranged(x, labels, (*lead, *down, *across)), (*shape, height, width))


def _kept(x: Any, labels: Labels, keep: set[Label]) -> tuple[Any, Labels]:
    gone = tuple([i for i, label in enumerate(labels) if label not in keep])
    return (sum_over(x, gone, dtype=x.dtype), tuple([k for k in labels if k in keep])) if gone else (x, labels)


def _arranged(x: Any, labels: Labels, wanted: Labels) -> Any:
    return x if labels == wanted else permute_dims(x, tuple([labels.index(label) for label in wanted]))


@lru_cache(maxsize=1024)
def _plan(terms: Terms, output: Labels | None, shapes: tuple[tuple[int, ...], ...], optimize: Any) -> tuple[Any, Path]:
    """Return the contraction that labels and shapes describe, and its order: the same at every call of a program."""
    contraction = described(terms, output, shapes)
    return contraction, _path(contraction, contraction.inputs, optimize)


def _path(contraction: Contraction, inputs: list[Labels], optimize: Any) -> Path:
    """Return which places of the list of arrays to contract at each step; each result is put last."""
    count = len(inputs)
    if isinstance(optimize, tuple):
        steps = [tuple(step) for step in optimize if not isinstance(step, str)]
        left = count
        for step in steps:
            if not all([isinstance(i, int) and 0 <= i < left for i in step]) or len(set(step)) != len(step) or not step:
                left = 0
                break
            left -= len(step) - 1
        if left != 1:
            raise ParameterError(
                "xp.einsum got an order of contraction that does not fit.",
                found=f"optimize={optimize!r} for {count} arrays",
                needed="at each step different places in the list of arrays that are left, until there is one",
                write="optimize=True",
            )
        return steps
    if count <= 2 or not optimize:
        return [(0, 1)] if count == 2 else [(0, 1), *[(0, count - k) for k in range(2, count)]] if count > 2 else []
    try:
        import opt_einsum
    except ImportError:
        return _greedy(inputs, contraction.output, contraction.sizes)
    symbols = {label: opt_einsum.get_symbol(i) for i, label in enumerate(contraction.sizes)}
    text = ",".join(["".join([symbols[k] for k in labels]) for labels in inputs])
    text += "->" + "".join([symbols[k] for k in contraction.output])
    shapes = [tuple([contraction.sizes[k] for k in labels]) for labels in inputs]
    return [tuple(step) for step in opt_einsum.contract_path(text, *shapes, shapes=True)[0]]


def _greedy(inputs: list[Labels], output: Labels, sizes: dict[Label, int]) -> Path:
    """Return at each step the pair whose product adds least to what is held, then the one that costs least."""

    def count(labels: set[Label]) -> int:
        return size(tuple([sizes[k] for k in labels]))

    left = [set(labels) for labels in inputs]
    steps: Path = []
    while len(left) > 1:
        best: tuple[int, int, int, int] | None = None
        for i, a in enumerate(left):
            for j, b in enumerate(left[i + 1 :], i + 1):
                rest = set(output).union(*[c for k, c in enumerate(left) if k not in (i, j)])
                grown = count((a | b) & rest) - count(a) - count(b)
                best = min(best or (grown, count(a | b), i, j), (grown, count(a | b), i, j))
        assert best is not None
        _, _, i, j = best
        rest = set(output).union(*[c for k, c in enumerate(left) if k not in (i, j)])
        joined = (left[i] | left[j]) & rest
        left = [c for k, c in enumerate(left) if k not in (i, j)] + [joined]
        steps.append((i, j))
    return steps
