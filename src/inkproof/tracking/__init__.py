"""Runs in MLflow and on disk: identity, metadata, later stages, registry, provenance."""
