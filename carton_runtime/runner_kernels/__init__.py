"""Runner kernels: processes that run models, to a runner what a Jupyter kernel is to a language."""
