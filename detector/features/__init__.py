"""From (crops, reconstruction) to one named row per face: the error by region, the likelihood of the latent."""

from detector.features.backbone import Backbone, load_backbone
from detector.features.kinds import FEATURES
from detector.features.motion import MOTION, compute_motion
from detector.features.perception import compute_perception
from detector.features.pooling import Feature
from detector.features.regions import REGIONS, WHOLE, region_masks
from detector.features.table import compute_features

__all__ = [
    "FEATURES",
    "MOTION",
    "REGIONS",
    "WHOLE",
    "Backbone",
    "Feature",
    "compute_features",
    "compute_motion",
    "compute_perception",
    "load_backbone",
    "region_masks",
]
