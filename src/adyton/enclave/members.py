"""Announced node keys: which recorder and runner keys belong to this chain, by evidence.

A start entry carries evidence of a node's keys; it is appraised inside execution, by the policy that genesis fixes,
with block time as the only clock.
"""

from __future__ import annotations

from adyton.attestation.node import appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.core import limits
from adyton.core.errors import PolicyError, VerificationError
from adyton.core.schema import Message, Uint, message
from adyton.enclave.keys import Keys
from adyton.enclave.state import Loaded, State
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import fingerprint
from adyton.protocol.words import Role

APP = "members"
_KEY = b"key"
_STARTS = b"starts"


@message("member/1", max_bytes=256)
class Member(Message):
    """A key that was announced: its role and the height of its start entry."""

    role: Role
    height: Uint


@message("starts/1", max_bytes=64)
class _Starts(Message):
    count: Uint


class Members:
    """Keeps announced keys in the state."""

    def __init__(self, keys: Keys, state: State) -> None:
        self._keys = keys
        self._state = state
        self._roles: dict[bytes, str] = {}
        self.starts = 0

    def visit(self, loaded: Loaded) -> None:
        """Take up keys and the count of starts when the state is loaded."""
        if loaded.app != APP:
            return
        if loaded.name == _STARTS:
            self.starts = _Starts.decode(loaded.value).count
        else:
            self._roles[loaded.name[len(_KEY) :]] = Member.decode(loaded.value).role

    def require(self, key: bytes, role: str) -> None:
        """Refuse a key that was not announced for `role`.

        Raises:
            VerificationError: it was not.
        """
        if self._roles.get(key) != role:
            raise VerificationError("bad_signature", f"not an announced {role} key")

    def announce(self, evidence: NodeEvidence, height: int, time_ms: int) -> None:
        """Appraise a start entry, and take up its keys.

        Raises:
            EvidenceError: the evidence does not satisfy the chain's policy.
            VerificationError: it is of another chain, or the epoch record is not an open epoch's.
            PolicyError: it was announced before, or the epoch is not open.
        """
        keys = self._keys
        genesis = keys.genesis
        if evidence.genesis != genesis.encode():
            raise VerificationError("wrong_chain", "a start entry of another chain")
        policy = AppraisalPolicy(
            allow_simulated=genesis.allow_simulated,
            simulated_root=genesis.simulated_root,
            max_age_s=limits.EVIDENCE_AGE_S,
        )
        pinned = fingerprint(
            keys.chain_id,
            genesis.measurement,
            genesis.configuration.digest(),
            genesis.simulated_root,
        )
        node = appraise_node(
            evidence, fingerprint=pinned, policy=policy, nonce=None, now_ms=time_ms
        )
        if node.epoch.incarnation != keys.incarnation:
            raise VerificationError("wrong_epoch", "a start entry of another incarnation")
        # An epoch may have begun since the entry was made.
        if node.epoch.intake_key != keys.intake(node.epoch.epoch).public:
            raise VerificationError("evidence_binding", "the epoch record names another intake key")
        recorder, runner = node.recorder_key, node.runner_key
        if recorder in self._roles or runner in self._roles:
            raise PolicyError("replayed", "this start was announced before")
        for key, role in ((recorder, "recorder"), (runner, "runner")):
            self._state.set(APP, _KEY + key, Member(role, height).encode())
            self._roles[key] = role
        self.starts += 1
        self._state.set(APP, _STARTS, _Starts(self.starts).encode())
