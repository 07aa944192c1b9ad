"""Identity: registries, requests for presentations, verdicts."""
