"""One exchange of the HTTP interface as a pair of messages, for ways that are not HTTP.

What they carry is what HTTP would carry: sealed and signed inside, so that whoever relays them can neither read nor
alter it. They add nothing to believe.
"""

from __future__ import annotations

from typing import Annotated

from adyton.core import limits
from adyton.core.fields import AtMost
from adyton.core.schema import Message, Uint, message

ContentType = Annotated[str, AtMost(64)]
Body = Annotated[bytes, AtMost(limits.RELAY_BODY)]


@message("relay-request/1", max_bytes=limits.RELAY)
class RelayRequest(Message):
    """What is asked of a server.

    Attributes:
        target: path and query.
        content_type: of the body; empty without one.
        most: bytes of the answer's body that its receiver takes.
    """

    method: Annotated[str, AtMost(8)]
    target: Annotated[str, AtMost(512)]
    content_type: ContentType
    body: Body | None
    most: Uint


@message("relay-response/1", max_bytes=limits.RELAY)
class RelayResponse(Message):
    """What the server, or who relays, answers; a refusal is problem details, as in HTTP.

    Attributes:
        status: as in HTTP.
    """

    status: Annotated[int, AtMost(599)]
    content_type: ContentType
    body: Body
