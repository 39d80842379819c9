"""Composed configurations: how they are made, checked, and how a mistake in them is told."""
