"""Every kind of feature, by name. To add one: two functions, an entry here; the contract test does the rest."""

from __future__ import annotations

from detector.features import likelihood, residual, second, spectrum, structure
from detector.features.pooling import Feature

FEATURES: dict[str, Feature] = {
    "error": Feature(
        lambda x, made: residual.error_maps(x - made.pixels), residual.error_statistics, ("log_abs", "tail")
    ),
    "complexity": Feature(
        lambda x, made: structure.complexity_maps(x, x - made.pixels),
        structure.complexity_statistics,
        ("ratio", "local_ratio", "flat"),
    ),
    "structure": Feature(
        lambda x, made: structure.structure_maps(x, made.pixels), structure.structure_statistics, ("ssim",)
    ),
    "spectrum": Feature(
        lambda x, made: spectrum.spectrum_maps(x - made.pixels),
        spectrum.spectrum_statistics,
        ("band_2", "band_4", "band_6", "corner", "slope"),
    ),
    "cooccurrence": Feature(
        lambda x, made: residual.cooccurrence_maps(x - made.pixels),
        residual.cooccurrence_statistics,
        ("same_00", "same_11", "opposite_11"),
    ),
    "autocorrelation": Feature(
        lambda x, made: residual.autocorrelation_maps(x - made.pixels),
        residual.autocorrelation_statistics,
        ("h1", "v1"),
    ),
    "colour": Feature(
        lambda x, made: residual.colour_maps(x - made.pixels), residual.colour_statistics, ("red_green", "green_blue")
    ),
    "perceptual": Feature(
        lambda x, made: second.perceptual_maps(made), second.perceptual_statistics, ("log_distance",)
    ),
    "second_pass": Feature(second.second_pass_maps, second.second_pass_statistics, ("ratio",)),
    "latent_shift": Feature(lambda x, made: second.latent_shift_maps(made), second.latent_shift_statistics, ("ratio",)),
    "kl": Feature(lambda x, made: likelihood.kl_maps(made), likelihood.kl_statistics, ("log_mean",)),
    "posterior": Feature(
        lambda x, made: likelihood.posterior_maps(made), likelihood.posterior_statistics, ("prior", "logvar")
    ),
    "likelihood": Feature(likelihood.likelihood_maps, likelihood.likelihood_statistics, ("nll", "excess")),
    "coding": Feature(likelihood.coding_maps, likelihood.coding_statistics, ("gap", "standardised")),
    "elbo": Feature(lambda x, made: likelihood.elbo_maps(made), likelihood.elbo_statistics, ("bits",)),
}
"""Kind to feature. The first seven need nothing but a reconstruction in pixels: any blur will do."""
