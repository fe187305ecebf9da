"""Autoencoders that others trained: of `diffusers`, and of the TAESD layout."""

from detector.vae.pretrained.hub import load_diffusers
from detector.vae.pretrained.taesd import load_taesd

__all__ = ["load_diffusers", "load_taesd"]
