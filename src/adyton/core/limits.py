"""Every bound on sizes, counts and times, in one place.

Sizes are bytes unless the name says otherwise; times are milliseconds where the name ends in `_MS`, else seconds.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# encoding
CBOR_DEPTH: Final = 16
CBOR_ITEMS: Final = 2048  # values in one message that a stranger may send
CBOR_ITEMS_PAGE: Final = 2**18  # in a page of blocks, or what a client keeps
CBOR_ITEMS_INSIDE: Final = 2**24  # in one message between host and enclave, or of many parts
UINT_MAX: Final = 2**63 - 1

# envelopes and requests
ENVELOPE: Final = 320 * KIB  # what travels inside, and its padding
INLINE: Final = 256 * KIB  # code and data inside an envelope; more goes to blobs
ARGUMENTS_BYTES: Final = 288 * KIB  # encoded arguments of one method
BATCH_ENVELOPES: Final = 64  # in one HTTP request
BATCH_BYTES: Final = 4 * MIB  # of all of them
TICKET: Final = 64  # 16 tag + 48 plaintext
TICKETS_PER_KEY: Final = 32
TICKET_LIFETIME_S: Final = 7 * 24 * 3600
WINDOW_MS: Final = 3600 * 1000  # longest not-before to expiry
NAME: Final = 200  # characters of a task's name
KEY_REQUEST: Final = 8 * KIB
NONCE: Final = 32

# blobs
BLOB: Final = 64 * MIB
BLOB_CHUNK: Final = 1 * MIB
BLOBS_PER_TASK: Final = 64
BLOB_BYTES_PER_TASK: Final = 128 * MIB
BLOB_LIFETIME_S: Final = 24 * 3600  # the host may drop a blob that nobody asked for so long
BLOB_STORE: Final = 4096 * MIB

# blocks
BLOCK_ENTRIES: Final = 512
BLOCK_BYTES: Final = 8 * MIB
ENTRY: Final = 512 * KIB  # one transaction
EXPIRED_PER_BLOCK: Final = 1024
PUBLIC_PART: Final = 512 * KIB
STATE_VALUE: Final = 512 * KIB
STATE_BUCKETS_LOG2: Final = 16
CHECKPOINT: Final = 2 * KIB
RECEIPT: Final = 2 * KIB
EVIDENCE: Final = 32 * KIB
PROOF_NODES: Final = 64
PAGE_BLOCKS: Final = 256
PAGE_BYTES: Final = 4 * MIB
STATE_PAGE: Final = 1024  # values in one page when state is loaded
STATE_PAGE_BYTES: Final = 4 * MIB
INDEX_PAGE: Final = 100  # items in one answer of a client's own index

# epochs
EPOCH_DELAY: Final = (
    2  # heights from the entry that fixes an epoch's keys to the first block under them
)
EPOCH_BLOCKS_LEAST: Final = 8  # of an epoch, where epochs advance
EPOCH_RETRY: Final = 64  # heights after which a proposal that is not ordered is made anew
EPOCH_REWRAP: Final = 16  # transient values that one block seals under the new epoch
EPOCH_REWRAP_BYTES: Final = 1 * MIB  # after which a block seals no more of them
EPOCHS_HELD: Final = 2  # the current one, and the next or the one before it

# channel
FRAME: Final = 24 * MIB
CHANNEL_PENDING: Final = 1024

# tasks: the greatest that a configuration may allow
TASK_WALL_S: Final = 3600
TASK_MEMORY: Final = 16 * 1024 * MIB
TASK_OUTPUT: Final = 8 * MIB  # stdout and stderr, each
TASK_OUTPUTS: Final = 32 * MIB  # all files in out/
TASK_OUTPUT_FILES: Final = 256
TASK_ARGUMENTS: Final = 256
TASK_ARGUMENT_BYTES: Final = 64 * KIB
TASK_INPUTS: Final = 64
TASK_ATTEMPTS: Final = 3
TASKS_PENDING: Final = 10_000
RESULT_INLINE: Final = 256 * KIB  # sealed results above travel as blobs
RESULT_MIN: Final = 256  # smallest size class
STATE_PENDING: Final = 400 * KIB  # one pending task

# contracts; what one call may do besides is in `sandbox/wasm/abi.py`
CONTRACT_CODE: Final = 256 * KIB
CONTRACT_INTERFACE: Final = 32 * KIB
CONTRACT_INPUT: Final = 256 * KIB
CONTRACT_OUTPUT: Final = 128 * KIB
CONTRACT_FUEL: Final = 1_000_000_000  # of one request
CONTRACT_QUERY_FUEL: Final = (
    200_000_000  # of one query, whatever it asks for: it runs between blocks
)
CONTRACT_BLOCK_FUEL: Final = 3_000_000_000  # of all requests of a block; the next ones are refused
CONTRACT_COMPILE: Final = (
    200_000_000  # that a deployment or upgrade takes of a block's fuel beside its run
)
CONTRACT_COMPILE_BYTE: Final = 5_000  # and for each byte of the module
CONTRACT_STORED: Final = (
    2 * MIB
)  # written by one request, `CONTRACT_WRITE` counted for each write beside its bytes
CONTRACT_WRITE: Final = 256
CONTRACT_BLOCK_BYTES: Final = (
    8 * MIB
)  # written and answered in one block; the next requests are refused
CONTRACT_PADDING: Final = 64 * KIB
CONTRACT_MEMORY: Final = 16 * MIB  # of each memory
CONTRACT_MEMORIES: Final = 4
CONTRACT_IMPORTS: Final = 64
CONTRACT_EXPORTS: Final = 256
CONTRACT_FUNCTIONS: Final = 4096
CONTRACT_FUNCTION: Final = 64 * KIB  # bytes of one function
CONTRACT_LOCALS: Final = 4096  # of one function
CONTRACT_EVENTS: Final = 64  # of one request
CONTRACT_EVENT: Final = 4 * KIB
CONTRACT_SEALED_EVENT: Final = 8 * KIB
CONTRACT_LOG_LINES: Final = 256  # that a result carries
CONTRACT_LOG_BYTES: Final = 16 * KIB
MODULE: Final = 8 * MIB  # compiled and sealed, kept by the host

# Ethereum; what a transaction's numbers may be is in `protocol/ethereum`
ETHEREUM_TRANSACTION: Final = 128 * KIB  # encoded; nodes carry no larger one
ETHEREUM_MESSAGE: Final = 128 * KIB  # of a personal message
ETHEREUM_RLP_DEPTH: Final = 32
ETHEREUM_TYPES: Final = 64  # structs of typed data
ETHEREUM_MEMBERS: Final = 128  # of one struct
ETHEREUM_VALUES: Final = 8192  # in one message of typed data
ETHEREUM_NESTING: Final = 16  # structs and arrays inside of each other
MNEMONIC: Final = 1024  # characters of a phrase, and of its passphrase

# wallets
WALLET_POLICY: Final = 64 * KIB
WALLET_DOCUMENT: Final = 272 * KIB  # JSON: hex takes two characters for each byte of a transaction
WALLET_ACCOUNTS: Final = 64
WALLET_CLIENTS: Final = 256  # that a policy may name
WALLET_METERS: Final = 1024  # of one wallet; its next limits are refused
WALLET_NONCES: Final = 1024  # accounts and chains of one wallet
WALLET_PROPOSALS: Final = 256  # open ones of one wallet
WALLET_PROPOSALS_EACH: Final = 32  # of those, one client's
WALLET_KEY_S: Final = 30 * 24 * 3600  # an idempotency key is remembered for
WALLET_PASSPHRASE: Final = 256  # bytes of an imported phrase's passphrase, normalized
WALLET_SECRET: Final = 384  # wrapped
WALLET_ACCOUNTS_HOT: Final = 1024  # accounts whose keys are at hand
WALLET_POLICY_DEPTH: Final = 16  # objects and lists inside of each other
WALLET_RULES: Final = 128
WALLET_SETS: Final = 64
WALLET_SET_ITEMS: Final = 1024  # of one set, and of one list in a test
WALLET_SETS_ITEMS: Final = 4096  # of all sets
WALLET_TESTS: Final = (
    1024  # comparisons in all rules, steps of their paths, and 16 characters of a signature
)
WALLET_LIMITS: Final = 16  # of one rule, and of the wallet as a whole
WALLET_WORD: Final = 64  # characters of an id or a name
WALLET_WINDOW_S: Final = 10 * 366 * 24 * 3600
WALLET_LOOKS: Final = (
    16384  # values of calldata or typed data that the conditions of a policy share
)
WALLET_LOOKS_EACH: Final = 64  # that each condition has at the least
ABI_SIGNATURE: Final = 1024  # characters
ABI_DEPTH: Final = 8  # tuples and arrays inside of each other
ABI_VALUES: Final = 1024  # in one call

# identity
IDENTITY_TEXT: Final = 512  # characters of an address or identifier
IDENTITY_JSON: Final = 8 * KIB  # of a key or DID document
IDENTITY_KEYS: Final = 64  # keys, senders, issuers of one record
IDENTITY_RECORD: Final = 64 * KIB
PRESENTATION: Final = 64 * KIB  # that a holder seals
IDENTITY_AHEAD_S: Final = 7 * 24 * 3600  # of a request's deadline
CHECKLIST_S: Final = 7 * 24 * 3600  # that a checklist is kept
STATUS_BLOCK: Final = 4 * MIB  # of lists in one block, inflated; the next ones are refused
STATUS_TOKEN: Final = 280 * KIB  # characters of a signed status list, as a transaction brings it
STATUS_URI: Final = 2048  # characters of its address, as a credential names it
STATUS_LIST: Final = 1 * MIB  # inflated: eight million credentials at one bit each
STATUS_PAGE: Final = 16 * KIB  # of a list in state; every page has this size
DID: Final = 1024  # characters
DID_KEYS: Final = 16  # in one document
BASE58: Final = 128  # characters; reading it takes time quadratic in them
PSEUDONYM_CLAIM: Final = 256  # characters of the claim that a pseudonym is made of

# the JSON-RPC facade of wallets
RPC_BODY: Final = 2 * MIB  # one message of a program
RPC_BATCH: Final = 100  # calls in one message
RPC_DEPTH: Final = 32  # lists and objects inside of each other
RPC_NODE_ANSWER: Final = 64 * MIB
RPC_NODE_ERROR: Final = 2 * KIB  # characters of a node's error text
RPC_SUBSCRIPTIONS: Final = 64  # of one connection
RPC_CALLS: Final = 64  # at once, of one connection, and carried out in all
RPC_CONNECTIONS: Final = 256
RPC_JOURNAL: Final = 4096  # transactions signed and not yet mined
RPC_TOKEN: Final = 4 * KIB
# credentials
CREDENTIAL: Final = 64 * KIB  # characters of a presentation
CREDENTIAL_DEPTH: Final = 16  # of its JSON, and of what is disclosed inside of disclosures
CREDENTIAL_COMMAS: Final = (
    4096  # in one JSON text: they bound its values, and so what a check costs
)
CREDENTIAL_DISCLOSURES: Final = 128  # presented
CREDENTIAL_DIGESTS: Final = 1024  # in the JWT and in the disclosures presented
JWK: Final = 8 * KIB
JSON_INTEGER: Final = 2**53 - 1  # what every reader of JSON agrees on (RFC 7493)

# relays: an exchange of HTTP in one message
RELAY_BODY: Final = 5 * MIB  # a page of blocks and a batch of envelopes; larger blobs need HTTP
RELAY: Final = RELAY_BODY + 4 * KIB

# clocks
CLOCK_SKEW_MS: Final = 120 * 1000  # what a client allows its server's clock to differ
EVIDENCE_AGE_S: Final = 24 * 3600
APPRAISAL_REUSE_S: Final = 600
EVIDENCE_PER_SECOND: Final = 50
KEYS_PER_SECOND: Final = 200
WAIT_S: Final = 60  # longest long poll
CERTIFICATE: Final = 80 * MIB
