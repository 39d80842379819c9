"""Studies: from a question in study.yaml to cells, a ledger, a table with error bars and a figure.

The topmost layer of the package: a cell runs whole stages, which the entry point hands in, and talks to the store.
"""
