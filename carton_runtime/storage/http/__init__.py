"""Bytes behind ``http:`` and ``https:`` URLs, by range requests.

`source` is the way in. `route` decides where a request goes, `connections` sends it, `answers` says what came back, and
`whole` keeps what came whole because the server gives no ranges.
"""
