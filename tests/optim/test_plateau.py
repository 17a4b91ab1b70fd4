"""A rate that falls on plateaus, against PyTorch for hundreds of losses."""

import numpy as np
import pytest

from funcnet import optim
from funcnet.errors import ParameterError
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(3)
LOSSES = np.maximum(1.0 / np.sqrt(np.arange(1, 301)), 0.1) + 0.02 * RNG.standard_normal(300)
CASES = {
    "patience": {"patience": 4},
    "cooldown": {"patience": 3, "cooldown": 5, "factor": 0.5},
    "atol": {"patience": 3, "rtol": 0.0, "atol": 0.01, "factor": 0.7, "min_scale": 0.05},
}


def both(options):
    options = {"factor": 0.3, "rtol": 1e-3, "atol": 0.0, "cooldown": 0, "min_scale": 0.0, **options}
    opt, p = optim.reduce_on_plateau(**options), np.zeros(1)
    state, ours = opt.init(p), []
    reference = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    relative = options["rtol"] > 0
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        reference,
        factor=options["factor"],
        # PyTorch waits for one more.
        patience=options["patience"] - 1,
        threshold=options["rtol"] if relative else options["atol"],
        threshold_mode="rel" if relative else "abs",
        cooldown=options["cooldown"],
        min_lr=options["min_scale"],
        eps=0.0,
    )
    theirs = []
    for loss in LOSSES:
        updates, state = opt.update(np.ones(1), state, p, value=loss)
        ours.append(float(updates[0]))
        reference.step()
        scheduler.step(loss)
        theirs.append(reference.param_groups[0]["lr"])
    return np.array(ours), np.array(theirs)


def errors():
    for name, options in CASES.items():
        ours, theirs = both(options)
        yield f"reduce_on_plateau, {name}", "torch", float(np.max(np.abs(ours - theirs) / theirs))


@pytest.mark.parametrize("name", CASES)
def test_equal_to_torch(name):
    ours, theirs = both(CASES[name])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert theirs[-1] < 0.5


def test_means_of_losses():
    opt, p = optim.reduce_on_plateau(0.5, 1, accumulation_size=2), np.zeros(1)
    state, scales = opt.init(p), []
    for loss in (4.0, 2.0, 1.0, 3.0, 4.0, 3.0):
        _, state = opt.update(np.ones(1), state, p, value=loss)
        scales.append(float(state.scale))
    # The means are 3, 2 and 3.5.
    assert scales == [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]


def test_arguments_are_checked():
    opt = optim.reduce_on_plateau()
    with pytest.raises(ParameterError, match=r"The update of optim\.reduce_on_plateau needs value="):
        opt.update(np.ones(1), opt.init(np.ones(1)), np.ones(1))
    for options, what in (
        ({"factor": 1.0}, "factor"),
        ({"factor": 0.0}, "factor"),
        ({"patience": 0}, "patience"),
        ({"rtol": 0.0}, "rtol and atol"),
        ({"rtol": 2.0}, "rtol"),
        ({"accumulation_size": 0}, "accumulation size"),
    ):
        with pytest.raises(ParameterError, match=f"got a {what} that it cannot use"):
            optim.reduce_on_plateau(**options)
