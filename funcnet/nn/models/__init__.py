"""Models, each an ordinary layer: builders with the width as an argument, so that small ones are as easy as full ones.

Images come with the batch first and the channels last.
"""

from funcnet.nn.mlp import mlp as mlp
from funcnet.nn.models.dcgan import dcgan_discriminator as dcgan_discriminator
from funcnet.nn.models.dcgan import dcgan_generator as dcgan_generator
from funcnet.nn.models.generate import generate as generate
from funcnet.nn.models.gpt import gpt as gpt
from funcnet.nn.models.lenet import lenet as lenet
from funcnet.nn.models.resnet import resnet as resnet
from funcnet.nn.models.resnet import resnet18 as resnet18
from funcnet.nn.models.resnet import resnet34 as resnet34
from funcnet.nn.models.resnet import resnet50 as resnet50
from funcnet.nn.models.resnet import resnet101 as resnet101
from funcnet.nn.models.resnet import resnet152 as resnet152
from funcnet.nn.models.squeezenet import squeezenet as squeezenet
from funcnet.nn.models.unet import unet as unet
from funcnet.nn.models.vae import VAE as VAE
from funcnet.nn.models.vae import vae as vae
from funcnet.nn.models.vae import vae_loss as vae_loss
from funcnet.nn.models.vgg import vgg16 as vgg16
from funcnet.nn.models.vgg import vgg_preprocess as vgg_preprocess
from funcnet.surface import listing as _listing

__all__ = [
    "VAE",
    "dcgan_discriminator",
    "dcgan_generator",
    "generate",
    "gpt",
    "lenet",
    "mlp",
    "resnet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "squeezenet",
    "unet",
    "vae",
    "vae_loss",
    "vgg16",
    "vgg_preprocess",
]

__dir__ = _listing(__name__)
