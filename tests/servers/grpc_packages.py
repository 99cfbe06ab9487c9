"""The npm packages of gRPC: buf, which checks the contract, and the client of Node."""

from __future__ import annotations

from pathlib import Path

from tests.servers.npm_packages import NpmPackages

PACKAGES = NpmPackages("grpc", Path(__file__).with_name("grpc_npm"), ("talk.mjs",))
