"""Trainings on disk: each run in a folder of its own, which no crash can lose or change."""
