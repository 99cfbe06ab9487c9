"""The contract of gRPC: in style, compatible with what it was, and what the code is made of."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.servers.cache import Missing, skip_for
from tests.servers.grpc_packages import PACKAGES

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto"


@pytest.fixture(scope="module")
def buf() -> Path:
    try:
        return PACKAGES.folder() / "node_modules/.bin/buf"
    except Missing as missing:
        skip_for(missing)


def run(*command: object, home: Path) -> None:
    done = subprocess.run(
        [str(one) for one in command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def git(*words: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        pytest.skip("git is not on the PATH")
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"git tells no history of the contract: {done.stderr.decode()}")
    return done.stdout


def earlier() -> list[str]:
    """Return the last two commits that changed the contract."""
    return git("log", "-2", "--format=%H", "--", "proto").decode().split()


def contract_of(commit: str, folder: Path) -> Path:
    """Write the contract as it was into `folder`."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "proto"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "proto"


def test_the_checked_in_code_is_what_the_contract_says() -> None:
    run(ROOT / "scripts/protos", "--check", home=Path.home())


def test_the_contract_is_in_the_style_of_its_field(buf: Path, tmp_path: Path) -> None:
    run(buf, "lint", PROTO, home=tmp_path)


def test_the_contract_breaks_no_client_of_what_it_was(buf: Path, tmp_path: Path) -> None:
    for number, commit in enumerate(earlier()):
        before = contract_of(commit, tmp_path / str(number))
        run(buf, "breaking", PROTO, "--against", before, home=tmp_path)


def test_what_would_break_a_client_is_found(buf: Path, tmp_path: Path) -> None:
    now = contract_of("HEAD", tmp_path / "now")
    before = contract_of("HEAD", tmp_path / "before")
    file = now / "chat4all/v1/message.proto"
    file.write_text(file.read_text().replace("int64 seq = 3;", "int32 seq = 3;"))
    with pytest.raises(AssertionError, match="seq"):
        run(buf, "breaking", now, "--against", before, home=tmp_path)
