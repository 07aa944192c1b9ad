"""A copy of a run certificate that opens less."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from adyton.core.errors import UsageError
from adyton.protocol.certificate import RunCertificate
from adyton.protocol.claims import TASK_FIELDS


def redact(certificate: RunCertificate, close: Collection[str]) -> RunCertificate:
    """Return a copy in which these fields are closed: neither their values nor their salts are in it.

    What is not opened cannot be guessed from the copy, since each commitment has a salt of its own; what was opened
    cannot be taken back from whoever has the original. Both are of the same run, and say so.

    Args:
        certificate: verified.
        close: names of fields that it opens.

    Raises:
        UsageError: no field of that name, or it is closed already.
    """
    opened = [opening.field for opening in certificate.openings]
    for name in close:
        if name not in TASK_FIELDS:
            raise UsageError("usage", f"no field {name}; there are {', '.join(TASK_FIELDS)}")
        if name not in opened:
            raise UsageError("usage", f"{name} is not open; open are {', '.join(opened) or 'none'}")
    kept = tuple(opening for opening in certificate.openings if opening.field not in close)
    return replace(certificate, openings=kept)
