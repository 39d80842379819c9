"""The page to draw on, its JSON API and the drawings that it keeps."""
