"""A training on disk.

The second answer is always the run that nobody disturbed.
"""
