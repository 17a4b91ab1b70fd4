from funcnet.ops.broadcasting import *
from funcnet.ops.creation import *
from funcnet.ops.arithmetic import *
from funcnet.ops.statistical import *
from funcnet.ops.linear_algebra import *
from funcnet.ops.softmax import *
