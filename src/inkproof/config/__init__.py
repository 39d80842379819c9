"""Configurations: composing and checking them, and reporting a mistake in one line."""
