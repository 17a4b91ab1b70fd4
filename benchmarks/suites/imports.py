"""Imports, each in a process of its own; NumPy's is the control."""


def timeraw_numpy() -> str:
    return "import numpy"


def timeraw_funcnet() -> str:
    return "import funcnet"


def timeraw_first_gradient() -> str:
    return """
    import numpy
    import funcnet
    funcnet.grad(lambda x: (x * x).sum())(numpy.ones(3))
    """


def timeraw_models() -> str:
    return "from funcnet import losses, nn, optim, random"
