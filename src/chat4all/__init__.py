"""Chat4All: one API to reach every contact on every platform."""

__version__ = "0.1.0"
