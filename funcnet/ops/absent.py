"""Attributes of other libraries' arrays that a traced array does not have: each says what to write in its place.

To `hasattr` and `getattr` they are absent. Most of NumPy's show the memory of an array, of which a traced one has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core.frames import user_frame
from funcnet.errors import TracerAttributeError

if TYPE_CHECKING:
    from funcnet.core import Tracer

__all__ = ["ABSENT", "REFUSALS"]

_MEMORY = "fn.stop_gradient(x) where no derivative is wanted, and return the array to use its memory outside"
_BYTES = "return the array from the transformed function, and write its bytes outside"

#: name -> what to write instead
ABSENT: dict[str, str] = {
    "argpartition": "xp.argsort(x)",
    "at": "xp.at(x, index).set(values), .add, .multiply, .min or .max; or x[index] = values",
    "backward": "fn.grad(f)(x), with the computation as a function f",
    "byteswap": _BYTES,
    "choose": "xp.take_along_axis(xp.stack(choices), x[None], axis=0)[0]",
    "compress": "xp.compress is x[condition]; xp.take(x, indices, axis=axis) along an axis",
    "ctypes": _MEMORY,
    "data": _MEMORY,
    "detach": "fn.stop_gradient(x)",
    "dump": _BYTES,
    "dumps": _BYTES,
    "flags": "nothing: a traced array can always be assigned to",
    "grad": "fn.grad(f)(x), with the computation as a function f",
    "getfield": "xp.real(x) and xp.imag(x)",
    "numpy": "fn.stop_gradient(x) where no derivative is wanted, and array operations elsewhere",
    "partition": "x.sort()",
    "put": "xp.at(xp.reshape(x, (-1,)), indices).set(values)",
    "requires_grad": "fn.grad(f)(x), which differentiates with respect to the arguments of f",
    "resize": "xp.reshape(x, shape), or numpy.resize(x, shape) to repeat the elements",
    "setfield": "xp.at(x, index).set(values)",
    "setflags": "nothing: a traced array can always be assigned to",
    "strides": "xp.reshape, xp.permute_dims or slices in place of numpy.lib.stride_tricks",
    "tobytes": _BYTES,
    "tofile": _BYTES,
    "view": "xp.astype(x, dtype) for other numbers, x[...] for a view of the same",
}


def _refusal(name: str, write: str) -> property:
    def refuse(self: Tracer) -> Any:
        raise TracerAttributeError(
            f"A traced array has no attribute {name!r}, in {user_frame()}.",
            found=repr(self),
            needed="array operations from here to the output",
            write=write,
            name=name,
            obj=self,
        )

    return property(refuse, doc=f"Refused; write {write}.")


#: What `funcnet.ops.methods` attaches.
REFUSALS = {name: _refusal(name, write) for name, write in ABSENT.items()}
