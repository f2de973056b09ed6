"""Pythons and the environments that models run in: found, locked, built once, and shared by digest."""
