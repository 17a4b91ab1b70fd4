"""Write `vectors.json`: draws of jax.random that funcnet.random must repeat. Run it where JAX is installed.

Each entry has the function, the seed of its key, its arguments, and the result's data type, shape and values. Draws
that depend on nothing but bits are compared exactly, the others ("near") to a few units in the last place. Of long
draws there is the SHA-256 of the bytes instead of the values.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

SEEDS = (0, 42, 2**32 - 1)
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def result(value: object) -> dict[str, object]:
    array = np.asarray(value)
    entry: dict[str, object] = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if array.size > 100:
        entry["sha256"] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    else:
        entry["values"] = array.ravel().tolist()
    return entry


def entries() -> list[dict[str, object]]:
    # Not at the top: where JAX is absent the tests still read this file.
    import jax

    found: list[dict[str, object]] = []

    def add(function: str, seed: int, *args: object, near: bool = False, x64: bool = False, **kwargs: object) -> None:
        # Without 64-bit types, as most programs run JAX; what needs them is marked.
        with jax.enable_x64(x64):
            key = jax.random.key(seed)
            if function == "key":
                value = jax.random.key_data(key)
            else:
                value = getattr(jax.random, function)(key, *args, **kwargs)
                value = jax.random.key_data(value) if function in ("split", "fold_in") else value
            found.append(
                {"function": function, "seed": seed, "args": args, "kwargs": kwargs, "near": near, **result(value)}
            )

    for seed in SEEDS:
        add("key", seed)
        add("split", seed)
        add("split", seed, [3, 4])
        add("fold_in", seed, 7)
        add("fold_in", seed, 2**32 - 1)
        for shape in ([], [3], [0, 2], [2, 1, 3]):
            for dtype in ("uint8", "uint16", "uint32", "uint64"):
                add("bits", seed, shape, dtype, x64=dtype == "uint64")
            for dtype in FLOATS:
                x64 = dtype == "float64"
                add("uniform", seed, shape, dtype, x64=x64)
                add("uniform", seed, shape, dtype, minval=-0.7, maxval=3.3, x64=x64)
                add("normal", seed, shape, dtype, near=True, x64=x64)
                add("truncated_normal", seed, -2.0, 2.0, shape, dtype, near=True, x64=x64)
                add("truncated_normal", seed, 0.5, float("inf"), shape, dtype, near=True, x64=x64)
                add("gumbel", seed, shape, dtype, near=True, x64=x64)
                add("exponential", seed, shape, dtype, near=True, x64=x64)
            for p in (0.0, 0.1, 0.5, 1.0):
                add("bernoulli", seed, p, shape)
            for dtype in INTEGERS:
                info = np.iinfo(dtype)
                for low, high in ((0, 10), (3, 100), (5, 5), (7, 2), (int(info.min), int(info.max))):
                    if (-(2**31) <= low and high < 2**31) or (info.bits == 64 and high < 2**63):
                        add("randint", seed, shape, low, high, dtype, x64=info.bits == 64)
                if info.bits < 32:
                    add("randint", seed, shape, 0, 256, dtype)
        add("bits", seed, [100_003])
        add("uniform", seed, [100_003])
        add("uniform", seed, [66_000], "float64", x64=True)
        add("randint", seed, [70, 1000], -5, 100)
        for size in (0, 1, 2, 10, 2000):
            add("permutation", seed, size)
        for args, kwargs in (
            ((10, [4]), {}),
            ((10, []), {}),
            ((10, [2, 3]), {"replace": False}),
            ((2**31 - 1, [3]), {}),
        ):
            add("choice", seed, *args, **kwargs)
    for seed in (-1, 2**40 + 7, -(2**63), 2**63 - 1):
        add("key", seed, x64=True)
    return found


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(entry) for entry in entries())
    Path(__file__).with_name("vectors.json").write_text(f"[\n{lines}\n]\n")
