"""Named features of a face -> the probability that it is synthetic, and which region says so.

`fit_classifier` chooses, fits and calibrates one scikit-learn pipeline; `FaceClassifier` keeps it together with the
feature names that it was fitted on, its decision threshold, and what real faces look like.
"""

from detector.classify.classifier import FaceClassifier
from detector.classify.fit import ClassifierConfig, fit_classifier, held_out_scores

__all__ = ["ClassifierConfig", "FaceClassifier", "fit_classifier", "held_out_scores"]
