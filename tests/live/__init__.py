"""Training in the lab, and what came of it."""
