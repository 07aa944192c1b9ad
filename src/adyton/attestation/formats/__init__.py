"""Evidence formats, one file per kind of platform."""
