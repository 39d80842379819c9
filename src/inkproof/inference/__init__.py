"""From pictures on disk to predictions with an exported file."""
