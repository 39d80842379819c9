"""The drawing page, its JSON API and the drawings that it keeps."""
