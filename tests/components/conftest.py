"""What tests with programs of others share."""

from tests.components.rpc_fixtures import facade, signer, start

__all__ = ["facade", "signer", "start"]
