"""Find the lowest point of Rosenbrock's valley by gradient descent and by Newton's method, and draw both paths.

    python examples/rosenbrock.py --backend numpy|cupy|torch

What it shows: `fn.grad` and `fn.hessian` of a function as it stands in the book. Gradient descent needs thousands of
steps along the bottom of the curved valley; Newton's method, which knows the curvature, needs a handful.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from common import basic_options, figure, progress, run, save_picture

import funcnet as fn
from funcnet import xp

Array = Any
START = (-1.5, 1.5)


def rosenbrock(p: Array) -> Array:
    """Return Rosenbrock's function of a point (2,): 0 at (1, 1), its only minimum."""
    x, y = xp.unstack(p)
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2


@fn.jit
def descend(p: Array) -> Array:
    """Go a little way downhill."""
    return p - 1e-3 * fn.grad(rosenbrock)(p)


@fn.jit
def newton(p: Array) -> Array:
    """Go to the minimum of the parabola that fits the function at the point best."""
    return p - xp.linalg.solve(fn.hessian(rosenbrock)(p), fn.grad(rosenbrock)(p))


def path_of(step: Callable[[Array], Array], start: Array, most: int, name: str) -> np.ndarray:
    """Return the points that a method visits until the function is below 1e-10, or after so many steps."""
    points = [start]
    for _ in progress(range(most), unit=f"step of {name}"):
        if float(rosenbrock(points[-1])) < 1e-10:
            break
        points.append(step(points[-1]))
    return fn.to_numpy(xp.stack(points))


def draw(path: Any, paths: dict[str, np.ndarray]) -> None:
    """Draw the valley by its contours, and the paths."""
    x, y = np.meshgrid(np.linspace(-2, 2, 400), np.linspace(-5.2, 3, 400))
    canvas = figure((5, 7))
    axes = canvas.subplots()
    heights = 100 * (y - x**2) ** 2 + (1 - x) ** 2
    axes.contour(x, y, np.log10(heights + 1e-3), levels=18, cmap="Greys", linewidths=0.6)
    for (name, points), marker in zip(paths.items(), (".", "o"), strict=True):
        axes.plot(*points.T, marker=marker, ms=4, lw=1, label=f"{name}: {len(points) - 1} steps")
    axes.plot(1, 1, "k*", ms=10)
    axes.legend(loc="lower right")
    save_picture(canvas, path)


def main(args: argparse.Namespace) -> None:
    """Follow both methods from the same point, and draw."""
    with fn.use_backend(args.backend, device=args.device, dtype=args.dtype):
        start = xp.asarray(START, dtype=fn.backends.default_dtype())
        methods = {"gradient descent": descend, "Newton's method": newton}
        paths = {name: path_of(step, start, args.steps, name) for name, step in methods.items()}
    draw(args.out / "rosenbrock.png", paths)
    for name, points in paths.items():
        x, y = points[-1]
        print(f"{name}: {len(points) - 1} steps to ({x:.6f}, {y:.6f})")
    print(f"picture: {args.out / 'rosenbrock.png'}")


if __name__ == "__main__":
    run(
        main,
        basic_options(__doc__, out="outputs/rosenbrock", full=40000, small=2000, dtype="float64"),
    )
