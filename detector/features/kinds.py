"""Every kind of feature, by name. To add one: two functions, an entry here; the contract test does the rest."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from detector.features import likelihood, residual, second, spectrum, structure
from detector.features.pooling import Feature, Maps
from detector.types import Reconstruction


def _of_error(maps: Callable[[Tensor], Tensor]) -> Maps:
    return lambda pixels, made: maps(pixels - made.pixels)


def _of_code(maps: Callable[[Reconstruction], Tensor | None]) -> Maps:
    return lambda _, made: maps(made)


FEATURES: dict[str, Feature] = {
    "error": Feature(_of_error(residual.error_maps), residual.error_statistics, ("log_abs", "tail")),
    "complexity": Feature(structure.complexity_maps, structure.complexity_statistics, ("ratio", "local_ratio", "flat")),
    "structure": Feature(structure.structure_maps, structure.structure_statistics, ("ssim",)),
    "spectrum": Feature(
        _of_error(spectrum.spectrum_maps), spectrum.spectrum_statistics, ("band_2", "band_4", "band_6", "slope")
    ),
    "transfer": Feature(spectrum.transfer_maps, spectrum.transfer_statistics, ("error_2", "error_6")),
    "cooccurrence": Feature(
        _of_error(residual.cooccurrence_maps), residual.cooccurrence_statistics, ("same_00", "same_11", "opposite_11")
    ),
    "autocorrelation": Feature(
        _of_error(residual.autocorrelation_maps), residual.autocorrelation_statistics, ("h1", "v1")
    ),
    "colour": Feature(_of_error(residual.colour_maps), residual.colour_statistics, ("red_green", "green_blue")),
    "perceptual": Feature(_of_code(second.perceptual_maps), second.perceptual_statistics, ("log_distance",)),
    "second_pass": Feature(second.second_pass_maps, second.second_pass_statistics, ("ratio",)),
    "latent_shift": Feature(_of_code(second.latent_shift_maps), second.latent_shift_statistics, ("ratio",)),
    "kl": Feature(_of_code(likelihood.kl_maps), likelihood.kl_statistics, ("log_mean",)),
    "posterior": Feature(_of_code(likelihood.posterior_maps), likelihood.posterior_statistics, ("prior", "logvar")),
    "likelihood": Feature(likelihood.likelihood_maps, likelihood.likelihood_statistics, ("nll", "excess")),
    "coding": Feature(likelihood.coding_maps, likelihood.coding_statistics, ("gap", "standardised")),
    "elbo": Feature(_of_code(likelihood.elbo_maps), likelihood.elbo_statistics, ("bits",)),
}
"""Kind to feature. The first eight need nothing but a reconstruction in pixels: any blur will do."""
