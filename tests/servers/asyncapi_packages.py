"""The npm package by which AsyncAPI's own command line validates a document."""

from __future__ import annotations

from pathlib import Path

from tests.servers.npm_packages import NpmPackages

PACKAGES = NpmPackages("asyncapi", Path(__file__).with_name("asyncapi_npm"), ("validate.mjs",))
