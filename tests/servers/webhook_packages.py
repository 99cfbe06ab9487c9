"""The npm package by which receivers of webhooks verify them."""

from __future__ import annotations

from pathlib import Path

from tests.servers.npm_packages import NpmPackages

PACKAGES = NpmPackages("webhooks", Path(__file__).with_name("webhook_npm"), ("verify.mjs",))
