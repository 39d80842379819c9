"""How long things take: whole processes, ours alternating with a named baseline on one machine."""
