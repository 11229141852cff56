"""Sweeps: which runs a grid of settings names, who trains them, and how they came out."""
