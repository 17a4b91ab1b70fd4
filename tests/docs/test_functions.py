"""The pages of functions: that nothing is missing from them, and that what they say is taken from the declarations."""

import importlib.util
import sys
from pathlib import Path

import pytest

from funcnet import nn, xp
from funcnet.core import linear, registry

GENERATOR = Path(__file__).parents[2] / "docs" / "generate_functions.py"
if not GENERATOR.exists():
    pytest.skip("the documentation is not part of a source distribution", allow_module_level=True)


def _load():
    spec = importlib.util.spec_from_file_location("generate_functions", GENERATOR)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


generator = _load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("functions")
    generator.write_pages(folder)
    return folder


@pytest.fixture
def undocumented(monkeypatch):
    """A public function that the test documents, and its primitive."""
    primitive = linear("docs.undocumented", lambda xp, x: x, transpose=lambda g, x: g)

    def function(x, /):
        raise AssertionError

    function.__name__ = "undocumented"
    function.primitive = primitive
    monkeypatch.setattr(generator, "public_functions", lambda: iter([("xp", "undocumented", function)]))
    yield function
    del registry["docs.undocumented"]


def _complete():
    return """Give it back.

Derivative: 1.

Parameters
----------
x : array
    Of a numeric data type.

Returns
-------
array
    Like `x`.

References
----------
None, but this.

Examples
--------
>>> 1 + 1
2
"""


def test_no_public_function_lacks_anything():
    lacking = {f"{short}.{name}": generator.gaps(name, f) for short, name, f in generator.public_functions()}
    assert {name: gaps for name, gaps in lacking.items() if gaps} == {}


def test_every_public_function_has_a_page_and_a_line_in_the_index(folder):
    index = (folder / "index.rst").read_text(encoding="utf-8")
    spaces = {"xp": xp, "linalg": xp.linalg, "fft": xp.fft, "special": xp.special, "functional": nn.functional}
    assert set(spaces) == set(generator.MODULES)
    for short, namespace in spaces.items():
        for name in namespace.__all__:
            if callable(getattr(namespace, name)):
                text = (folder / short / f"{name}.rst").read_text(encoding="utf-8")
                assert f":: {generator.MODULES[short]}.{name}\n" in text
                for label in ("Derivative", "Shapes", "Data types", "Backends with a kernel", "Under vmap"):
                    assert f"\n:{label}: " in text, name
                assert f"   {short}/{name}\n" in index


def test_declarations_show(folder):
    text = (folder / "xp" / "log.rst").read_text(encoding="utf-8")
    assert ":Primitive: ``log``\n" in text
    assert ":Derivative: d/dx = 1/x." in text
    assert ":Domain: [0, inf)\n" in text
    assert ":Data types: Of a floating data type" in text
    assert ":Backends with a kernel: numpy, cupy. " in text
    assert ":Under vmap: One call on the whole batch, which broadcasts.\n" in text
    assert ":Sources: Python Array API standard, ``log``.\n" in text
    assert ":Shapes: Of the broadcast shape of the arguments.\n" in text
    assert ":Kinks: 0 (derivative inf)\n" in text


def test_kinks_show_with_the_derivative_there(folder):
    def kinks(name):
        text = (folder / f"{name}.rst").read_text(encoding="utf-8")
        return [line.removeprefix(":Kinks: ") for line in text.splitlines() if line.startswith(":Kinks: ")]

    assert kinks("xp/abs") == ["0 (derivative 0)"]
    assert kinks("xp/acos") == ["-1 (derivative -inf), 1 (derivative -inf)"]
    assert kinks("xp/sign") == ["0; the derivative is 0 everywhere"]
    assert kinks("xp/maximum") == ["Where the arguments are equal."]
    assert kinks("functional/hard_swish") == ["-3 (derivative 0), 3 (derivative 1)"]
    assert kinks("xp/exp") == []


def test_a_part_of_the_domain_is_not_called_the_domain(folder):
    text = (folder / "special" / "cotdg.rst").read_text(encoding="utf-8")
    assert ":Drawn by the tests from: [30, 60]\n" in text
    assert ":Domain: " not in text
    assert "negative bases with whole exponents" in (folder / "xp" / "pow.rst").read_text(encoding="utf-8")


def test_where_there_is_no_kernel_code_of_the_standard_runs_everywhere(folder):
    text = (folder / "special" / "cbrt.rst").read_text(encoding="utf-8")
    assert ":Backends with a kernel: None. Code in the standard's functions runs on every backend.\n" in text


def test_compositions_name_their_parts(folder):
    text = (folder / "xp" / "outer.rst").read_text(encoding="utf-8")
    assert ":Composed of: ``multiply``, ``reshape``\n" in text
    assert ":Under vmap: Those of its parts.\n" in text
    assert ":Primitive:" not in text


def test_reasons_why_there_is_no_derivative_show(folder):
    assert ":Derivative: None: its arguments are sizes" in (folder / "xp" / "zeros.rst").read_text(encoding="utf-8")
    assert ":Derivative: none, the result is integer." in (folder / "xp" / "argmax.rst").read_text(encoding="utf-8")


def test_tables_name_public_functions_only():
    public = {name for _, name, _ in generator.public_functions()}
    assert set(generator.WITHOUT_DERIVATIVE) <= public
    assert set(generator.DTYPES) <= public
    assert set(generator.SHAPES) <= public
    assert set(generator.DOMAINS) <= public


def test_a_complete_function_lacks_nothing(undocumented):
    undocumented.__doc__ = _complete()
    assert generator.gaps("undocumented", undocumented) == []


@pytest.mark.parametrize(
    ("start", "end", "gap"),
    [
        ("Derivative", "\n\nParameters", "derivative, or a reason why there is none"),
        ("    Of a", "\n\nReturns", "data types"),
        ("    Like", "\n\nReferences", "shapes"),
        (">>> 1", "\n", "examples"),
    ],
)
def test_what_is_lacking_is_named_and_nothing_is_written(undocumented, tmp_path, start, end, gap):
    text = _complete()
    cut = text.index(start)
    undocumented.__doc__ = text[:cut] + text[text.index(end, cut) :]
    with pytest.raises(ValueError, match=f"^funcnet.xp.undocumented lacks {gap}$"):
        generator.write_pages(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pages_of_functions_that_are_gone_go_and_others_keep_their_time(undocumented, tmp_path):
    undocumented.__doc__ = _complete()
    gone = tmp_path / "xp" / "gone.rst"
    gone.parent.mkdir()
    gone.write_text("Gone")
    written = generator.write_pages(tmp_path)
    assert written == [tmp_path / "index.rst", tmp_path / "xp" / "undocumented.rst"]
    assert not gone.exists()
    times = [path.stat().st_mtime_ns for path in written]
    assert [path.stat().st_mtime_ns for path in generator.write_pages(tmp_path)] == times


def test_kernels_are_known_without_the_library(monkeypatch):
    monkeypatch.setattr(generator, "_KERNELS", {})
    monkeypatch.setattr(type(generator.record("cupy")), "probe", lambda self: "not installed")
    assert "abs" in generator._kernels("cupy")
