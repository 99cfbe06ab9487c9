"""`chat4all file put` and `file get`, against a server that is really there and really dies."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import PASSWORD, Shell
from tests.cli.gated_proxy import DOWN, PATIENCE, UP, GatedProxy, gated_proxy

MIB = 1024**2
SIZE = 40 * MIB + 321


@dataclass
class Relayed:
    """A server behind a proxy, and a shell that reaches it only through that."""

    folder: Path
    proxy: GatedProxy
    port: int
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def shell(self) -> Shell:
        return Shell(self.folder / "data")

    def start(self) -> None:
        environment = {**self.shell.environment, "CHAT4ALL_PUBLIC_URL": self.proxy.url}
        program = self.shell.start("serve", "--port", str(self.port), env=environment)
        self.processes.append(program)
        assert program.stdout is not None
        assert program.stdout.readline().startswith("Chat4All is ready")
        self.proxy.target = self.port

    def kill(self) -> None:
        program = self.processes.pop()
        program.kill()
        program.communicate(timeout=PATIENCE)

    def command(self, *words: str) -> subprocess.Popen[str]:
        return self.shell.start("--url", self.proxy.url, *words, env=self.environment)

    def done(self, *words: str) -> str:
        ended = self.command(*words)
        out, err = ended.communicate(timeout=PATIENCE)
        assert (ended.returncode, err) == (0, "")
        return out

    @property
    def environment(self) -> dict[str, str]:
        return {**self.shell.environment, "XDG_STATE_HOME": str(self.folder / "state")}

    @property
    def unfinished(self) -> list[Path]:
        return list((self.folder / "state").rglob("*.json"))


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayed]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with gated_proxy() as proxy:
        relayed = Relayed(tmp_path_factory.mktemp("relayed"), proxy, port)
        try:
            relayed.start()
            for username in ("ana", "bia"):
                relayed.shell.done("user", "create", username, "--password-stdin", stdin=PASSWORD)
            yield relayed
        finally:
            while relayed.processes:
                relayed.kill()


def large_file(folder: Path, seed: int) -> Path:
    path = folder / f"film {seed}.bin"
    path.write_bytes(hashlib.shake_256(bytes([seed])).digest(SIZE))
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ids_of(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"([0-9a-f-]{36}) file ([0-9a-f-]{36})\n", line)
    assert found is not None, line
    return found[1], found[2]


def end_upload(relayed: Relayed, file_id: str) -> None:
    """Do what the server does to an upload that nobody goes on with."""
    form = {"grant_type": "password", "username": "ana", "password": PASSWORD}
    with httpx.Client(base_url=relayed.proxy.url, timeout=PATIENCE) as http:
        token = http.post("/v1/auth/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
        ended = http.delete(f"/v1/files/uploads/{file_id}", headers=headers)
        assert ended.status_code == 204


def test_a_file_is_sent_shown_and_fetched(served: Shell, tmp_path: Path) -> None:
    path = tmp_path / "notes é.txt"
    path.write_text("Olá!\n" * 1000)
    sent = json.loads(
        served.done("file", "put", str(path), "--to", "bia", "--caption", "As agreed", "--json")
    )
    assert sent["file"]["mime_type"] == "text/plain"
    [message] = served.told("history", "bia")[-1:]
    assert message["message_id"] == sent["message"]["message_id"]
    assert message["payload"]["caption"] == "As agreed"
    assert f"[document] As agreed {sent['file']['id']}" in served.done("history", "bia")
    place = tmp_path / "fetched"
    place.mkdir()
    bia = Shell(served.data_dir, username="bia")
    file_id = sent["file"]["id"]
    assert bia.done("file", "get", file_id, "-o", str(place)) == f"{place / path.name}\n"
    assert (place / path.name).read_text() == path.read_text()
    assert bia.told("file", "get", file_id, "-o", str(place / "other"))["file_id"] == file_id
    assert sorted(one.name for one in place.iterdir()) == ["notes é.txt", "other"]


def test_an_empty_file_is_a_file(served: Shell, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    _, file_id = ids_of(served.done("file", "put", str(path), "--to", "bia"))
    served.done("file", "get", file_id, "-o", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b""


def test_the_same_file_can_be_sent_twice(served: Shell, tmp_path: Path) -> None:
    path = tmp_path / "joke.txt"
    path.write_text("ha")
    first = ids_of(served.done("file", "put", str(path), "--to", "bia"))
    second = ids_of(served.done("file", "put", str(path), "--to", "bia"))
    assert set(first).isdisjoint(second)


def test_what_cannot_be_done_is_said_in_one_line(served: Shell, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    _, file_id = ids_of(served.done("file", "put", str(path), "--to", "bia"))
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(2 * 1024**3 + 1)
    strange = "0198ffff-0000-7000-8000-000000000000"
    path.write_text("something else")
    for words, told in (
        (("put", str(huge), "--to", "bia"), "at most 2 GiB"),
        (("put", str(path), "--to", "nobody"), "no conversation, user or contact called nobody"),
        (("put", str(path), "--to", strange), "no user"),
        (("get", strange), "no such file"),
        (("get", file_id, "-o", str(path)), "is there already"),
    ):
        ended = served.run("file", *words)
        assert ended.returncode == 1
        assert told in ended.stderr
        assert ended.stderr.count("\n") == 1
        assert ended.stdout == ""
    assert served.run("file", "put", str(tmp_path / "none"), "--to", "bia").returncode == 2
    assert path.read_text() == "something else"


def test_fetching_what_is_there_already_fetches_nothing(served: Shell, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    _, file_id = ids_of(served.done("file", "put", str(path), "--to", "bia"))
    before = path.stat().st_mtime_ns
    assert served.done("file", "get", file_id, "-o", str(path)) == f"{path}\n"
    assert path.stat().st_mtime_ns == before


def test_a_command_needs_a_server_that_runs(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    ended = shell.run("file", "put", str(path), "--to", "bia")
    assert ended.returncode == 1
    assert "no server runs" in ended.stderr


def test_sending_that_was_stopped_goes_on_where_it_was(relayed: Relayed, tmp_path: Path) -> None:
    path, proxy = large_file(tmp_path, 1), relayed.proxy
    proxy.hold_after(UP, 20 * MIB)
    stopped = relayed.command("file", "put", str(path), "--to", "bia")
    proxy.wait_until_held()
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate(timeout=PATIENCE)
    assert (stopped.returncode, out) == (130, "")
    assert "run the same command again" in err
    assert len(relayed.unfinished) == 1
    proxy.release()
    message_id, file_id = ids_of(relayed.done("file", "put", str(path), "--to", "bia"))
    assert proxy.passed[UP] < SIZE - 15 * MIB
    assert relayed.unfinished == []
    relayed.done("file", "get", file_id, "-o", str(tmp_path / "copy"))
    assert digest(tmp_path / "copy") == digest(path)
    shown = relayed.shell.told("history", "bia")
    assert [one["message_id"] for one in shown if one["payload"].get("file_id") == file_id] == [
        message_id
    ]


def test_sending_goes_on_by_itself_when_the_server_was_killed(
    relayed: Relayed, tmp_path: Path
) -> None:
    path, proxy = large_file(tmp_path, 2), relayed.proxy
    proxy.hold_after(UP, 20 * MIB)
    sending = relayed.command("file", "put", str(path), "--to", "bia")
    proxy.wait_until_held()
    relayed.kill()
    proxy.release()
    relayed.start()
    out, err = sending.communicate(timeout=PATIENCE)
    assert (sending.returncode, err) == (0, "")
    assert proxy.passed[UP] < SIZE - 10 * MIB
    _, file_id = ids_of(out)
    relayed.done("file", "get", file_id, "-o", str(tmp_path / "copy"))
    assert digest(tmp_path / "copy") == digest(path)


def test_sending_begins_anew_when_the_upload_is_gone(relayed: Relayed, tmp_path: Path) -> None:
    path, proxy = large_file(tmp_path, 3), relayed.proxy
    proxy.hold_after(UP, 10 * MIB)
    stopped = relayed.command("file", "put", str(path), "--to", "bia")
    proxy.wait_until_held()
    stopped.send_signal(signal.SIGINT)
    stopped.communicate(timeout=PATIENCE)
    proxy.release()
    [kept] = relayed.unfinished
    lost = json.loads(kept.read_text())["file_id"]
    end_upload(relayed, lost)
    _, file_id = ids_of(relayed.done("file", "put", str(path), "--to", "bia"))
    assert file_id != lost
    relayed.done("file", "get", file_id, "-o", str(tmp_path / "copy"))
    assert digest(tmp_path / "copy") == digest(path)


@pytest.mark.parametrize("damaged", [False, True])
def test_fetching_that_was_stopped_goes_on_where_it_was(
    relayed: Relayed, tmp_path: Path, *, damaged: bool
) -> None:
    path, proxy = large_file(tmp_path, 4 + damaged), relayed.proxy
    _, file_id = ids_of(relayed.done("file", "put", str(path), "--to", "bia"))
    target = tmp_path / "copy"
    proxy.hold_after(DOWN, 20 * MIB)
    stopped = relayed.command("file", "get", file_id, "-o", str(target))
    proxy.wait_until_held()
    part = tmp_path / "copy.part"
    while part.stat().st_size < 15 * MIB:
        assert stopped.poll() is None
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate(timeout=PATIENCE)
    assert (stopped.returncode, out) == (130, "")
    assert "run the same command again" in err
    assert not target.exists()
    if damaged:
        with part.open("r+b") as file:
            file.write(os.urandom(16))
    proxy.release()
    assert relayed.done("file", "get", file_id, "-o", str(target)) == f"{target}\n"
    assert (proxy.passed[DOWN] < SIZE - 10 * MIB) is not damaged
    assert digest(target) == digest(path)
    assert not part.exists()


def test_fetching_goes_on_by_itself_when_the_server_was_killed(
    relayed: Relayed, tmp_path: Path
) -> None:
    path, proxy = large_file(tmp_path, 6), relayed.proxy
    _, file_id = ids_of(relayed.done("file", "put", str(path), "--to", "bia"))
    proxy.hold_after(DOWN, 20 * MIB)
    fetching = relayed.command("file", "get", file_id, "-o", str(tmp_path / "copy"))
    proxy.wait_until_held()
    relayed.kill()
    proxy.release()
    relayed.start()
    _, err = fetching.communicate(timeout=PATIENCE)
    assert (fetching.returncode, err) == (0, "")
    assert proxy.passed[DOWN] < SIZE - 10 * MIB
    assert digest(tmp_path / "copy") == digest(path)
