"""The same scoring on many cores and machines: a Ray Data pipeline, and its results in Parquet.

Files go through two kinds of workers: lookers fetch, decode and find faces; judges run the VAEs, the features and the
classifier. What they say of single frames comes together in the process that asked, which alone writes results: a file
has one row, whatever dies on the way.
"""

from detector.scale.cluster import cluster
from detector.scale.engine import score
from detector.scale.errors import ScaleError
from detector.scale.inputs import find_inputs
from detector.scale.shards import Shards, read_shards

__all__ = ["ScaleError", "Shards", "cluster", "find_inputs", "read_shards", "score"]
