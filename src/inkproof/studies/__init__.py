"""Studies: a question, its grid runs, its results, its table; choices by cross-validation; the leaderboard."""
