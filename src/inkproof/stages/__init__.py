"""The stages of the pipeline, one module a stage: a checked configuration in, a result out."""
