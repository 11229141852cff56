"""One image opened, and proven: every number of its forward and backward pass."""
