"""The lab in a real Chromium, used as a person would."""
