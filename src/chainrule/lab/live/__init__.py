"""A training that pages watch."""
