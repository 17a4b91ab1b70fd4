from funcnet.ops.broadcasting import *
from funcnet.ops.creation import *
from funcnet.ops.ranges import *
from funcnet.ops.triangles import *
from funcnet.ops.dtypes import *
from funcnet.ops.inspection import *
from funcnet.ops.strong import *
from funcnet.ops.complex import *
from funcnet.ops.comparison import *
from funcnet.ops.exponential import *
from funcnet.ops.arithmetic import *
from funcnet.ops.trigonometric import *
from funcnet.ops.hyperbolic import *
from funcnet.ops.rounding import *
from funcnet.ops.bitwise import *
from funcnet.ops.activations import *
from funcnet.ops.slicing import Scattered as Scattered
from funcnet.ops.shapes import broadcast_shapes as broadcast_shapes
from funcnet.ops.manipulation import *
from funcnet.ops.joining import *
from funcnet.ops.indexing import *
from funcnet.ops.along import *
from funcnet.ops.at import at as at
from funcnet.ops.statistical import *
from funcnet.ops.utility import *
from funcnet.ops.searching import *
from funcnet.ops.sorting import *
from funcnet.ops.sets import *
from funcnet.ops.linear_algebra import *
from funcnet.ops.softmax import *


def __getattr__(name):  # TEMPORARY until every operation has landed; removed by the lead
    if name.startswith("_"):
        raise AttributeError(name)

    def missing(*args, **kwargs):
        raise NotImplementedError(name)

    return missing
