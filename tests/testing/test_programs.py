"""Random programs."""

import numpy as np
import pytest

from funcnet import tree, xp
from funcnet.testing import check_grads
from funcnet.testing.families import OWN_FAMILIES
from funcnet.testing.programs import Program, Step, namespace, random_family_program, random_program


def test_a_program_is_the_same_for_the_same_seed() -> None:
    assert str(random_program(3)) == str(random_program(3))
    assert str(random_program(3)) != str(random_program(4))


def test_a_program_runs_in_any_namespace() -> None:
    for seed in range(20):
        program = random_program(seed, steps=6)
        a = float(program(xp, program.arguments))
        b = float(program(np, program.arguments))
        assert abs(a - b) <= 1e-12 * max(1.0, abs(a))


def test_programs_are_smooth_where_they_are_evaluated() -> None:
    for seed in range(8):
        program = random_program(seed, steps=4)
        check_grads(lambda a, p=program: p(xp, a), [program.arguments], order=1, eps=2.0**-12)


def test_every_argument_and_every_loose_end_is_part_of_the_result() -> None:
    program = random_program(11)
    ends = {i for i, _ in program.weights}
    used = {i for step in program.steps for i in step.operands}
    count = len(tree.leaves(program.arguments))
    assert set(range(count)) <= ends
    assert set(range(count + len(program.steps))) == ends | used


def test_a_program_by_hand() -> None:
    program = Program([np.array([3.0, 4.0])], [Step("sum", (0,), (None, False))], [(1, np.array(2.0))])
    assert float(program(xp, program.arguments)) == 14.0
    assert str(program) == "v1 = sum(v0, None, False)\nreturn sum(v1 * w1)"


@pytest.mark.parametrize("family", list(OWN_FAMILIES))
def test_families_of_our_own(family: str) -> None:
    used = {step.name for seed in range(120) for step in random_family_program(family, seed, steps=4).steps}
    assert {f"{family}.{name}" for name in OWN_FAMILIES[family]} <= used
    for seed in range(4):
        program = random_family_program(family, seed, steps=2)
        # The rule of one step is not its derivative.
        if not any(step.name == "control.custom_vjp" for step in program.steps):
            check_grads(lambda a, p=program: p(namespace(), a), [program.arguments], order=1, eps=2.0**-14)
