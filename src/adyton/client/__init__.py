"""The relying party: it verifies everything and holds only what was verified."""
