"""Which sources have which instructions."""

import pytest

from funcnet.compiler.kernels import block, lanes, pool_code
from funcnet.compiler.kernels.instructions import Instruction


@pytest.mark.parametrize("instruction", [block.INSTRUCTION, lanes.INSTRUCTION, pool_code.INSTRUCTION])
def test_sources(instruction: Instruction) -> None:
    name = instruction.name
    assert instruction.used(f"    {name}('', 0, 0, 0, 0, 1)")
    assert not instruction.used(f"    p{name}(3)\n    {name} = 3")
    assert len(instruction.version()) == 64


def test_versions_differ() -> None:
    assert len({i.version() for i in (block.INSTRUCTION, lanes.INSTRUCTION, pool_code.INSTRUCTION)}) == 3
