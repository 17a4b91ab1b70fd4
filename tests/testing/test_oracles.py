"""Stand-ins for other libraries in tests: imported at first use, and skipped where they are absent."""

import sys

import pytest

from funcnet.testing.oracles import oracle


def test_attributes_are_those_of_the_module() -> None:
    import colorsys

    stand_in = oracle("colorsys")
    assert stand_in.rgb_to_hsv is colorsys.rgb_to_hsv
    assert vars(stand_in)["rgb_to_hsv"] is colorsys.rgb_to_hsv
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = stand_in.no_such_name


def test_nothing_is_imported_before_the_first_use() -> None:
    stand_in = oracle("sndhdr_of_nobody.inner")
    assert not hasattr(stand_in, "__wrapped__")
    assert not hasattr(stand_in, "pytest_mock_example_attribute_that_shouldnt_exist")
    assert "sndhdr_of_nobody" not in sys.modules


@pytest.mark.parametrize(
    ("name", "reason"),
    [("sndhdr_of_nobody", "sndhdr_of_nobody is the oracle of this test"), ("torch_of_nobody.nn", "not here")],
)
def test_a_call_of_what_is_not_installed_skips(name: str, reason: str) -> None:
    stand_in = oracle(name, None if "is the oracle" in reason else reason)
    table = {"a": stand_in.nn.RNN}
    assert not hasattr(table["a"], "__test__")
    assert not isinstance(3.0, table["a"])
    with pytest.raises(pytest.skip.Exception, match=reason):
        table["a"](3, 4)


@pytest.mark.parametrize(("name", "library"), [("torch.nn.of_nobody", "PyTorch"), ("jax.of_nobody", "JAX")])
def test_the_reason_has_the_librarys_own_name(name: str, library: str) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"^{library} is the oracle of this test$"):
        oracle(name).f()
