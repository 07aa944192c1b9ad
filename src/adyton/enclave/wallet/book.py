"""The book of wallets: who they are, which nonces come next, what waits; in memory, rebuilt from the state.

Names in the state, of app `wallet`:

    w wallet                      Wallet
    k wallet                      its wrapped secret
    p wallet                      text of its policy
    f account chain               Floor
    m wallet meter                windows, of this meter and others (`meters`)
    l wallet place                AuditEntry, or SignedEntry where a transaction was signed
    q proposal                    Proposal
    i digest                      KeyRecord

Chain, nonce and place are eight bytes, big-endian.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Final

from adyton.core import limits
from adyton.core.errors import InvariantError, UsageError
from adyton.core.recent import Recent
from adyton.core.schema import peek_name
from adyton.enclave.state import Loaded, State
from adyton.enclave.state_value import PADDED
from adyton.enclave.wallet import meters
from adyton.enclave.wallet.known import KnownWallets
from adyton.enclave.wallet.meters import Meters
from adyton.enclave.wallet.records import Floor, KeyRecord, SignedEntry
from adyton.protocol.wallet.answers import AuditEntry, NextNonce, Proposal, Wallet
from adyton.protocol.wallet.policy import Policy
from adyton.protocol.wallet.policy_reader import read_policy
from adyton.protocol.wallet.requests import APP, Place

_WALLET: Final = b"w"
_SECRET: Final = b"k"
_POLICY: Final = b"p"
_FLOOR: Final = b"f"
_AUDIT: Final = b"l"
_PROPOSAL: Final = b"q"
_KEY: Final = b"i"
_SECRET_LEAST: Final = 512
_POLICIES: Final = 256  # kept as they were read
_POLICIES_BYTES: Final = 32 * limits.MIB  # of memory that all of them take
# What one takes, rather too much: at the least, for each byte of its text, for each rule, condition and limit.
_OF_POLICY: Final = 16 * limits.KIB
_OF_BYTE: Final = 24
_OF_PART: Final = 1200


class Book:
    """Wallets and what they remember.

    Args:
        state: holds what the book says.

    Attributes:
        meters: what limits have counted.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._wallets: dict[bytes, Wallet] = {}
        self._of_account: dict[bytes, tuple[bytes, int]] = {}  # wallet, and place in it
        self._known = KnownWallets()
        self._next: defaultdict[bytes, dict[int, int]] = defaultdict(dict)  # of accounts, by chain
        # Of each account and chain: the places of the audit entries under which nonces were signed last.
        self._signed: defaultdict[tuple[bytes, int], dict[int, int]] = defaultdict(dict)
        self._audited: defaultdict[bytes, int] = defaultdict(int)
        # Of each wallet: who made a proposal, and how many bytes it has.
        self._proposals: defaultdict[bytes, dict[bytes, tuple[bytes, int]]] = defaultdict(dict)
        self._policies = Recent[bytes, Policy](_POLICIES, _POLICIES_BYTES)
        self.meters = Meters(state)

    def visit(self, loaded: Loaded) -> None:
        """Take up a value met while the state is loaded."""
        if loaded.app != APP:
            return
        kind, name = loaded.name[:1], loaded.name[1:]
        if kind == _WALLET:
            wallet = loaded.message(Wallet)
            self._known.load(wallet)
            self._remember(wallet)
        elif kind == _FLOOR:
            self._used(name[:20], _number(name[20:]), loaded.message(Floor).nonce)
        elif kind == _AUDIT:
            place = _number(name[32:])
            self._audited[name[:32]] = max(self._audited[name[:32]], place + 1)
            if peek_name(loaded.value) == SignedEntry.WIRE_NAME:
                self._note(loaded.message(SignedEntry).entry)
        elif kind == meters.KIND:
            self.meters.visit(name, loaded.value)
        elif kind == _PROPOSAL:
            proposal = loaded.message(Proposal)
            self._proposals[proposal.wallet][name] = (proposal.requester, len(loaded.value))

    # --- wallets --------------------------------------------------------------------------------

    def wallet(self, wallet: bytes, client: bytes) -> Wallet:
        """Return a wallet that a client may know.

        Raises:
            UsageError: `wallet_unknown`; the same where it is not for this client.
        """
        if not self.knows(wallet, client):
            raise UsageError("wallet_unknown", "there is no such wallet for this client")
        return self._wallets[wallet]

    def knows(self, wallet: bytes, client: bytes) -> bool:
        """Say whether there is such a wallet for a client."""
        held = self._wallets.get(wallet)
        return held is not None and (client == held.owner or client in held.clients)

    def of_account(self, account: bytes, client: bytes) -> Wallet:
        """Return the wallet of an account, if the client may know it.

        Raises:
            UsageError: `wallet_unknown`; the same where it is not for this client.
        """
        wallet, _ = self._of_account.get(account, (b"", 0))
        return self.wallet(wallet, client)

    def place_of(self, account: bytes) -> int:
        """Return which of its wallet's accounts an account is, from 0."""
        return self._of_account[account][1]

    def known_to(self, client: bytes, place: Place) -> Iterator[Wallet]:
        """Yield the wallets that a client owns, then those whose policy names it, from behind a place on."""
        return (self._wallets[wallet] for wallet in self._known.after(client, place))

    def has_account(self, address: bytes) -> bool:
        """Say whether some wallet holds this account."""
        return address in self._of_account

    def write(
        self, wallet: Wallet, *, secret: bytes | None = None, policy: Policy | None = None
    ) -> None:
        """Write a new or changed wallet; seen from now on.

        Args:
            wallet: as it is.
            secret: wrapped; None leaves it.
            policy: None leaves it.
        """
        self._state.set(APP, _WALLET + wallet.wallet, wallet.encode())
        if secret is not None:
            name = _SECRET + wallet.wallet
            self._state.set(APP, name, secret, kind=PADDED, least=_SECRET_LEAST, hot=True)
        if policy is not None:
            self._state.set(APP, _POLICY + wallet.wallet, policy.text)
            self._policies.put(policy.hash, policy, _memory(policy))
        self._known.put(wallet, self._wallets.get(wallet.wallet))
        self._remember(wallet)

    def secret(self, wallet: bytes) -> bytes:
        """Return the wrapped secret of a wallet."""
        secret = self._state.get_hot(APP, _SECRET + wallet)
        if secret is None:
            raise InvariantError("invariant", "a wallet without a secret")
        return secret

    def policy(self, wallet: Wallet) -> Policy | None:
        """Return the policy of a wallet; None where it has none yet."""
        if not any(wallet.policy_hash):
            return None
        policy = self._policies.get(wallet.policy_hash)
        if policy is None:
            text = self._state.get_hot(APP, _POLICY + wallet.wallet)
            if text is None:
                raise InvariantError("invariant", "a wallet without its policy")
            policy = read_policy(text)
            self._policies.put(policy.hash, policy, _memory(policy))
        return policy

    def _remember(self, wallet: Wallet) -> None:
        self._wallets[wallet.wallet] = wallet
        for place, account in enumerate(wallet.accounts):
            self._of_account[account.address] = (wallet.wallet, place)

    # --- nonces ---------------------------------------------------------------------------------

    def next_nonce(self, account: bytes, chain_id: int) -> int:
        """Return the nonce that the account's next transaction gets."""
        return self._next.get(account, {}).get(chain_id, 0)

    def nonces(self, wallet: Wallet) -> list[NextNonce]:
        """Return the next nonces of a wallet's accounts, as many as are shown."""
        addresses = sorted(account.address for account in wallet.accounts)
        used = ((at, *each) for at in addresses for each in sorted(self._next.get(at, {}).items()))
        return [NextNonce(*each) for each in islice(used, limits.WALLET_NONCES)]

    def signed_under(self, account: bytes, chain_id: int, nonce: int) -> SignedEntry | None:
        """Return what was signed last under a nonce; None where that is nothing."""
        place = self._signed.get((account, chain_id), {}).get(nonce)
        if place is None:
            return None
        held = self._state.get(APP, _AUDIT + self._of_account[account][0] + _eight(place))
        if held is None:
            raise InvariantError("invariant", "a nonce without what was signed under it")
        return SignedEntry.decode(held)

    def write_signed(self, wallet: bytes, signed: SignedEntry) -> None:
        """Write the next audit entry, of a transaction that was signed; its nonce is taken."""
        entry = signed.entry
        self._state.set(APP, _AUDIT + wallet + _eight(entry.place), signed.encode())
        self._audited[wallet] = entry.place + 1
        self._note(entry)

    def _note(self, entry: AuditEntry) -> None:
        """Keep in mind where that lies which was signed under a nonce; what replaced it lies behind it."""
        if entry.chain_id is None or entry.nonce is None:
            raise InvariantError("invariant", "a transaction without a chain or a nonce")
        signed = self._signed[entry.account, entry.chain_id]
        signed[entry.nonce] = max(signed.get(entry.nonce, 0), entry.place)
        self._used(entry.account, entry.chain_id, entry.nonce + 1)

    def raise_nonce(self, account: bytes, chain_id: int, nonce: int) -> None:
        """Let an account go on from a nonce."""
        name = _FLOOR + account + _eight(chain_id)
        self._state.set(APP, name, Floor(nonce).encode())
        self._used(account, chain_id, nonce)

    def _used(self, account: bytes, chain_id: int, following: int) -> None:
        held = self._next[account]
        held[chain_id] = max(held.get(chain_id, 0), following)

    # --- audit ----------------------------------------------------------------------------------

    def audited(self, wallet: bytes) -> int:
        """Return the number of audit entries of a wallet."""
        return self._audited.get(wallet, 0)

    def write_audit(self, wallet: bytes, entry: AuditEntry) -> None:
        """Write the next audit entry."""
        self._state.set(APP, _AUDIT + wallet + _eight(entry.place), entry.encode())
        self._audited[wallet] = entry.place + 1

    def audit(self, wallet: bytes, start: int, most: int) -> list[AuditEntry]:
        """Return up to `most` audit entries from a place on."""
        end = min(self.audited(wallet), start + most)
        held = (self._state.get(APP, _AUDIT + wallet + _eight(at)) for at in range(start, end))
        return [_audited(entry) for entry in held if entry is not None]

    # --- what waits, and what was answered ------------------------------------------------------

    def has_proposal(self, proposal: bytes, now_ms: int) -> bool:
        """Say whether a proposal is open."""
        return self.open_proposal(proposal, now_ms) is not None

    def open_proposal(self, proposal: bytes, now_ms: int) -> Proposal | None:
        """Return an open proposal; None where there is none of that name, or it has expired."""
        held = self._state.get(APP, _PROPOSAL + proposal)
        made = None if held is None else Proposal.decode(held)
        return None if made is None or made.expires_ms <= now_ms else made

    def proposals(self, wallet: bytes, now_ms: int, most: int) -> tuple[list[Proposal], bool]:
        """Return open proposals of a wallet, the first to end before the others, and whether there are more.

        No more is read than is returned: short ones first, so that a long one, which many can make, hides none of them.

        Args:
            wallet: its name.
            now_ms: time.
            most: bytes of all of them together, unless one alone has more.
        """
        found: list[Proposal] = []
        waiting = self._proposals.get(wallet, {})
        more = False
        for name in sorted(waiting, key=lambda name: (waiting[name][1], name)):
            most -= waiting[name][1]
            if found and (most < 0 or len(found) == limits.INDEX_PAGE):
                more = True
                break
            proposal = self.open_proposal(name, now_ms)
            if proposal is not None:
                found.append(proposal)
        return sorted(found, key=lambda one: (one.expires_ms, one.proposal)), more

    def require_proposal_room(self, wallet: bytes, requester: bytes) -> None:
        """Refuse one more proposal where there is no room, or where one client would take all of it.

        Raises:
            UsageError: `wallet_full`.
        """
        held = self._proposals[wallet]
        if (
            len(held) >= limits.WALLET_PROPOSALS
            or _count(held, requester) >= limits.WALLET_PROPOSALS_EACH
        ):
            for name in [p for p in held if not self._state.has(APP, _PROPOSAL + p)]:
                del held[name]
        if _count(held, requester) >= limits.WALLET_PROPOSALS_EACH:
            raise UsageError("wallet_full", "as many proposals of yours wait as can; reject some")
        if len(held) >= limits.WALLET_PROPOSALS:
            raise UsageError("wallet_full", "as many proposals wait as can; reject some")

    def write_proposal(self, proposal: Proposal) -> None:
        """Write a new or changed proposal."""
        name = _PROPOSAL + proposal.proposal
        encoded = proposal.encode()
        self._state.set(APP, name, encoded, expires_ms=proposal.expires_ms)
        held = (proposal.requester, len(encoded))
        self._proposals[proposal.wallet][proposal.proposal] = held

    def close_proposal(self, proposal: Proposal) -> None:
        """Remove a proposal."""
        self._state.remove(APP, _PROPOSAL + proposal.proposal)
        self._proposals[proposal.wallet].pop(proposal.proposal, None)

    def answered(self, key: bytes) -> KeyRecord | None:
        """Return what was answered under the digest of an idempotency key."""
        held = self._state.get(APP, _KEY + key)
        return None if held is None else KeyRecord.decode(held)

    def write_answered(self, key: bytes, record: KeyRecord, expires_ms: int) -> None:
        """Remember until a time what was answered under an idempotency key."""
        self._state.set(APP, _KEY + key, record.encode(), expires_ms=expires_ms)


def _memory(policy: Policy) -> int:
    """Return how many bytes of memory a policy takes, rather too many; 22 KiB of text can take 1 MiB."""
    parts = len(policy.limits) + sum(
        1 + len(rule.conditions) + len(rule.limits) for rule in policy.rules
    )
    return _OF_POLICY + _OF_BYTE * len(policy.text) + _OF_PART * parts


def _audited(held: bytes) -> AuditEntry:
    if peek_name(held) == SignedEntry.WIRE_NAME:
        return SignedEntry.decode(held).entry
    return AuditEntry.decode(held)


def _count(held: dict[bytes, tuple[bytes, int]], requester: bytes) -> int:
    return sum(one == requester for one, _ in held.values())


def _eight(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _number(encoded: bytes) -> int:
    return int.from_bytes(encoded, "big")
