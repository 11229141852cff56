"""Lessons: a file each, with a question whose answer is checked, and sheets to print."""
