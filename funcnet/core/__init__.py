"""The tracer and the declaration of primitives; no numerics."""

from funcnet.core.bind import bind as bind
from funcnet.core.case import Arg as Arg
from funcnet.core.case import Case as Case
from funcnet.core.case import case as case
from funcnet.core.primitive import Primitive as Primitive
from funcnet.core.primitive import Refused as Refused
from funcnet.core.primitive import elementwise as elementwise
from funcnet.core.primitive import general as general
from funcnet.core.primitive import linear as linear
from funcnet.core.primitive import registry as registry
from funcnet.core.spec import Spec as Spec
from funcnet.core.spec import owner as owner
from funcnet.core.trace import Trace as Trace
from funcnet.core.trace import constant as constant
from funcnet.core.trace import current_trace as current_trace
from funcnet.core.trace import determined as determined
from funcnet.core.trace import settled as settled
from funcnet.core.trace import untraced as untraced
from funcnet.core.tracer import Tracer as Tracer
from funcnet.core.tracer import carries_derivative as carries_derivative
from funcnet.core.tracer import raw as raw
from funcnet.surface import listing as _listing

__all__ = [
    "Arg",
    "Case",
    "Primitive",
    "Refused",
    "Spec",
    "Trace",
    "Tracer",
    "bind",
    "carries_derivative",
    "case",
    "constant",
    "current_trace",
    "determined",
    "elementwise",
    "general",
    "linear",
    "owner",
    "raw",
    "registry",
    "settled",
    "untraced",
]

__dir__ = _listing(__name__)
