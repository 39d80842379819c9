"""Tables, figures, pages and the model card."""
