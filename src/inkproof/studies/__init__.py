"""Studies: a question, its grid runs, its results table; model selection by cross-validation; the leaderboard."""
