"""The code that runs in a model's own process, and the wire that both sides speak.

This directory alone is put on the path of the model's interpreter, which may be as old as Python 3.8: standard library
and numpy only, nothing of the host. The host imports `carton_wire` from here; it never imports `carton_runner`.
"""
