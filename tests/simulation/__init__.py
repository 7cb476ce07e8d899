"""A deterministic simulation of the pipeline."""
