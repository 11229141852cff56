"""Doors to other tools: a network goes out into their files, or comes in from them."""
