"""Steps of random programs, by family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from funcnet.testing.families.arranging import ARRANGING
from funcnet.testing.families.complex import COMPLEX
from funcnet.testing.families.control import CONTROL
from funcnet.testing.families.drawing import DRAWING
from funcnet.testing.families.fft import FFT
from funcnet.testing.families.indexing import INDEXING
from funcnet.testing.families.layers import LAYERS
from funcnet.testing.families.linalg import LINALG
from funcnet.testing.families.operation import Namespace, Operation
from funcnet.testing.families.special import SPECIAL
from funcnet.testing.families.updates import UPDATES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAMILIES", "OWN_FAMILIES", "SHAPES", "Namespace", "Operation"]

#: The steps of each family.
FAMILIES: Mapping[str, Mapping[str, Operation]] = {
    "linalg": LINALG,
    "fft": FFT,
    "special": SPECIAL,
    "indexing": INDEXING,
    "complex": COMPLEX,
    "arranging": ARRANGING,
}

#: Families whose steps are funcnet's own, on arrays of any library that it works with.
OWN_FAMILIES: Mapping[str, Mapping[str, Operation]] = {
    "layers": LAYERS,
    "control": CONTROL,
    "updates": UPDATES,
    "drawing": DRAWING,
}

#: The shapes of the arguments in each family: few, since a library that compiles does so for every shape.
SHAPES: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "linalg": ((3, 3), (2, 3, 3), (3, 2), (3,)),
    "fft": ((4,), (5,), (3, 4), (2, 5), ()),
    "special": ((), (3,), (2, 3)),
    "indexing": ((3, 4), (4,), (2, 3, 4), (3,)),
    "complex": ((3, 3), (3,), (2, 3), ()),
    "arranging": ((3, 3), (4,), (2, 3), (2, 3, 3)),
    "layers": ((3, 4), (2, 3, 4), (1, 4, 4, 2), (2, 3, 2, 2), (4,)),
    "control": ((3, 3), (3,), (4, 3), (2, 3, 3), ()),
    "updates": ((3, 3), (3,), (2, 3)),
    "drawing": ((3, 3), (3,), (2, 4), ()),
}
