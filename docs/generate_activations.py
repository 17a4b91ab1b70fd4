"""Write the table of activation functions, their derivatives and their kinks.

``python docs/generate_activations.py`` writes ``docs/activations.md``; a test compares the file with what it makes.
"""

from pathlib import Path

from funcnet import nn
from funcnet.ops.nn.declare import ACTIVATIONS

__all__ = ["table"]


def table() -> str:
    """Return the page in markdown."""
    lines = [
        "# Activation functions",
        "",
        "Made by `python docs/generate_activations.py` from the declarations. Each name is a function,",
        "`nn.functional.<name>(x)`, and a layer, `nn.<name>()`; `nn.activation('<name>')` gives the layer.",
        "First and second derivatives are finite wherever the value is, in single precision too.",
        "",
        "| name | value | derivative | at kinks |",
        "|---|---|---|---|",
        "| relu | Rectified linear unit: x where it is positive, 0 elsewhere. | 1 where x > 0, 0 elsewhere | 0 at 0 |",
        "| sigmoid | Logistic function. | y*(1 - y) | smooth |",
        "| tanh | Hyperbolic tangent. | 1 - y**2 | smooth |",
    ]
    for name in sorted(ACTIVATIONS):
        facts = ACTIVATIONS[name]
        assert hasattr(nn, name), name
        summary = facts.function.__doc__.splitlines()[0].replace("|", "\\|")
        kinks = ", ".join(f"{slope:g} at {point:g}" for point, slope in facts.kinks.items()) or "smooth"
        lines.append(f"| {name} | {summary} | {facts.derivative.replace('|', chr(92) + '|')} | {kinks} |")
    lines += [
        "",
        "Values at kinks are for the default parameters. Second derivatives of `softsign`, `elu` and `celu` jump at",
        "0, that of `sparse_plus` at -1 and 1. Ties in `maxout` are split evenly; an entry of `sparsemax` that is just",
        "about to leave 0 counts as 0. `rrelu` has the derivative of the left at 0.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("activations.md").write_text(table(), encoding="utf-8")
