"""The tracking server of several machines: PostgreSQL, an S3 store and MLflow, kept running on one machine."""
