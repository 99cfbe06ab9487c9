"""Proves the promises of the design on what is stored, piece by piece, for ever."""
