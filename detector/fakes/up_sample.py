"""Up-sampling chains: the periodic traces that a generator's decoder leaves, without the generator."""

from __future__ import annotations

import cv2
import numpy as np

from detector.fakes.square import Rng, at_a_scale, cut_square, paste, whole
from detector.fakes.workshop import Fake, FakeMaker, Workshop
from detector.types import Array, Face, Frame

_UNEVEN = (0.01, 0.12)
_KEPT = (0.7, 1.0)
_LARGE = 192
_BINOMIAL = {3: np.array([1, 2, 1]) / 4, 4: np.array([1, 3, 3, 1]) / 8}


def up_sample(_: Workshop) -> FakeMaker:
    """The square at a half or a quarter of its side, doubled again as the decoders of generators do.

    Each doubling is nearest or bilinear with a convolution after it, or a transposed convolution; the kernels are
    random, so their phases differ, which leaves spectral peaks (Odena et al., "Deconvolution and checkerboard
    artifacts", 2016; Zhang et al., "Detecting and simulating artifacts in GAN fake images", 2019). A random share
    of the fine detail that was lost, most of it, is put back: blur alone is no trace of a generator.
    """
    return make


def make(frame: Frame, face: Face, rng: Rng) -> Fake:
    """One picture with the traces of up-sampling."""
    square = cut_square(frame, face, rng)
    made = at_a_scale(square, lambda pixels: chain(pixels, rng), rng)
    return paste(frame, face, square, made, whole(square.side))


def chain(pixels: Array, rng: Rng) -> Array:
    """(S, S, 3) reduced once or twice by two and doubled as often; S a multiple of four."""
    side = len(pixels)
    doublings = 2 if side >= _LARGE and rng.random() < 0.5 else 1
    small = cv2.resize(pixels, (side >> doublings, side >> doublings), interpolation=cv2.INTER_AREA)
    plain = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    made = np.asarray(small, np.float32)
    for _ in range(doublings):
        made = double(made, rng)
    return made + np.float32(rng.uniform(*_KEPT)) * (pixels - plain)


def double(pixels: Array, rng: Rng) -> Array:
    """(S, S, 3) to (2S, 2S, 3), by a random way to double with random kernels, one a colour."""
    kind = int(rng.integers(3))
    # Zeros between the pixels take an even kernel, the others an odd one: else the picture would move by half a pixel.
    kernels = [_kernel(4 if kind == 2 else 3, rng) for _ in range(3)]
    size = (2 * len(pixels), 2 * len(pixels))
    if kind == 2:
        large = np.zeros((*size, 3), np.float32)
        large[::2, ::2] = 4 * pixels
    else:
        method = cv2.INTER_NEAREST if kind == 0 else cv2.INTER_LINEAR
        large = np.asarray(cv2.resize(pixels, size, interpolation=method), np.float32)
    planes = [
        cv2.filter2D(large[..., n], -1, kernel, borderType=cv2.BORDER_REFLECT_101) for n, kernel in enumerate(kernels)
    ]
    return np.stack(planes, axis=2).astype(np.float32)


def _kernel(taps: int, rng: Rng) -> Array:
    """(T, T), with sum 1: binomial weights, unevenly by a random amount."""
    plain = np.outer(_BINOMIAL[taps], _BINOMIAL[taps])
    uneven = np.exp(rng.uniform(*np.log(_UNEVEN)))
    kernel = plain * (1 + rng.normal(0, uneven, plain.shape))
    return np.asarray(kernel / kernel.sum(), np.float32)
