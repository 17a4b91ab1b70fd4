"""Products and the loops that take their rows as one step of a fused plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.fusion.following import per_row
from funcnet.compiler.fusion.products import EACH
from funcnet.compiler.kernels.followed import Follower, called, described, room, room_size, rows_of, with_tables
from funcnet.compiler.steps import Fixed
from funcnet.compiler.team.entries import Kernel
from funcnet.compiler.team.uses import OWN, READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from funcnet.compiler.fusion.arrays import Arrays
    from funcnet.compiler.fusion.following import Chain
    from funcnet.compiler.fusion.loops import LoopSteps, Ready
    from funcnet.compiler.fusion.products import ProductSteps

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["ChainSteps"]


class ChainSteps:
    """Writes the products of a plan that loops follow.

    Parameters
    ----------
    arrays : Arrays
        Where values lie.
    compile : callable
        Makes functions of the sources of loops.
    products : ProductSteps
        Knows where operands lie.
    loops : LoopSteps
        Makes the loops.
    chains : iterable of Chain
        What there is to write.
    """

    __slots__ = ("_room", "arrays", "chains", "compile", "loops", "products", "writer")

    def __init__(
        self, arrays: Arrays, compile: Compile, products: ProductSteps, loops: LoopSteps, chains: Iterable[Chain]
    ) -> None:
        self.arrays, self.writer = arrays, arrays.writer
        self.compile = compile
        self.products, self.loops = products, loops
        self.chains = list(chains)
        #: Where all of them work, as bytes for each thread and memory.
        self._room: tuple[int, np.ndarray] | None = None

    def write(self, chain: Chain, step: int) -> bool:
        """Write the step that is a product and its loops, the next steps; return False if they are for themselves."""
        e, out = chain.product, chain.product.outputs[0]
        (a, left), (b, right) = (self.products.matrices(v, READ) for v in e.inputs)
        c, result = self.products.matrices(out, WRITE)
        found = rows_of(left, right, result, out.dtype)
        function = called(self.compile, out.dtype) if found is not None else None
        if found is None or function is None:
            return False
        ready: list[Ready] = []
        followers: list[Follower] = []
        for i, group in enumerate(chain.loops):
            loop = self.loops.ready(group, step + 1 + i, chain.division.count)
            per = per_row(group, out.shape[-1])
            assert per is not None
            assert isinstance(loop.function, Kernel)
            followers.append(Follower(loop.function, per, loop.loop.inputs.index((out, "full"))))
            loop.loop.product = tuple([int(n) for n in found.description[:3]])
            ready.append(loop)
        each, memory = self._memory()
        description = described(found, out.dtype, chain.division, followers, each, kept=chain.kept)
        arguments = [a, b, c, Fixed(memory, OWN), Fixed(description, READ)]
        for loop in ready:
            arguments += loop.arguments
        made = [v for loop in ready for v, _ in loop.loop.outputs]
        amount = found.work // EACH + sum([loop.loop.work for loop in ready])
        joint = with_tables(function, followers)
        self.writer.step(joint, chain.division.bounds, arguments, [out, *made], amount=amount)
        for loop in ready:
            for after in loop.after:
                after()
        return True

    def _memory(self) -> tuple[int, np.ndarray]:
        if self._room is None:
            sizes = []
            for chain in self.chains:
                out, (k, n) = chain.product.outputs[0], chain.product.inputs[1].shape
                sizes.append(room_size(n, k, out.dtype, chain.division))
            # A step of one part may have the number of any thread.
            self._room = max(sizes), room(max(sizes), self.products.count)
        return self._room
