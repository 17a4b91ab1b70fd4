"""Gradients of SciPy's and scikit-learn's functions, and the refusal of those that would drop them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = Path(__file__).with_name("programs.py")
_ROOT = _PROGRAMS.parents[2]

pytest.importorskip("scipy", minversion="1.17")
pytest.importorskip("sklearn", minversion="1.8")


def _names(kind: str) -> list[str]:
    spec = importlib.util.spec_from_file_location("third_party_programs", _PROGRAMS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(getattr(module, kind))


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """How each function fared in a process of its own, in which SciPy takes arrays of every library."""
    environment = os.environ | {"SCIPY_ARRAY_API": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, str(_PROGRAMS)], capture_output=True, text=True, env=environment, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", _names("RIGHT"))
def test_the_gradient_is_right(name, outcomes):
    outcome = outcomes[name]
    assert "error" not in outcome, outcome["text"]
    assert outcome["value"] < 1e-12
    assert outcome["size"] > 1e-3, "a gradient of zero would prove little"
    assert outcome["gradient"] < 1e-8
    assert outcome["forward"] < 1e-8


@pytest.mark.parametrize("name", _names("RAISES"))
def test_what_would_drop_a_derivative_is_refused(name, outcomes):
    outcome = outcomes[name]
    assert "gradient" not in outcome, "a gradient that cannot be right"
    assert outcome["error"] in (
        "IndependentOutputError",
        "TracerAttributeError",
        "TracerConversionError",
        "UnsupportedFunctionError",
    ), outcome["text"]
    assert "write:" in outcome["text"]


@pytest.mark.parametrize("name", _names("MIXED"))
def test_a_plain_array_beside_a_traced_one_is_to_be_lifted(name, outcomes):
    outcome = outcomes[f"{name}, mixed"]
    assert outcome["error"] == "TypeError"
    assert "Multiple namespaces" in outcome["text"]
    assert "write fn.lift(array) for a plain array beside them" in outcome["text"]


def test_the_table(outcomes, record_property):
    right = [o["gradient"] for o in outcomes.values() if "gradient" in o]
    refused = [o for o in outcomes.values() if "error" in o]
    record_property(
        "summary",
        f"third-party functions: {len(right)} gradients, largest relative error {max(right):.1e}; "
        f"{len(refused)} refused by name",
    )
