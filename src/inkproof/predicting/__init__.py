"""Pictures of digits to predictions: which files, which model, one after the other or in several processes."""
