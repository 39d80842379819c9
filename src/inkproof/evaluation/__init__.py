"""Figures of predictions, with their intervals."""
