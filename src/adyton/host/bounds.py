"""Bounds of the host's own; those that a client or the enclave relies on are in `core/limits.py`.

Sizes are bytes, times are seconds.
"""

from __future__ import annotations

from typing import Final

from adyton.core import limits

QUEUE_ENTRIES: Final = 4096  # transactions that wait for a block
QUEUE_BYTES: Final = 64 * limits.MIB
WAITERS: Final = 1024  # long polls at one time
CONNECTIONS: Final = 4096  # HTTP connections or requests at one time
CONNECTIONS_EACH: Final = 512  # of one address
PIPELINED: Final = 16  # requests of one connection that wait for the answers before theirs
FILES: Final = 65_536  # open files that are asked for
SPARE_FILES: Final = 256  # that are no connections
STRANGERS: Final = 128  # requests that anybody may make of the enclave, at one time; far under the channel's own bound
STRANGERS_EACH: Final = 64  # of one address
BACKLOG: Final = 1024
UPLOADS: Final = 16  # blobs being written at one time
UPLOADS_EACH: Final = 8  # of one address
BATCHES: Final = (
    64  # batches of envelopes that are larger than one envelope may be, at one time; a few MiB each
)
BATCHES_EACH: Final = 32  # of one address
DOWNLOAD_CHUNK: Final = 256 * limits.KIB
HEADERS: Final = 64 * limits.KIB  # request line and fields
HEADER_S: Final = 15.0  # for a request's header to arrive, and for the first to begin
BODY_S: Final = 60.0  # for a request's whole body to arrive
SEND_S: Final = 60.0  # in which a client takes at least the next of an answer
SENT_LEAST: Final = 16 * limits.KIB
RATE_ALL: Final = 4  # times the rate of one address, for all together
KEEP_ALIVE_S: Final = 75
BLOCK_CACHE: Final = 256  # parsed block records kept for proofs
LOG_LINE: Final = 2000  # of the enclave's output
LOG_LINES_PER_MINUTE: Final = 600
SWEEP_S: Final = 600.0

START_S: Final = 60.0  # for the enclave to answer each step of its start
LOAD_S: Final = 600.0  # to load the state
CALL_S: Final = 120.0  # for any other answer of the enclave
DRAIN_S: Final = 10.0
EXIT_S: Final = 5.0
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_S: Final = 60.0  # an enclave that lived so long ends the backoff
