"""What tests of cartons, runners and this package use: doubles that fail on purpose, suites to pass, and leak probes.

============== ==========================================================================================
`leaks`        finds processes, descriptors, threads, tasks, shared memory and files that were left behind
`plugin`       the same as pytest fixtures: ``pytest_plugins = ["carton_runtime.testing.plugin"]``
`doubles`      a model, a runner and an interpreter whose faults are configured
`range_server` a web server that gives ranges, counts them, and misbehaves as it is told
`suites`       what every runner has to do, for its author to run
============== ==========================================================================================

The runtime never imports this. `plugin` and `suites` need pytest.
"""
