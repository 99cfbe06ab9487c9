"""Says who may do what in the folder of the dashboards: `python ops/grafana/set_permissions.py`.

Everybody who is signed in may look; the dashboards are changed in make_dashboards.py, by
nobody in Grafana but its administrators. What permissions.json says replaces what was there.
Grafana reads no file for this, so its API is told; a second run changes nothing.
https://grafana.com/docs/grafana/latest/developers/http_api/folder_permissions/
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

PERMISSIONS = Path(__file__).with_name("permissions.json")
FOLDER = "chat4all"
PATIENCE = 30.0


def set_permissions(grafana: str, user: str, password: str) -> None:
    """Tell Grafana; raises `URLError` when it does not answer or refuses."""
    told = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = Request(  # noqa: S310 - an address that the operator gives
        f"{grafana.rstrip('/')}/api/folders/{FOLDER}/permissions",
        data=PERMISSIONS.read_bytes(),
        headers={"authorization": f"Basic {told}", "content-type": "application/json"},
    )
    with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE):
        pass


def main() -> None:
    """Set them, or end with 1 and say why it could not be done."""
    parser = argparse.ArgumentParser(description="Set the permissions of the dashboards.")
    parser.add_argument("--grafana", default="http://localhost:3000", help="its address")
    parser.add_argument("--user", default="admin", help="its password stands in GRAFANA_PASSWORD")
    given = parser.parse_args()
    try:
        set_permissions(given.grafana, given.user, os.environ.get("GRAFANA_PASSWORD", ""))
    except HTTPError as error:
        hint = " (is GRAFANA_PASSWORD right?)" if error.code in {401, 403} else ""
        sys.exit(f"Grafana refused: {error.code} {error.reason}{hint}")
    except URLError as error:
        sys.exit(f"Grafana does not answer at {given.grafana}: {error.reason}")


if __name__ == "__main__":
    main()
