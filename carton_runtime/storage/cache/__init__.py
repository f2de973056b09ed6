"""The content-addressed cache: each file once, under the sha256 of its bytes, linked to wherever it is needed.

::

    files/<2 digits>/<sha256>   whole files, checked
    partial/<sha256>            the beginnings of files that are being fetched, or were
    models/<hash>/              folders made of links to files, and what else belongs to one carton
    unpacked/<hash>/            what belongs to one model that is run from the user's own folder

A file gets its name only after its bytes were hashed, and `VERIFIED` as its time of change. Any later write changes
that time and so takes the verdict back, through every hard link, and the file is fetched again. No list is kept that
could disagree with the files. Any number of processes may work here at once, and die at any moment: files appear
whole, by rename, and what is not whole is taken up again by whoever needs it next.
"""

from __future__ import annotations

from carton_runtime.storage.cache.download import Told
from carton_runtime.storage.cache.eviction import make_room
from carton_runtime.storage.cache.folders import UNPACKED, Lease, ModelFolder
from carton_runtime.storage.cache.links import link, sweep
from carton_runtime.storage.cache.store import ContentStore, tell_nobody
from carton_runtime.storage.cache.troubles import CacheNotWritableError
from carton_runtime.storage.cache.verdicts import VERIFIED, check_digest, is_verified, mark_verified

__all__ = [
    "UNPACKED",
    "VERIFIED",
    "CacheNotWritableError",
    "ContentStore",
    "Lease",
    "ModelFolder",
    "Told",
    "check_digest",
    "is_verified",
    "link",
    "make_room",
    "mark_verified",
    "sweep",
    "tell_nobody",
]
