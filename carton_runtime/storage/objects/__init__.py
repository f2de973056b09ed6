"""Objects of S3, Google Cloud Storage and Azure, and folders of them, read through obstore."""
