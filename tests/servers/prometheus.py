"""The programs of Debian's Prometheus."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import yaml

from tests.servers.cache import Missing, skip_for
from tests.servers.process import free_port, running

_TIME = re.compile(r"(\[|for: |offset )(\d+)(m|h)\b")


def program(name: str, package: str = "prometheus") -> str:
    """Return a program of theirs; skip, or fail, when it is not there."""
    found = shutil.which(name)
    if found is None:
        skip_for(Missing(f"there is no {name}; on Debian: apt-get install {package}"))
    return found


@contextmanager
def prometheus(
    folder: Path,
    configuration: Path,
    target: str,
    *,
    alertmanager: str | None = None,
    hurried: int = 1,
    day: int = 86_400,
) -> Iterator[str]:
    """Run it with our configuration, asking one process each second; yield its address.

    It tells an `alertmanager`, an address, of alerts; where nobody can wait, all times of the
    rules are `hurried` times shorter, and the age that a proof may have is `day` seconds.
    """
    home, port = folder / "prometheus", free_port()
    shutil.copytree(configuration, home)
    config = yaml.safe_load((home / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"], job["relabel_configs"]
    job["static_configs"] = [{"targets": [target], "labels": {"role": "serve"}}]
    told = [alertmanager.removeprefix("http://")] if alertmanager else []
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": told}]
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    for file in (home / "rules").glob("*.yml"):
        rules = file.read_text().replace("interval: 30s", "interval: 1s").replace("86400", str(day))
        file.write_text(_TIME.sub(partial(_shorter, hurried), rules))
    url = f"http://127.0.0.1:{port}"
    command = [program("prometheus"), f"--config.file={home}/prometheus.yml"]
    command += [f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{port}"]
    output = home / "output.txt"
    with running(command, environment={}, output=output, ready=f"{url}/-/ready"):
        yield url


def _shorter(hurried: int, time: re.Match[str]) -> str:
    seconds = int(time[2]) * {"m": 60, "h": 3600}[time[3]]
    return f"{time[1]}{seconds // hurried}s"


@contextmanager
def alertmanager(folder: Path, configuration: Path, webhook: str) -> Iterator[str]:
    """Run it with our routes, at once and each receiver a webhook; yield its address."""
    home, url = folder / "alertmanager", f"http://127.0.0.1:{free_port()}"
    home.mkdir()
    config = yaml.safe_load(configuration.read_text())
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        assert list(receiver) == ["name"]
        receiver["webhook_configs"] = [{"url": f"{webhook}/{receiver['name']}"}]
    (home / "alertmanager.yml").write_text(yaml.safe_dump(config))
    command = [program("prometheus-alertmanager", "prometheus-alertmanager")]
    command += [f"--config.file={home}/alertmanager.yml", f"--storage.path={home}/data"]
    command += [f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address="]
    output = home / "output.txt"
    with running(command, environment={}, output=output, ready=f"{url}/-/ready"):
        yield url
