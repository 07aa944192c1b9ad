"""Shared and pure: no input or output, no clock, no randomness, no environment."""
