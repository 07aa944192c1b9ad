"""Contracts inside the enclave: who they are, what they hold, how they are run."""
