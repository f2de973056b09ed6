"""The Jupyter extension."""
