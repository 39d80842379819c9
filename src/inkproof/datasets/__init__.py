"""Datasets made of others: training mixtures, fine-tuning sets, what models are evaluated on."""
