"""Verifiable credentials, strictly: SD-JWT VC (RFC 9901, `dc+sd-jwt`) with key binding, and the age that they show.

Beside them who signs (DIDs), whether they were revoked (status lists), and what is told of a holder: a pseudonym, a
proof about a birthday.

Pure: time, keys, status and policy are arguments, so that every replica comes to the same answer. What does not pass
is refused with a reason of `reasons.py`; `presentation.py` runs the numbered steps.
"""
