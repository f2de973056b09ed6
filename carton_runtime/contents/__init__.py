"""The files of one carton, whether it is a zip or a directory: found, checked against the MANIFEST, and put in place."""
