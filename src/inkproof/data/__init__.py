"""Digits, pen strokes and drawings: where they come from and how they are stored."""
