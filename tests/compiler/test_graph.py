"""Graphs: their form, the verifier, the printer."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.core import registry
from funcnet.errors import GraphError

SPEC = fn.Spec((3,), "float64")


def graph() -> Graph:
    return fn.trace(lambda x, y: xp.sin(x) * y + 1.0, SPEC, SPEC)


def test_print() -> None:
    assert str(graph()).splitlines() == [
        "graph(a: float64[3], b: float64[3])",
        "  c: float64[3] = sin(a)",
        "  d: float64[3] = multiply(c, b)",
        "  e: float64[3] = add(d, 1.0)",
        "  return e",
    ]
    assert repr(graph()) == "<Graph of 2 inputs, 3 equations and 1 outputs>"


def test_print_regions_and_constants() -> None:
    text = str(fn.trace(lambda x: fn.scan(lambda c, t: (c * t, c), x, np.ones((4, 3))), SPEC))
    assert "constant" in text
    assert "= scan(a, b) {" in text
    assert text.count("return") == 2


def test_names_beyond_the_alphabet() -> None:
    def f(x: Any) -> Any:
        for _ in range(30):
            x = xp.sin(x)
        return x

    assert "ad: float64[3] = sin(ac)" in str(fn.trace(f, SPEC))


def test_lines_of_the_user() -> None:
    assert all("test_graph.py" in e.line for e in graph().equations)


def test_verify() -> None:
    g = graph()
    g.verify()
    first, *rest = g.equations
    with pytest.raises(GraphError, match="used before it is defined, in equation 0, multiply"):
        Graph(g.inputs, rest, g.outputs).verify()
    with pytest.raises(GraphError, match="defined twice, the second time as a result of equation 1, sin"):
        Graph(g.inputs, [first, *g.equations], g.outputs).verify()
    with pytest.raises(GraphError, match="Output 0 is not defined"):
        Graph(g.inputs, [first], g.outputs).verify()
    with pytest.raises(GraphError, match="neither a value nor a Python scalar"):
        Graph(g.inputs, [first.replaced((np.ones(3),))], first.outputs).verify()
    with pytest.raises(GraphError, match="One result is needed"):
        Graph(g.inputs, [Equation(registry["sin"], (g.inputs[0],), {}, ())], ()).verify()
    value = Value(SPEC)
    with pytest.raises(GraphError, match="not what its value says"):
        Graph((), (), (value,), {value: np.ones(2)}).verify()


def test_interpreter_is_the_function() -> None:
    x, y = np.arange(3.0), np.ones(3)
    np.testing.assert_array_equal(interpret(graph(), [x, y])[0], np.sin(x) * y + 1.0)


def test_users() -> None:
    g = graph()
    assert [e.primitive.name for e in g.users()[g.inputs[1]]] == ["multiply"]


def test_trace_keeps_python_numbers() -> None:
    assert fn.trace(lambda x: (x, 2.0), SPEC).outputs[1] == 2.0
    assert fn.trace(lambda x, n: x * n, SPEC, 3).equations[0].inputs[1] == 3
