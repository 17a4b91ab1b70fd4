"""Names of backends: registering, plug-ins, probes, and the errors."""

import importlib.metadata
import subprocess
import sys
import textwrap
from importlib.metadata import Distribution, EntryPoint

import numpy as np
import pytest

import funcnet.backends as backends
from funcnet.backends import registry
from funcnet.errors import BackendNotFoundError, BackendUnavailableError, ParameterError

pytestmark = pytest.mark.usefixtures("clean_registry")


class Mine(backends.Backend):
    """A backend over NumPy's own namespace."""

    name = "mine"
    module = "numpy"


class Broken(backends.Backend):
    """A backend whose library is missing."""

    name = "broken"
    module = "no_such_library"
    install = "pip install no_such_library"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points of a distribution that exists in memory only; the registry has not read them yet."""
    declared: list[EntryPoint] = []

    class InMemory(Distribution):
        def read_text(self, filename: str) -> str | None:
            if filename == "METADATA":
                return "Metadata-Version: 2.1\nName: funcnet-in-memory\nVersion: 1.0\n"
            if filename == "entry_points.txt":
                lines = [f"{entry.name} = {entry.value}" for entry in declared]
                return "\n".join([f"[{backends.ENTRY_POINT_GROUP}]", *lines])
            return None

        def locate_file(self, path: object) -> str:  # type: ignore[override]
            return str(path)

    class Finder(importlib.metadata.DistributionFinder):
        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, context: object = None) -> list[Distribution]:  # noqa: ARG002 - the interface
            return [InMemory()]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    monkeypatch.setattr(registry, "_plugins_loaded", False)
    monkeypatch.setitem(sys.modules, "funcnet_in_memory", sys.modules[__name__])
    return declared


def declare(plugins: list[EntryPoint], name: str, value: str) -> None:
    plugins.append(EntryPoint(name, value, backends.ENTRY_POINT_GROUP))


def test_known_backends() -> None:
    assert backends.names()[:4] == ["numpy", "cupy", "torch", "strict"]


@pytest.mark.parametrize("what", [Mine, Mine(), lambda: Mine()])
def test_registers_records_classes_and_factories(what: object) -> None:
    assert backends.register(what, name="other") is what
    found = backends.get("other")
    assert isinstance(found, Mine)
    assert backends.get("other") is found
    assert "other" in backends.available()
    assert backends.status()["other"] == f"usable ({np.__version__})"
    backends.unregister("other")
    assert "other" not in backends.names()
    with pytest.raises(BackendNotFoundError):
        backends.unregister("other")


def test_a_factory_is_called_once_and_late() -> None:
    calls = []

    def make() -> backends.Backend:
        calls.append(1)
        return Mine()

    backends.register(make, name="late")
    assert calls == []
    assert backends.get("late") is backends.get("late")
    assert calls == [1]


def test_a_name_is_taken_once() -> None:
    backends.register(Mine)
    with pytest.raises(ParameterError) as caught:
        backends.register(Mine)
    assert str(caught.value) == (
        "A backend named 'mine' is registered already.\n"
        f"  found:  {Mine!r}\n"
        "  needed: another name, or leave to replace it\n"
        '  write:  register(backend, name="mine", replace=True)'
    )
    first = backends.get("mine")
    backends.register(Mine, replace=True)
    assert backends.get("mine") is not first


@pytest.mark.parametrize("name", ["", "a:b"])
def test_a_name_is_needed(name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        backends.register(lambda: Mine(), name=name)
    assert str(caught.value) == (
        "A backend needs a name.\n"
        f"  found:  {name!r}\n"
        "  needed: a string that is not empty and has no colon\n"
        '  write:  register(backend, name="mine")'
    )


def test_only_backends_are_registered() -> None:
    with pytest.raises(ParameterError) as caught:
        backends.register(3, name="three")
    assert str(caught.value) == (
        "Only a backend can be registered.\n"
        "  found:  3\n"
        "  needed: a Backend, a subclass of it, or a callable that returns one"
    )


@pytest.mark.parametrize("name", ["jax", 3, None, ["numpy"]])
def test_an_unknown_name_lists_the_known(name: object) -> None:
    with pytest.raises(BackendNotFoundError) as caught:
        backends.get(name)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"There is no backend {name!r}.\n"
        f"  found:  {name!r}\n"
        "  needed: one of 'numpy', 'cupy', 'torch', 'strict'\n"
        '  write:  fn.use_backend("numpy")'
    )


@pytest.mark.parametrize(
    ("name", "meant"), [("nump", "numpy"), ("cuda", "cupy"), ("PyTorch", "torch"), ("Cupy", "cupy")]
)
def test_the_backend_that_was_meant_is_named(name: str, meant: str) -> None:
    with pytest.raises(BackendNotFoundError, match=rf'write:  fn\.use_backend\("{meant}"\)'):
        backends.get(name)


def test_an_unusable_backend_says_why_and_what_to_do() -> None:
    backends.register(Broken)
    with pytest.raises(BackendUnavailableError) as caught:
        backends.get("broken")
    assert str(caught.value) == (
        "Backend 'broken' cannot be used here.\n"
        "  found:  ModuleNotFoundError: No module named 'no_such_library'\n"
        "  needed: a working installation of it\n"
        "  write:  pip install no_such_library"
    )
    assert "broken" in backends.names()
    assert "broken" not in backends.available()
    assert backends.status()["broken"] == "ModuleNotFoundError: No module named 'no_such_library'"
    assert backends.record("broken").version() is None
    with pytest.raises(BackendUnavailableError), backends.use_backend("broken"):
        pass
    assert backends.current().backend.name == "numpy"


def test_a_probe_runs_once_and_ignores_warnings_as_errors() -> None:
    calls = []

    class Warns(Mine):
        def check(self) -> None:
            import warnings

            calls.append(1)
            warnings.warn("an old driver", UserWarning, stacklevel=2)

    record = Warns()
    with pytest.warns(UserWarning, match="an old driver"):
        assert record.probe() is None
    assert record.probe() is None
    assert calls == [1]


def test_a_factory_that_fails_is_reported_not_raised() -> None:
    backends.register(lambda: 3, name="wrong")
    assert backends.status()["wrong"] == "TypeError: made 3, which is no Backend"
    with pytest.raises(BackendUnavailableError, match="made 3, which is no Backend"):
        backends.get("wrong")
    assert backends.backend_of_type(np.ndarray) is backends.get("numpy")


def test_plugins_are_found_by_name(plugins: list[EntryPoint]) -> None:
    declare(plugins, "mine", "funcnet_in_memory:Mine")
    assert isinstance(backends.get("mine"), Mine)
    assert "mine" in backends.available()
    with backends.use_backend("mine") as context:
        assert context.backend is backends.get("mine")


def test_plugins_are_found_by_available(plugins: list[EntryPoint]) -> None:
    declare(plugins, "mine", "funcnet_in_memory:Mine")
    assert "mine" in backends.available()


def test_plugins_own_their_arrays(plugins: list[EntryPoint]) -> None:
    declare(plugins, "mine", "funcnet_in_memory:Owner")
    assert backends.backend_of_type(Array) is backends.get("mine")


def test_broken_plugins_are_reported_not_raised(plugins: list[EntryPoint]) -> None:
    declare(plugins, "gone", "no_such_package:Backend")
    declare(plugins, "lost", "funcnet_in_memory:NoSuchName")
    declare(plugins, "odd", "funcnet_in_memory:EXTRA")
    declare(plugins, "numpy", "funcnet_in_memory:Mine")
    declare(plugins, "mine", "funcnet_in_memory:Mine")
    status = backends.status()
    assert status["gone"] == "ModuleNotFoundError: No module named 'no_such_package'"
    assert status["lost"].startswith("AttributeError: ")
    assert status["odd"].startswith("ParameterError: Only a backend can be registered.")
    assert status["numpy (funcnet_in_memory:Mine)"] == "a backend named 'numpy' is registered already"
    assert status["mine"].startswith("usable (")
    assert {"numpy", "mine"} <= set(backends.available())
    assert type(backends.get("numpy")).__name__ == "NumpyBackend"
    with pytest.raises(BackendUnavailableError, match="No module named 'no_such_package'"):
        backends.get("gone")


class Array:
    """An array class of another library."""

    __module__ = "funcnet_in_memory"

    def __array_namespace__(self) -> object:
        return np


class Owner(backends.Backend):
    """The backend of that library."""

    name = "owner"
    module = "funcnet_in_memory"
    namespace_module = "numpy"


EXTRA = 3


def run(code: str) -> str:
    """Run a program of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


@pytest.mark.requirement("DX31", "PX22")
def test_importing_loads_nothing_but_numpy() -> None:
    printed = run(
        """
        import sys
        import funcnet.backends as b
        import numpy as np
        with b.use_backend("numpy", device="cpu", dtype="float64"):
            b.default_dtype()
        b.backend_of(np.ones(2), 3.0)
        b.device_put({"w": np.ones(2), "b": 1.0}, "numpy")
        heavy = ("cupy", "torch", "array_api_strict", "array_api_compat", "dataclasses_json", "ml_dtypes", "pytest",
                 "importlib.metadata")
        numpy_loads = set()
        print([name for name in heavy if name in sys.modules])
        """
    )
    assert printed == "[]\n"
