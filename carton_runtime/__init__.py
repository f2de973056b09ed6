"""Carton for Jupyter."""
