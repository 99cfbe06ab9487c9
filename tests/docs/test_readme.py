"""The README does what it says: its commands are run, as written, against a live server."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MARKED = re.compile(r"<!-- test: ([\w-]+) -->\n+```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLAIN = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"
START_SECONDS = 60.0

SHOWN = {
    "sign-up": '"admin":true',
    "contact": '"display_name":"Grace"',
    "conversation": '"type":"private"',
    "send": '"status":"accepted"',
    "answer": '"text":"Hi Ada!"',
    "status": '"status":"read"',
    "history": '"text":"Hi Ada!"',
    "search": '"text":"Hello Grace"',
    "ready": '"status":"ready"',
}
"""What each block prints when all is well, sooner or later."""

# A block is repeated until it shows what it should: delivery takes some milliseconds.
BLOCK = """
tries=0
until out=$({{ {body}
}} 2>&1); case $out in *'{shown}'*) true ;; *) false ;; esac; do
    tries=$((tries + 1))
    [ "$tries" -lt {most} ] || {{ echo "{name}: $out"; exit 1; }}
    sleep 0.1
done
echo "{name} done"
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Return the address of a server that was started as `scripts/serve` starts it."""
    program = Path(sys.executable).with_name("chat4all")
    data = tmp_path / "data"
    options = ["--port", "0", "--data-dir", str(data)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([program, "serve", *options], stdout=log, stderr=log)
    try:
        yield _address(server, data / "operator.json", tmp_path / "log")
    finally:
        server.terminate()
        server.wait(timeout=20)


def _address(server: subprocess.Popen[bytes], file: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        ended = server.poll() is not None
        if ended or time.monotonic() > deadline:
            pytest.fail(f"the server did not start: {log.read_text(encoding='utf-8')}")
        time.sleep(0.05)
    return str(json.loads(file.read_text(encoding="utf-8"))["url"])


def test_every_marked_block_is_expected_to_show_something() -> None:
    assert {name for name, _ in MARKED.findall(README)} == set(SHOWN)


def test_the_tour_of_the_readme_works(address: str, tmp_path: Path) -> None:
    assert shutil.which("curl"), "the README's tour needs curl"
    script = ["set -eu"]
    for name, body in MARKED.findall(README):
        *settings, last = re.split(r"(?<!\\)\n", body.strip())
        script += [line.replace(ADDRESS, address) for line in settings]
        command = last.replace(ADDRESS, address)
        most = 50 if "-d" not in command else 1  # what changes something is done once
        script.append(BLOCK.format(name=name, body=command, shown=SHOWN[name], most=most))
    run = subprocess.run(
        ["/bin/sh", "-c", "\n".join(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split() == [
        word for name, _ in MARKED.findall(README) for word in (name, "done")
    ]
    assert said_by_the_python(address) == ["3 Hello from Python", "4 Hi again!"]


def said_by_the_python(address: str) -> list[str]:
    """Run the program of the README after the tour; return what it tells, with an answer."""
    [program] = PYTHON.findall(README)
    assert len([line for line in program.splitlines() if line]) <= 10
    words = [sys.executable, "-u", "-c", program.replace(ADDRESS, address)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = [running.stdout.readline().rstrip()]
        answer_as_grace(address)
        told.append(running.stdout.readline().rstrip())
        running.terminate()
    return told


def answer_as_grace(address: str) -> None:
    form = {"grant_type": "password", "username": "ada", "password": "correct horse battery"}
    with httpx.Client(base_url=f"{address}/v1", trust_env=False) as http:
        token = http.post("/auth/token", data=form).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        http.post("/mock/phones/+15550100/messages", json={"text": "Hi again!"}).raise_for_status()


def test_the_two_commands_are_those_that_everything_uses() -> None:
    blocks = [block.strip().splitlines()[-1] for block in PLAIN.findall(README)]
    assert "scripts/serve" in blocks
    assert "scripts/test" in blocks
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r'^    scripts/test "\$\{@:2\}" \|', ci, re.MULTILINE)
    assert re.search(r'^tried "embedded column, all" \|\|', ci, re.MULTILINE)
    assert re.search(r'^    run_tests "\$@" \|\|', ci, re.MULTILINE)
    serve = (ROOT / "scripts" / "serve").read_text(encoding="utf-8")
    assert serve.splitlines()[-1] == 'exec "$root/.venv/bin/chat4all" serve "$@"'


@pytest.mark.parametrize("name", ["serve", "test", "check", "lint", "lock", "setup"])
def test_every_script_is_plain_shell_that_can_be_run(name: str) -> None:
    script = ROOT / "scripts" / name
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["/bin/sh", "-n", script], check=True)
