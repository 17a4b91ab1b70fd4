"""Operators of tracers."""
from funcnet.core import Tracer, bind, registry
_mul=registry["multiply"]; _add=registry["add"]; _sub=registry["subtract"]
def _m(p, r=False):
    if r:
        return lambda a,b: bind(p, b, a)
    return lambda a,b: bind(p, a, b)
for n,p in dict(mul=_mul,add=_add,sub=_sub).items():
    setattr(Tracer, f"__{n}__", _m(p)); setattr(Tracer, f"__r{n}__", _m(p,True))
