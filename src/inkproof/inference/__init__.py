"""From images on disk to predictions with an exported file."""
