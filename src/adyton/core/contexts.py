"""Registry of every signing, hashing, KDF and AEAD context string.

One context per use of a key or hash. A context never appears bare: `core/crypto.py` length-prefixes it, so that
no context can be the prefix of another. Labels of the simulated platform's own keys say so, and can never equal
a hardware platform's.
"""

from __future__ import annotations

from enum import Enum


class Context(bytes, Enum):
    """A domain-separation string; its value is the bytes that are hashed.

    Attributes:
        label: the bytes, without the detour over the enumeration, which the hot path would feel.
        prefix: the same behind their length in four bytes.
    """

    label: bytes
    prefix: bytes

    def __init__(self, label: bytes) -> None:
        self.label = bytes(label)
        self.prefix = len(label).to_bytes(4, "big") + label

    # hashes
    GENESIS = b"adyton/1/hash/genesis"
    CONFIG = b"adyton/1/hash/config"
    FINGERPRINT = b"adyton/1/hash/fingerprint"
    KEY_ID = b"adyton/1/hash/key-id"
    TASK_HASH = b"adyton/1/hash/envelope"
    TICKET_ID = b"adyton/1/hash/ticket"
    KEY_REQUEST = b"adyton/1/hash/key-request"
    SIGNED_REQUEST = b"adyton/1/hash/signed-request"
    EVIDENCE = b"adyton/1/hash/evidence"
    BLOCK = b"adyton/1/hash/block"
    APP_HASH = b"adyton/1/hash/app"
    EXEC_ID = b"adyton/1/hash/exec-id"
    PUBLIC_PART = b"adyton/1/hash/public-part"
    WRITE_SET = b"adyton/1/hash/write-set"
    STATE_BLOB = b"adyton/1/hash/state-blob"
    STATE_BUCKET = b"adyton/1/hash/state-bucket"
    EPOCH_SECRET = b"adyton/1/hash/epoch-secret"
    ROOT = b"adyton/1/hash/root"
    BLOB = b"adyton/1/hash/blob"
    CONTENT = b"adyton/1/hash/content"
    CLAIM = b"adyton/1/hash/claim"
    CLAIMS = b"adyton/1/hash/claims"
    MEASUREMENT = b"adyton/1/hash/measurement"
    REPORT_DATA = b"adyton/1/hash/report-data"
    CONTRACT_CODE = b"adyton/1/hash/contract-code"
    MODULE_NAME = b"adyton/1/hash/compiled-module"
    CONTRACT_ADDRESS = b"adyton/1/hash/contract-address"
    IDENTITY_POLICY = b"adyton/1/hash/identity-policy"
    IDENTITY_RECORD = b"adyton/1/hash/identity-record"
    IDENTITY_REQUEST = b"adyton/1/hash/presentation-request"
    IDENTITY_PROOF = b"adyton/1/hash/identity-proof"
    IDENTITY_LIST = b"adyton/1/hash/identity-status-list"
    WALLET = b"adyton/1/hash/wallet"
    WALLET_PROPOSAL = b"adyton/1/hash/wallet-proposal"
    WALLET_CONTENT = b"adyton/1/hash/wallet-proposal-content"
    WALLET_POLICY = b"adyton/1/hash/wallet-policy"
    WALLET_KEY = b"adyton/1/hash/wallet-idempotency-key"
    WALLET_METER = b"adyton/1/hash/wallet-meter"

    DID = b"adyton/1/hash/did"
    RANGE_STATEMENT = b"adyton/1/hash/range-statement"

    PSEUDONYM = b"adyton/1/mac/pseudonym"
    STATE_NAME = b"adyton/1/mac/state-name"
    TICKET_UNIQUE = b"adyton/1/mac/ticket-unique"

    # signatures
    SIGN_REQUEST = b"adyton/1/sign/request"
    SIGN_KEY_REQUEST = b"adyton/1/sign/key-request"
    SIGN_KEY_ANSWER = b"adyton/1/sign/key-answer"
    SIGN_EPOCH = b"adyton/1/sign/epoch-record"
    SIGN_EPOCH_PROPOSAL = b"adyton/1/sign/epoch-proposal"
    SIGN_FINISH = b"adyton/1/sign/finish"
    SIGN_INVITE = b"adyton/1/sign/invite"

    # key derivation
    KDF_STATE_DURABLE = b"adyton/1/kdf/state-durable"
    KDF_STATE_TRANSIENT = b"adyton/1/kdf/state-transient"
    KDF_STATE_NAMES = b"adyton/1/kdf/state-names"
    KDF_EPOCH = b"adyton/1/kdf/epoch"
    KDF_NODE = b"adyton/1/kdf/node-key"
    KDF_INTAKE = b"adyton/1/kdf/intake"
    KDF_SERVER = b"adyton/1/kdf/server-key"
    KDF_TICKET = b"adyton/1/kdf/ticket"
    KDF_FINISH = b"adyton/1/kdf/finish-private"
    KDF_RESPONSE = b"adyton/1/kdf/response"
    KDF_READ = b"adyton/1/kdf/read-response"
    KDF_RESULT = b"adyton/1/kdf/result"
    KDF_RUN_INFO = b"adyton/1/kdf/run-info"
    KDF_CLAIM_SALT = b"adyton/1/kdf/claim-salt"
    KDF_CLIENT_SIGNING = b"adyton/1/kdf/client-signing-key"
    KDF_CLIENT_SECRET = b"adyton/1/kdf/client-secret"
    KDF_CLIENT_RESULT = b"adyton/1/kdf/client-result-key"
    KDF_CLIENT_RESPONSE = b"adyton/1/kdf/client-response-key"
    KDF_BLOB = b"adyton/1/kdf/blob"
    KDF_CONTRACTS = b"adyton/1/kdf/contracts"
    KDF_CONTRACT_STATE = b"adyton/1/kdf/contract-state"
    KDF_CONTRACT_RANDOM = b"adyton/1/kdf/contract-random"
    KDF_MODULES = b"adyton/1/kdf/compiled-modules"
    KDF_WALLETS = b"adyton/1/kdf/wallets"
    KDF_WALLET_SEED = b"adyton/1/kdf/wallet-seed"
    KDF_WALLET_WRAP = b"adyton/1/kdf/wallet-wrap"
    KDF_WALLET_ACCOUNT = b"adyton/1/kdf/wallet-account"
    KDF_DERIVED_EPHEMERAL = b"adyton/1/kdf/derived-ephemeral"
    KDF_DERIVED_SEAL = b"adyton/1/kdf/derived-seal"
    KDF_PSEUDONYM = b"adyton/1/kdf/pseudonym"
    KDF_PSEUDONYMS = b"adyton/1/kdf/pseudonyms"
    KDF_RANGES = b"adyton/1/kdf/range-proofs"
    KDF_NOBODY = b"adyton/1/kdf/nobody"
    KDF_RANGE_BLINDING = b"adyton/1/kdf/range-blinding"
    KDF_RANGE_NONCE = b"adyton/1/kdf/range-nonce"
    KDF_CLIENT_EVENTS = b"adyton/1/kdf/client-events-key"
    KDF_CLIENT_HOLDER = b"adyton/1/kdf/client-holder-key"
    KDF_CLIENT_AGREEMENT = b"adyton/1/kdf/client-agreement-key"
    KDF_CLIENT_ISSUER = b"adyton/1/kdf/client-demo-issuer-key"
    KDF_SEALING = b"adyton/1/kdf/sealing"
    KDF_SEALING_SIMULATED = b"adyton/1/kdf/simulated-sealing-NOT-HARDWARE"

    # HPKE info
    HPKE_REQUEST = b"adyton/1/hpke/request"
    HPKE_PRESENTATION = b"adyton/1/hpke/presentation"
    HPKE_EPOCH = b"adyton/1/hpke/epoch"
    HPKE_READ = b"adyton/1/hpke/read"
    HPKE_KEY_REQUEST = b"adyton/1/hpke/key-request"
    HPKE_KEY_ANSWER = b"adyton/1/hpke/key-answer"

    # associated data
    AD_TICKET = b"adyton/1/ad/ticket"
    AD_STATE = b"adyton/1/ad/state"
    AD_RESPONSE = b"adyton/1/ad/response"
    AD_RESULT = b"adyton/1/ad/result"
    AD_RUN_INFO = b"adyton/1/ad/run-info"
    AD_FINISH = b"adyton/1/ad/finish-private"
    AD_BLOB = b"adyton/1/ad/blob"
    AD_CONTRACT_VALUE = b"adyton/1/ad/contract-value"
    AD_MODULE = b"adyton/1/ad/compiled-module"
    AD_WALLET_SECRET = b"adyton/1/ad/wallet-secret"
    AD_DERIVED = b"adyton/1/ad/derived"
    AD_SEALED_ROOT = b"adyton/1/ad/sealed-root"
    AD_SEALED_HEAD = b"adyton/1/ad/sealed-head"
