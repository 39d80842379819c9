"""One training: from a configuration to weights."""
