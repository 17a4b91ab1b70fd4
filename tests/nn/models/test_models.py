"""Every model: the published number of parameters, shapes at full size, some steps of training, and `jit`."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, nn, optim, random, tree
from funcnet.nn import models
from funcnet.testing.backends import backend_params

rng = np.random.default_rng(0)
IDS = rng.integers(0, 7, (4, 12))
LABELS = np.array([0, 1, 2, 3])


def images(size, channels=3):
    return rng.standard_normal((4, size, size, channels)).astype("float32")


def cross_entropy(y, x):
    return losses.softmax_cross_entropy(y, LABELS % y.shape[-1])


def next_token(y, ids):
    return losses.softmax_cross_entropy(y[:, :-1], ids[:, 1:])


def inside(y, x):
    """Each pixel of a picture is to say whether it is bright."""
    return losses.softmax_cross_entropy(y, (x[..., 0] > 0).astype("int64"))


def real(y, x):
    return losses.sigmoid_cross_entropy(y, np.array([[1.0], [0.0], [1.0], [0.0]], dtype="float32"))


def reached(y, x):
    return losses.mse(y, np.full(y.shape, 0.5, dtype="float32"))


#: Full size: builder, input, parameters, shape of the result.
FULL = [
    (models.lenet, (1, 28, 28, 1), 61_706, (1, 10)),
    (models.vgg16, (1, 224, 224, 3), 138_357_544, (1, 1000)),
    (models.resnet18, (1, 224, 224, 3), 11_689_512, (1, 1000)),
    (models.resnet34, (1, 224, 224, 3), 21_797_672, (1, 1000)),
    (models.resnet50, (1, 224, 224, 3), 25_557_032, (1, 1000)),
    (models.resnet101, (1, 224, 224, 3), 44_549_160, (1, 1000)),
    (models.resnet152, (1, 224, 224, 3), 60_192_808, (1, 1000)),
    (models.squeezenet, (1, 224, 224, 3), 1_235_496, (1, 1000)),
    (models.dcgan_generator, (2, 100), 3_576_704, (2, 64, 64, 3)),
    (models.dcgan_discriminator, (2, 64, 64, 3), 2_765_568, (2, 1)),
    (models.unet, (1, 512, 512, 1), 31_030_658, (1, 512, 512, 2)),
]

#: Tiny: model, input, loss, learning rate.
TINY = {
    "mlp": (models.mlp([16, 4]), images(4).reshape(4, -1), cross_entropy, 0.01),
    "lenet": (models.lenet(4, channels=(3, 4), hidden=(12, 8)), images(28, 1), cross_entropy, 0.01),
    "vgg16": (models.vgg16(4, width=4, hidden=8, dropout=0.1, batch_norm=True), images(32), cross_entropy, 0.003),
    "resnet18": (models.resnet18(4, width=4, stem="small"), images(8), cross_entropy, 0.01),
    "bottleneck": (models.resnet([1, 1], classes=4, width=4), images(16), cross_entropy, 0.01),
    "squeezenet": (models.squeezenet(4, width=8, dropout=0.1), images(32), cross_entropy, 0.01),
    "unet": (models.unet(2, width=4, depth=2, batch_norm=True), images(8, 1), inside, 0.01),
    "gpt": (models.gpt(7, layers=1, heads=2, features=16, length=12, dropout=0.1), IDS, next_token, 0.01),
    "gpt_rotary": (models.gpt(7, layers=1, heads=2, features=16, positions="rotary"), IDS, next_token, 0.01),
    "vae": (models.vae(12, latent=3, hidden=[16]), images(2).reshape(4, -1) > 0, models.vae_loss, 0.01),
    "dcgan_generator": (models.dcgan_generator(1, size=8, width=4), images(1, 6)[:, 0, 0], reached, 0.01),
    "dcgan_discriminator": (models.dcgan_discriminator(size=16, width=4), images(16), real, 0.01),
}
TINY["vae"] = (TINY["vae"][0], TINY["vae"][1].astype("float32"), *TINY["vae"][2:])


def stepper(name):
    """Return parameters, state, optimizer state and a function of one step of training."""
    model, x, loss, rate = TINY[name]
    params, state = model.init(random.key(0), x)
    opt = optim.adam(rate)

    def step(params, state, opt_state, x, key):
        def objective(p):
            y, new = model.apply(p, state, x, key=key, train=True)
            return loss(y, x), new

        (value, new), grads = fn.value_and_grad(objective, has_aux=True)(params)
        updates, opt_state = opt.update(grads, opt_state, params)
        return optim.apply_updates(params, updates), new, opt_state, value

    return (params, state, opt.init(params)), step, x


@pytest.mark.parametrize(
    ("builder", "shape", "count", "result"), [pytest.param(*row, id=row[0].__name__) for row in FULL]
)
@pytest.mark.requirement("D88", "D89", "D90", "D91", "D92")
def test_full_size_has_the_published_parameters(builder, shape, count, result):
    found = nn.summary(builder(), shape)
    assert found.parameters == count
    assert found.rows[0].output == result


def test_gpt_at_full_size():
    model = models.gpt(50257, layers=12, heads=12, features=768, length=1024)
    found = nn.summary(model, fn.Spec((1, 1024), "int64"))
    assert found.parameters == 124_439_808
    assert found.rows[0].output == (1, 1024, 50257)
    # The table is used once more: without, there is another one for the logits.
    untied = models.gpt(50257, layers=12, heads=12, features=768, length=1024, tied=False)
    assert nn.summary(untied, fn.Spec((1, 8), "int64")).parameters == 124_439_808 + 50257 * 768


@pytest.mark.parametrize("name", TINY)
def test_some_steps_of_training_lower_the_loss(name):
    carry, step, x = stepper(name)
    before = carry[1]
    found = []
    for i in range(12):
        *carry, value = step(*carry, x, random.fold_in(random.key(1), i))
        found.append(float(value))
    assert min(found[-3:]) < 0.9 * found[0]
    # Statistics of batch normalisation have moved, all of them.
    moved = tree.map(lambda a, b: not np.array_equal(a, b), before, carry[1])
    assert all(tree.leaves(moved))
    y, state = TINY[name][0].apply(carry[0], carry[1], x)
    for a, b in zip(tree.leaves(state), tree.leaves(carry[1]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(y))


@pytest.mark.parametrize("name", TINY)
def test_a_step_under_jit_equals_the_eager_one(name):
    carry, step, x = stepper(name)
    key = random.key(2)
    eager, jitted = step(*carry, x, key), fn.jit(step)(*carry, x, key)
    assert tree.structure(eager) == tree.structure(jitted)
    for path, a, b in zip(tree.paths(eager), tree.leaves(eager), tree.leaves(jitted), strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize("name", ["lenet", "bottleneck", "gpt", "vae"])
def test_every_backend_gives_the_same(name, case):
    model, x, loss, _ = TINY[name]
    params, state = model.init(random.key(0), x)
    expected = loss(model.apply(params, state, x, key=random.key(3))[0], x)
    with case.active():
        own, own_state = model.init(random.key(0), fn.Spec(x.shape, x.dtype.name))
        y, _ = model.apply(own, own_state, case.asarray(x), key=random.key(3))
        y = tree.map(case.to_numpy, y)
    np.testing.assert_allclose(loss(y, x), expected, rtol=1e-4)
