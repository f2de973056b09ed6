"""What can go wrong on the wire."""


class WireError(Exception):
    """Bytes or messages that the protocol does not allow; the connection is of no further use."""
