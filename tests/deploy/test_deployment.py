"""What is deployed fits the program: files of other tools, checked by those tools and by ours."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from chat4all.cli.serve import ROLES
from chat4all.settings import FILE_VARIABLE, PREFIX, load_settings
from tests.servers.cache import Missing, skip_for
from tests.servers.go_program import KUSTOMIZE

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
OVERLAYS = ("small", "production")
VARIABLE = re.compile(r"\$\{(\w+)(:[-?][^}]*)?\}")
EXAMPLE = {"MINIO_USER": "chat4all", "MINIO_PASSWORD": "a", "GRAFANA_PASSWORD": "b"}


def checked(*command: str) -> str:
    """Run a checker of the environment of the tests; return what it printed."""
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [str(program), *command[1:]], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    checked("hadolint", "Dockerfile")


def test_the_image_is_not_roots_and_installs_only_what_has_a_hash() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    copied = [line.split()[1] for line in lines if line.startswith("COPY requirements")]
    assert copied == ["requirements/image.txt"]
    assert "--require-hashes" in (ROOT / "Dockerfile").read_text()


def test_the_image_has_what_every_engine_needs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (whole,) = extras.pop("all")
    assert set(re.findall(r"\w+", whole)) - {"chat4all"} == extras.keys() - {"testing"}
    locked = re.findall(
        r"^([\w.-]+)==", (ROOT / "requirements/image.txt").read_text(), re.MULTILINE
    )
    wanted = [re.match(r"[\w-]+", one) for name in extras for one in extras[name]]
    of_tests = {"hypothesis", "pytest", "pytest-asyncio"}
    assert {one[0] for one in wanted if one} - of_tests <= set(locked)
    assert "pytest" not in locked


# -- docker compose


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def test_the_compose_file_is_one_by_its_specification() -> None:
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE.name)


def test_compose_runs_every_role_with_settings_that_there_are(compose: dict[str, Any]) -> None:
    ours = {
        name: one for name, one in compose["services"].items() if one["image"] == "chat4all:local"
    }
    commands = {name: one["command"] for name, one in ours.items()}
    lite = commands.pop("lite")
    assert lite == ["serve"]
    assert commands == {role: ["run", role] for role in ROLES}
    for one in ours.values():
        load(filled(one["environment"]))
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]


def test_the_compose_file_has_no_secret_and_one_command_makes_those_it_asks_for(
    compose: dict[str, Any],
) -> None:
    for path, value in leaves(compose["services"]):
        if re.search(r"PASSWORD|SECRET|ACCESS_KEY", path):
            assert VARIABLE.fullmatch(str(value)), f"{path} says its secret"
    asked = {name for name, rest in VARIABLE.findall(COMPOSE.read_text()) if rest.startswith(":?")}
    printed = subprocess.run([ROOT / "scripts/make-env"], capture_output=True, check=True).stdout
    made = dict(line.split("=", 1) for line in printed.decode().splitlines())
    assert made.keys() == asked == EXAMPLE.keys()
    again = subprocess.run([ROOT / "scripts/make-env"], capture_output=True, check=True).stdout
    assert again != printed
    assert all(len(made[name]) >= 32 for name in made if name.endswith("PASSWORD"))


def test_what_compose_mounts_is_there_and_what_it_waits_for_tells_its_health(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    for name, one in services.items():
        for volume in one.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("/"):  # of the machine: the lines of its containers
                assert (name, source) == ("otel-collector", "/var/lib/docker/containers")
                continue
            assert (
                (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
            )
        waits = one.get("depends_on", {})
        for other, how in waits.items() if isinstance(waits, dict) else ():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for {other} in vain"


def test_prometheus_asks_every_role(compose: dict[str, Any]) -> None:
    told = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
    (job,) = told["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert found["names"] == list(ROLES)
    assert found["port"] == 8000


def test_grpc_is_served_and_reached_where_compose_publishes_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("proxy", "lite"):
        (port,) = [one for one in services[name]["ports"] if one.endswith(":50051")]
        assert port.startswith("127.0.0.1:"), "passwords would go over the network as they are"
    for name in ("gateway", "lite"):
        assert services[name]["environment"]["CHAT4ALL_GRPC_PORT"] == 50051
    assert "EXPOSE 8000 50051" in (ROOT / "Dockerfile").read_text().splitlines()
    proxy = (ROOT / "ops/proxy/nginx.conf").read_text()
    assert "listen 50051;" in proxy
    assert "grpc://gateway:50051;" in proxy


# -- kubernetes


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    """What an overlay is when it is put together: a file of it, and its objects."""
    try:
        program = KUSTOMIZE.path()
    except Missing as missing:
        skip_for(missing)
    folder = ROOT / "k8s/overlays" / request.param
    made = subprocess.run([program, "build", folder], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    file = tmp_path_factory.mktemp("k8s") / f"{request.param}.yaml"
    file.write_text(made.stdout)
    return file, list(yaml.safe_load_all(made.stdout))


Manifests = tuple[Path, list[dict[str, Any]]]


def test_kubernetes_takes_every_object(manifests: Manifests) -> None:
    file, objects = manifests
    printed = checked("kubernetes-validate", "--strict", str(file))
    known = [one for one in objects if one["kind"] != "ScaledObject"]
    assert printed.count("passed for resource") == len(known) > 0


def test_each_role_is_a_deployment_that_is_not_roots_and_is_probed(manifests: Manifests) -> None:
    found = {one["metadata"]["name"]: one for one in manifests[1] if one["kind"] == "Deployment"}
    assert set(found) == set(ROLES)
    for role, one in found.items():
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["args"] == ["run", role]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in PROBES}
        assert probes == PROBES
        assert [source["secretRef"]["name"] for source in container["envFrom"][1:]] == [SECRET]


PROBES = {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
SECRET = "chat4all-engines"


def test_the_configuration_has_settings_that_there_are_and_no_secret_is_kept(
    manifests: Manifests,
) -> None:
    (config,) = [one for one in manifests[1] if one["kind"] == "ConfigMap"]
    load(config["data"])
    assert not [one for one in manifests[1] if one["kind"] == "Secret"]


def test_what_points_to_a_role_finds_it(manifests: Manifests) -> None:
    objects = manifests[1]
    services = {one["metadata"]["name"] for one in objects if one["kind"] == "Service"}
    for one in objects:
        for path, value in leaves(one.get("spec", {})):
            if path.endswith(("scaleTargetRef.name", "matchLabels.app.kubernetes.io/component")):
                assert value in ROLES
            if path.endswith("backend.service.name"):
                assert value in services
            if path.endswith("consumerGroup"):
                assert value in {"chat4all.commands.router", "chat4all.events.notifier"}


def test_grpc_is_served_and_reached_in_kubernetes(manifests: Manifests) -> None:
    named = {(one["kind"], one["metadata"]["name"]): one for one in manifests[1]}
    (container,) = named["Deployment", "gateway"]["spec"]["template"]["spec"]["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {"http": 8000, "grpc": 50051}
    assert {"name": "CHAT4ALL_GRPC_PORT", "value": "50051"} in container["env"]
    targets = {
        one["name"]: one["targetPort"] for one in named["Service", "gateway"]["spec"]["ports"]
    }
    assert targets == {"http": "http", "grpc": "grpc"}
    policy = named["NetworkPolicy", "grpc-clients"]["spec"]
    assert policy["podSelector"] == {"matchLabels": {"app.kubernetes.io/component": "gateway"}}
    assert policy["ingress"] == [{"ports": [{"port": "grpc"}]}]
    for (kind, _), one in named.items():
        for rule in one["spec"]["rules"] if kind == "Ingress" else ():
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                known = named["Service", service["name"]]["spec"]["ports"]
                assert service["port"]["name"] in {port["name"] for port in known}


def load(environment: Mapping[str, str]) -> None:
    """Read the settings as the program does; what it would refuse fails the test."""
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    assert FILE_VARIABLE not in ours
    load_settings({}, ours)


def filled(environment: Mapping[str, str]) -> dict[str, str]:
    """Put values in for variables, as compose does."""

    def value(found: re.Match[str]) -> str:
        name, rest = found[1], found[2] or ""
        return rest.removeprefix(":-") if rest.startswith(":-") else EXAMPLE[name]

    return {name: VARIABLE.sub(value, str(told)) for name, told in environment.items()}


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of a document with the keys that lead to it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value, path)
    else:
        yield path, tree
