"""From clips and their reconstructions to one named row per clip: how a face, and a VAE's error on it, move."""

from detector.features.motion.kinds import MOTION
from detector.features.motion.orders import compute_order
from detector.features.motion.pooling import MotionFeature
from detector.features.motion.table import compute_motion

__all__ = ["MOTION", "MotionFeature", "compute_motion", "compute_order"]
