"""The demonstration: a private table goes in, a verified result comes out, a lie is caught."""
