"""The package of optimizers: what it shows, and that it loads no more than is used."""

import ast
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

from funcnet import optim

STUB = Path(optim.__file__).with_suffix(".pyi")


def test_the_stub_tells_what_the_package_shows():
    imports = [node for node in ast.parse(STUB.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    told = {(node.module, name.name) for node in imports for name in node.names}
    assert all(name.asname == name.name for node in imports for name in node.names)
    assert {name for _, name in told} == set(optim.__all__)
    for module, name in told - {("funcnet.optim", "projections"), ("funcnet.optim", "schedules")}:
        assert getattr(optim, name) is getattr(sys.modules[module], name), name


def test_the_import_loads_no_optimizer():
    code = "import sys, funcnet.optim; print(*[name for name in sys.modules if name.startswith('funcnet')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(run.stdout.split()) == ["funcnet", "funcnet.errors", "funcnet.optim", "funcnet.surface"]


@pytest.mark.parametrize(
    "first", ["from funcnet.optim.adam import AdamState", "import funcnet.optim.adam", "from funcnet.optim import adam"]
)
def test_a_function_is_not_hidden_by_the_module_of_its_name(first):
    code = f"{first}; from funcnet import optim; print(type(optim.adam).__name__, optim.adam.__module__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [FunctionType.__name__, "funcnet.optim.adam"]


def test_all_names_are_listed_and_others_refused():
    assert set(optim.__all__) <= set(dir(optim))
    with pytest.raises(AttributeError, match=r"module 'funcnet\.optim' has no attribute 'adom'"):
        _ = optim.adom
