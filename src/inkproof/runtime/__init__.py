"""Files, paths, processes, start-up and progress: nothing here knows machine learning."""
