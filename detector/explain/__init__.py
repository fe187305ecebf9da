"""The pictures that people check: what was scored, where the VAE failed, and what that says."""

from detector.explain.boxes import annotate
from detector.explain.charts import region_bars, timeline
from detector.explain.evidence import FaceEvidence, absolute_error, face_evidence, stitch
from detector.explain.film import film_frames, save_film
from detector.explain.maps import CEILING, heatmap, triptych
from detector.explain.save import close_up, file_stem, save_explanation

__all__ = [
    "CEILING",
    "FaceEvidence",
    "absolute_error",
    "annotate",
    "close_up",
    "face_evidence",
    "file_stem",
    "film_frames",
    "heatmap",
    "region_bars",
    "save_explanation",
    "save_film",
    "stitch",
    "timeline",
    "triptych",
]
