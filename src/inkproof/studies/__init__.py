"""Studies: a question, its cells, its ledger, its table; choices by cross-validation; the leaderboard."""
