"""Measure every claim against its figure: one file a claim, each prints `name value unit figure` lines."""
