"""The same as `detector.results`, which can be had without Torch."""

from detector.results import Results, to_json

__all__ = ["Results", "to_json"]
