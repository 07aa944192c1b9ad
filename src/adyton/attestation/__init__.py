"""The appraisal of evidence (RFC 9334), pure: evidence and policy in, result or refusal out."""
