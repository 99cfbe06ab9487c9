"""The programs of Debian's Prometheus."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.servers.cache import Missing, skip_for
from tests.servers.process import free_port, running


def program(name: str) -> str:
    """Return `prometheus` or `promtool`; skip, or fail, when it is not there."""
    found = shutil.which(name)
    if found is None:
        skip_for(Missing(f"there is no {name}; on Debian: apt-get install prometheus"))
    return found


@contextmanager
def prometheus(folder: Path, configuration: Path, target: str) -> Iterator[str]:
    """Run it with our configuration, asking one process each second; yield its address."""
    home, port = folder / "prometheus", free_port()
    shutil.copytree(configuration, home)
    config = yaml.safe_load((home / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"], job["relabel_configs"]
    job["static_configs"] = [{"targets": [target], "labels": {"role": "serve"}}]
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    for file in (home / "rules").glob("*.yml"):
        file.write_text(file.read_text().replace("interval: 30s", "interval: 1s"))
    url = f"http://127.0.0.1:{port}"
    command = [program("prometheus"), f"--config.file={home}/prometheus.yml"]
    command += [f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{port}"]
    output = home / "output.txt"
    with running(command, environment={}, output=output, ready=f"{url}/-/ready"):
        yield url
