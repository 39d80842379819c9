"""Drawings made here: the starter set, drawings by glyph templates, out-of-distribution samples, re-rendered digits."""
