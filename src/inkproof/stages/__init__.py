"""The stages of the pipeline, one module per stage: a checked configuration in, a result out."""
