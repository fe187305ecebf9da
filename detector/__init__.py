"""A deepfake detector that people can check."""
