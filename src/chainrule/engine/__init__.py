"""The gradient of many examples, and who computes it."""
