"""Learning: what people answer, and what is already known, makes the model's doubt better."""
