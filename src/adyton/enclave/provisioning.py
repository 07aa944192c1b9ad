"""Making a chain, or opening the one that a sealed root belongs to."""

from __future__ import annotations

from adyton.core import limits
from adyton.core.errors import PolicyError, VerificationError
from adyton.enclave.platform.base import Platform
from adyton.enclave.sealing import EpochSecret, Root, Sealer
from adyton.protocol.boundary import Provision
from adyton.protocol.genesis import Configuration, EpochPolicy, Genesis


def provision(asked: Provision, platform: Platform, sealer: Sealer) -> Root:
    """Return the root of a new chain, or of the one that the sealed root belongs to.

    Trust: every byte of `asked` is the host's.

    Raises:
        MalformedError: the configuration is not one.
        PolicyError: another platform or configuration than the chain's, or simulation without consent.
        VerificationError: the sealed root is not of this code on this platform.
    """
    configuration = Configuration.decode(asked.configuration)
    _require_possible(configuration, platform, asked.allow_simulated)
    if asked.sealed_root is None:
        return _new_chain(configuration, platform, asked)
    root = sealer.open_root(asked.sealed_root)
    genesis = Genesis.decode(root.genesis)
    if genesis.configuration != configuration:
        raise PolicyError("config_mismatch", "the configuration is fixed at genesis")
    if genesis.measurement != platform.measurement:
        raise VerificationError("sealed_invalid", "the chain was made by other code")
    if genesis.simulated_root != platform.simulated_root:
        raise VerificationError("sealed_invalid", "the chain was made on another platform")
    return root


def _require_possible(configuration: Configuration, platform: Platform, simulated: bool) -> None:
    if configuration.platform != platform.kind:
        raise PolicyError("evidence_kind", f"this platform is {platform.kind}")
    if platform.simulated_root is not None and not simulated:
        raise PolicyError("simulated_refused", "the simulated platform takes explicit consent")
    if configuration.ordering != "single-host" or configuration.time_source != "host":
        raise PolicyError("ordering_unavailable", "one host orders, and its clock gives the time")
    if (configuration.admission == "invite") != (configuration.invite_key is not None):
        raise PolicyError("bad_argument", "an invite key goes with admission by invitation")
    _require_epochs(configuration.epochs)
    tasks = configuration.tasks
    if not (tasks.wall_s and tasks.memory and tasks.output and tasks.outputs and tasks.workers):
        raise PolicyError("bad_argument", "a limit of zero")


def _require_epochs(epochs: EpochPolicy) -> None:
    if not epochs.blocks:
        if epochs.grace:
            raise PolicyError("bad_argument", "a grace of epochs that never advance")
        return
    if epochs.blocks < limits.EPOCH_BLOCKS_LEAST:
        raise PolicyError(
            "bad_argument", f"an epoch has at least {limits.EPOCH_BLOCKS_LEAST} blocks"
        )
    if not 0 < epochs.grace <= epochs.blocks:
        raise PolicyError("bad_argument", "the grace is at least one height, at most an epoch")


def _new_chain(configuration: Configuration, platform: Platform, asked: Provision) -> Root:
    genesis = Genesis(
        configuration,
        platform.measurement,
        platform.simulated_root,
        asked.allow_simulated,
        platform.entropy(32),
        asked.now_ms,
    )
    return Root(
        genesis.encode(),
        0,
        platform.entropy(32),
        (EpochSecret(0, platform.entropy(32), 0, None),),
        platform.entropy(32),
    )
