"""Going on from trained weights with drawings of one's own: what is trained on, and what it gave."""
