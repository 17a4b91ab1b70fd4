"""Control flow as functions: choices, loops, scans.

Values are concrete while a function is differentiated, so Python's own ``if``, ``for`` and ``while`` are traced as they
are taken. These functions are for code that also has to run without values (`eval_shape`), or that was written for JAX,
whose semantics they have.
"""

from funcnet.control.associative import associative_scan as associative_scan
from funcnet.control.branches import cond as cond
from funcnet.control.branches import switch as switch
from funcnet.control.loops import fori_loop as fori_loop
from funcnet.control.loops import while_loop as while_loop
from funcnet.control.scans import map as map
from funcnet.control.scans import scan as scan
from funcnet.surface import listing as _listing

__all__ = ["associative_scan", "cond", "fori_loop", "map", "scan", "switch", "while_loop"]

__dir__ = _listing(__name__)
