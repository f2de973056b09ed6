"""Bytes from anywhere, and the cache of what was taken from there. Knows no carton."""
