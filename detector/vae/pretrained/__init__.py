"""Models that others trained: autoencoders of `diffusers` and of the TAESD layout, diffusion models of pixels."""

from detector.vae.pretrained.ddim import load_ddim
from detector.vae.pretrained.hub import load_diffusers
from detector.vae.pretrained.taesd import load_taesd

__all__ = ["load_ddim", "load_diffusers", "load_taesd"]
