"""A file of somebody who learns: run apart, read, judged, and its mistakes named."""
