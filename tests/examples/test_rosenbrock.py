"""The example of two methods on Rosenbrock's function."""

import numpy as np
import scipy.optimize


def test_newton_is_there_when_descent_is_on_its_way(example):
    done = example("rosenbrock")
    steps, *point = done.figures("Newton's method: ")
    assert steps < 10
    np.testing.assert_allclose(point, [1, 1], atol=1e-5)
    # The same steps with SciPy's derivatives of the same function.
    p = np.array([-1.5, 1.5])
    for _ in range(2000):
        p = p - 1e-3 * scipy.optimize.rosen_der(p)
    steps, *point = done.figures("gradient descent: ")
    assert steps == 2000
    np.testing.assert_allclose(point, p, atol=1e-6)
    done.picture("rosenbrock.png")
