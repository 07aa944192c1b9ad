"""Measures the whole path, each figure beside its floor: `python -m bench --help`."""
