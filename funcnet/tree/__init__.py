"""Pytrees: arrays in nested containers, taken apart and put together again.

A tree is a leaf or a node. Nodes are ``dict``, ``list``, ``tuple``, named tuples, dataclasses, ``OrderedDict``,
``defaultdict``, ``None`` and whatever :func:`register` adds; everything else is a leaf. Classes count exactly: a
subclass of ``dict``, ``list`` or ``tuple`` that is none of these is a leaf until it is registered.

- The order of a ``dict`` does not matter: leaves follow the sorted keys. That of an ``OrderedDict`` is part of it.
- ``None`` is a node without children: it holds no leaf, is given back where it was, and matches ``None`` only.
- A dataclass field with ``metadata={"static": True}`` belongs to the structure instead of the leaves.

A path names a place in a tree as Python would reach it, such as ``.dense_0.kernel``, ``[0]`` or ``['a b']``. The path
of the tree itself is empty.
"""

from funcnet.surface import listing as _listing
from funcnet.tree.compare import Difference as Difference
from funcnet.tree.compare import broadcast_prefix as broadcast_prefix
from funcnet.tree.compare import first_difference as first_difference
from funcnet.tree.compare import flatten_like as flatten_like
from funcnet.tree.functions import all as all
from funcnet.tree.functions import leaves as leaves
from funcnet.tree.functions import map as map
from funcnet.tree.functions import map_with_path as map_with_path
from funcnet.tree.functions import paths as paths
from funcnet.tree.functions import reduce as reduce
from funcnet.tree.functions import transpose as transpose
from funcnet.tree.kinds import register as register
from funcnet.tree.kinds import register_leaf as register_leaf
from funcnet.tree.treedef import TreeDef as TreeDef
from funcnet.tree.treedef import flatten as flatten
from funcnet.tree.treedef import flatten_with_paths as flatten_with_paths
from funcnet.tree.treedef import format_path as format_path
from funcnet.tree.treedef import structure as structure
from funcnet.tree.treedef import unflatten as unflatten

__all__ = [
    "Difference",
    "TreeDef",
    "all",
    "broadcast_prefix",
    "first_difference",
    "flatten",
    "flatten_like",
    "flatten_with_paths",
    "format_path",
    "leaves",
    "map",
    "map_with_path",
    "paths",
    "reduce",
    "register",
    "register_leaf",
    "structure",
    "transpose",
    "unflatten",
]

__dir__ = _listing(__name__)
