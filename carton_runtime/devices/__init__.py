"""Which device a model runs on: decided before its process starts, and set from outside."""

from carton_runtime.devices.resolve import Device, resolve_device

__all__ = ["Device", "resolve_device"]
