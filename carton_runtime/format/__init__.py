"""The carton file format: bytes in, values out. Knows no process, socket, event loop or setting."""
