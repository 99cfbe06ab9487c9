"""The npm package that does our OAuth flows by discovery."""

from __future__ import annotations

from pathlib import Path

from tests.servers.npm_packages import NpmPackages

PACKAGES = NpmPackages("oauth", Path(__file__).with_name("oauth_npm"), ("flows.mjs",))
