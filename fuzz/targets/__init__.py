"""Targets, one module for each part of the product; a fuzzed process imports the one that it needs."""
