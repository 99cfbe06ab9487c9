"""Moves what one engine keeps to another, part by part; nothing is changed at the source."""
