"""Every kind of feature of motion, by name. To add one: two functions, an entry; the contract test does the rest."""

from __future__ import annotations

from detector.features.motion import expression, flicker, flow, latent, spectrum
from detector.features.motion.pooling import MotionFeature

MOTION: dict[str, MotionFeature] = {
    "flicker": MotionFeature(
        flicker.flicker_maps,
        flicker.flicker_statistics,
        "pairs",
        flicker.LEAST_PAIRS,
        flicker.flicker_moments,
        compared=("log_abs", "ratio", "persistence"),
    ),
    "flicker_spectrum": MotionFeature(
        spectrum.flicker_spectrum_maps,
        spectrum.flicker_spectrum_statistics,
        "clip",
        spectrum.LEAST,
        spectrum.flicker_spectrum_moments,
        compared=("slope", "high"),
    ),
    "latent_velocity": MotionFeature(
        latent.latent_velocity_maps,
        latent.latent_velocity_statistics,
        "pairs",
        latent.LEAST_PAIRS,
        latent.latent_velocity_moments,
        latent=True,
        compared=("ratio",),
    ),
    "latent_acceleration": MotionFeature(
        latent.latent_acceleration_maps,
        latent.latent_acceleration_statistics,
        "triples",
        latent.LEAST_TRIPLES,
        latent.latent_acceleration_moments,
        latent=True,
        compared=("turn", "turn_excess", "ratio"),
    ),
    "region_motion": MotionFeature(
        flow.region_motion_maps,
        flow.region_motion_statistics,
        "pairs",
        flow.LEAST,
        flow.region_motion_moments,
        compared=("against_head", "unexplained"),
    ),
    "shuffle": MotionFeature(
        flicker.shuffle_maps,
        flicker.shuffle_statistics,
        "clip",
        flicker.LEAST_ORDER,
        compared=("order_excess", "pace_excess"),
    ),
    "identity_drift": MotionFeature(
        latent.identity_drift_maps,
        latent.identity_drift_statistics,
        "frames",
        latent.LEAST_PATH,
        latent.identity_drift_moments,
        latent=True,
        compared=("spread", "jitter"),
    ),
    "blink": MotionFeature(
        expression.blink_maps,
        expression.blink_statistics,
        "frames",
        expression.LEAST,
        expression.blink_moments,
        regions=("right_eye", "left_eye"),
        shared=("together",),
    ),
    "mouth": MotionFeature(
        expression.mouth_maps,
        expression.mouth_statistics,
        "frames",
        expression.LEAST,
        expression.mouth_moments,
        regions=("mouth",),
    ),
    "boundary": MotionFeature(
        flicker.boundary_maps,
        flicker.boundary_statistics,
        "frames",
        flicker.LEAST_RIM,
        flicker.boundary_moments,
        regions=("jaw",),
    ),
}
"""Kind to feature. "region_motion", "blink" and "mouth" are of the picture alone: beside a second model, leave them
out."""
