"""Frozen typed messages, one file per chapter of `docs/spec`."""
