"""A copy of a run certificate that opens less."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from adyton.core.errors import UsageError
from adyton.protocol.certificate import RunCertificate
from adyton.protocol.claims import TASK_FIELDS

# A field that says what others say as well: while it is open, closing those alone would hide nothing.
_SAYS_TOO: Final = {"run_info": frozenset(("exit_code", "limits"))}


def redact(certificate: RunCertificate, close: Collection[str]) -> RunCertificate:
    """Return a copy in which these fields are closed: neither their values nor their salts are in it.

    What is not opened cannot be guessed from the copy, since each commitment has a salt of its own; what was opened
    cannot be taken back from whoever has the original. Both are of the same run, and say so.

    Args:
        certificate: verified.
        close: names of fields that it opens.

    Raises:
        UsageError: no field of that name, it is closed already, or a field that stays open says the same.
    """
    opened = [opening.field for opening in certificate.openings]
    for name in close:
        if name not in TASK_FIELDS:
            raise UsageError("usage", f"no field {name}; there are {', '.join(TASK_FIELDS)}")
        if name not in opened:
            raise UsageError("usage", f"{name} is not open; open are {', '.join(opened) or 'none'}")
    for name in opened:
        told = [] if name in close else [one for one in close if one in _SAYS_TOO.get(name, ())]
        if told:
            raise UsageError("usage", f"{name} says {' and '.join(told)} too: close it as well")
    kept = tuple(opening for opening in certificate.openings if opening.field not in close)
    return replace(certificate, openings=kept)
