"""Random numbers from explicit keys: the same ones on every backend, and the same as ``jax.random``'s.

A key is a plain array of two 32-bit words. `key` makes one from a seed, on the current backend; `split` and `fold_in`
make keys from a key; every other function draws from one, on the key's own backend and device. Nothing is hidden: the
same key gives the same numbers, and a key should be used once. `debug_key_reuse` finds those that are used twice.

The generator is Threefry-2x32; `funcnet.random.threefry` says how its words become numbers.
"""

from typing import TYPE_CHECKING

from funcnet.random.discrete import bernoulli, categorical, choice, permutation, randint
from funcnet.random.distributions import bits, exponential, gumbel, normal, truncated_normal, uniform
from funcnet.random.keys import fold_in, key, split
from funcnet.random.reuse import debug_key_reuse
from funcnet.surface import lazily as _lazily

__all__ = [
    "bernoulli",
    "bits",
    "categorical",
    "choice",
    "debug_key_reuse",
    "exponential",
    "fold_in",
    "gumbel",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "truncated_normal",
    "uniform",
]

if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(
        __name__,
        {},
        spelt={
            "multivariate_normal": "mean + random.normal(key, (n, d)) @ xp.linalg.cholesky(cov).T",
            "prngkey": "random.key",
            "rademacher": "2.0 * random.bernoulli(key, shape=shape) - 1.0",
            "rand": "random.uniform",
            "randn": "random.normal",
            "seed": "random.key",
            "shuffle": "random.permutation",
        },
    )
