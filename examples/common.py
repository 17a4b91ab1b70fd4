"""What the examples share: options, optional packages, pictures."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.errors import FuncnetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "basic_options",
    "curves",
    "falling",
    "figure",
    "gallery",
    "need",
    "options",
    "positive",
    "progress",
    "run",
    "save_picture",
]


def need(module: str, extra: str) -> Any:
    """Import an optional package, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        sys.exit(f'This example needs {module.partition(".")[0]} ({error}).\n  write: pip install "funcnet[{extra}]"')


def positive(text: str) -> int:
    """Read an option that is a number of something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def options(
    description: str | None, *, epochs: int, batch_size: int, out: str, dtype: str = "float32"
) -> argparse.ArgumentParser:
    """Return a parser of the options of an example that goes over its data and saves its parameters."""
    parser = _parser(description, out, dtype)
    parser.add_argument("--epochs", type=positive, default=epochs, help="passes over the training data")
    parser.add_argument("--batch-size", type=positive, default=batch_size, help="examples per step")
    parser.add_argument("--load", type=Path, default=None, metavar="FILE", help="evaluate saved parameters, and stop")
    return parser


def basic_options(
    description: str | None, *, out: str, full: int, small: int, count: str = "steps", dtype: str = "float32"
) -> argparse.ArgumentParser:
    """Return a parser of the options of an example that has two sizes, the smaller one for a first look."""
    parser = _parser(description, out, dtype)
    text = {"steps": "steps of the optimizer", "epochs": "passes over the training data"}[count]
    parser.add_argument(
        f"--{count}", type=positive, default=argparse.SUPPRESS, help=f"{text} (default: {full}; with --small {small})"
    )
    parser.add_argument("--small", action="store_true", help="a size that takes seconds")
    parser.set_defaults(sizes={count: (full, small)})
    return parser


def run(main: Callable[..., None], parser: argparse.ArgumentParser) -> None:
    """Call the example; show errors of use without a traceback."""
    try:
        args = parser.parse_args()
        for name, (full, small) in getattr(args, "sizes", {}).items():
            if not hasattr(args, name):
                setattr(args, name, small if args.small else full)
        main(args)
    except (FuncnetError, OSError) as error:
        sys.exit(str(error))


def progress(items: Iterable[Any], *, unit: str, total: int | None = None) -> Any:
    """Go over items with a progress bar; without one where the output is no terminal."""
    return need("tqdm", "data").tqdm(items, desc="training", unit=unit, total=total, disable=None)


def curves(path: Path, losses: Sequence[float], accuracies: dict[str, Sequence[float]]) -> None:
    """Draw the loss and the accuracies, in per cent, of each epoch."""
    canvas = figure((9, 3.6))
    left, right = canvas.subplots(1, 2)
    epochs = range(1, len(losses) + 1)
    left.plot(epochs, losses)
    left.set(xlabel="epoch", ylabel="mean training loss", yscale="log")
    for name, values in accuracies.items():
        right.plot(epochs, values, label=f"{name}: {values[-1]:.2f} %")
    right.set(xlabel="epoch", ylabel="accuracy / %")
    right.legend(loc="lower right")
    save_picture(canvas, path)


def gallery(path: Path, images: np.ndarray, titles: Sequence[str], *, marked: Sequence[bool], columns: int = 8) -> None:
    """Draw grey pictures with titles, those that are marked in red."""
    rows = -(-len(images) // columns)
    canvas = figure((1.15 * columns, 1.4 * rows))
    for axes in (grid := np.ravel(canvas.subplots(rows, columns, squeeze=False))):
        axes.set_axis_off()
    for axes, image, title, mark in zip(grid, images, titles, marked, strict=False):
        axes.imshow(image, cmap="gray_r")
        axes.set_title(title, fontsize=8, color="red" if mark else "black")
    save_picture(canvas, path)


def falling(path: Path, losses: Sequence[float], label: str, held_back: dict[int, float] | None = None) -> None:
    """Draw the loss of each step, and that of what was held back after some of the steps."""
    canvas = figure((6, 4))
    axes = canvas.subplots()
    axes.plot(range(1, len(losses) + 1), losses, lw=0.8, label="training")
    if held_back:
        axes.plot(list(held_back), list(held_back.values()), "o-", ms=4, label="held back")
        axes.legend()
    axes.set(xlabel="step", ylabel=label)
    save_picture(canvas, path)


def figure(size: tuple[float, float]) -> Any:
    """Return an empty figure of matplotlib, of that many inches."""
    # Without pyplot: no display is needed, and nothing is kept.
    need("matplotlib", "plot")
    canvas = need("matplotlib.figure", "plot").Figure(figsize=size, layout="constrained")
    need("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg(canvas)
    return canvas


def save_picture(canvas: Any, path: Path) -> None:
    """Write a figure to a file; make its directory if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, dpi=120)


def _parser(description: str | None, out: str, dtype: str) -> argparse.ArgumentParser:
    # The first line of the example's docstring.
    first = (description or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=first, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--backend", default="numpy", help="array library: numpy, cupy, torch, ...")
    parser.add_argument(
        "--device", default=None, help="device of the library, such as cuda:1; by default its own choice"
    )
    parser.add_argument("--dtype", default=dtype, help="floating-point data type: float32 or float64")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is random")
    parser.add_argument("--out", type=Path, default=Path(out), help="directory for what is written")
    return parser
