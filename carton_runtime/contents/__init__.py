"""The files of one carton, zip or directory: found, checked against the MANIFEST, and put in place."""
