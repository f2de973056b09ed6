"""What can go wrong on the wire."""


class WireError(Exception):
    """Bytes or messages that the protocol does not allow; the connection is of no further use."""


class NoDescriptorsError(WireError):
    """This process has no file descriptors left to take what was handed over; the other side did nothing wrong."""
