"""Runner kernels: the processes that run models. A runner kernel is to a runner what a Jupyter kernel is to a language."""
