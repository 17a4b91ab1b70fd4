from funcnet.ops.broadcasting import *
from funcnet.ops.creation import *
from funcnet.ops.arithmetic import *
