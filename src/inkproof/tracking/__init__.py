"""Runs in MLflow and on disk: identity, record, later stages, registry, provenance."""
