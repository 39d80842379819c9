"""How long things take: each row a pair of whole processes in turn, ours against a named baseline, on one machine."""
