"""The side of a runner kernel that serves a model; what runners import is in `carton_runner.api`."""
