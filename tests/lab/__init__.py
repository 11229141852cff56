"""The lab's server."""
