"""The controllers, one resource each."""
