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
    from collections.abc import Callable, Sequence

__all__ = ["curves", "gallery", "need", "options", "positive", "run"]


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
    description: str, *, epochs: int, batch_size: int, out: str, dtype: str = "float32"
) -> argparse.ArgumentParser:
    """Return a parser of the options that all examples have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--backend", default="numpy", help="array library: numpy, cupy, torch, ...")
    parser.add_argument(
        "--device", default=None, help="device of the library, such as cuda:1; by default its own choice"
    )
    parser.add_argument("--dtype", default=dtype, help="floating-point data type: float32 or float64")
    parser.add_argument("--epochs", type=positive, default=epochs, help="passes over the training data")
    parser.add_argument("--batch-size", type=positive, default=batch_size, help="examples per step")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the split, the parameters and the order of examples"
    )
    parser.add_argument("--out", type=Path, default=Path(out), help="directory for pictures and parameters")
    parser.add_argument("--load", type=Path, default=None, metavar="FILE", help="evaluate saved parameters, and stop")
    return parser


def run(main: Callable[..., None], parser: argparse.ArgumentParser) -> None:
    """Call the example; show errors of use without a traceback."""
    try:
        main(parser.parse_args())
    except (FuncnetError, OSError) as error:
        sys.exit(str(error))


def curves(path: Path, losses: Sequence[float], accuracies: dict[str, Sequence[float]]) -> None:
    """Draw the loss and the accuracies, in per cent, of each epoch."""
    figure = _figure((9, 3.6))
    left, right = figure.subplots(1, 2)
    epochs = range(1, len(losses) + 1)
    left.plot(epochs, losses)
    left.set(xlabel="epoch", ylabel="mean training loss", yscale="log")
    for name, values in accuracies.items():
        right.plot(epochs, values, label=f"{name}: {values[-1]:.2f} %")
    right.set(xlabel="epoch", ylabel="accuracy / %")
    right.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def gallery(path: Path, images: np.ndarray, titles: Sequence[str], *, marked: Sequence[bool], columns: int = 8) -> None:
    """Draw grey pictures with titles, those that are marked in red."""
    rows = -(-len(images) // columns)
    figure = _figure((1.15 * columns, 1.4 * rows))
    for axes in (grid := np.ravel(figure.subplots(rows, columns, squeeze=False))):
        axes.set_axis_off()
    for axes, image, title, mark in zip(grid, images, titles, marked, strict=False):
        axes.imshow(image, cmap="gray_r")
        axes.set_title(title, fontsize=8, color="red" if mark else "black")
    figure.savefig(path, dpi=120)


def _figure(size: tuple[float, float]) -> Any:
    # Without pyplot: no display is needed, and nothing is kept.
    need("matplotlib", "plot")
    figure = need("matplotlib.figure", "plot").Figure(figsize=size, layout="constrained")
    need("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg(figure)
    return figure
