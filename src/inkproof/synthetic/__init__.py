"""Drawings made here: the starter set, authored styles, drawings that are no digit, digits drawn anew."""
