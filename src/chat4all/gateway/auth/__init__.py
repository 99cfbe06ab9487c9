"""Passwords and tokens: argon2, EdDSA signatures, revocations."""
