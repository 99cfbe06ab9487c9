"""What is moved from where to where, and a whole data folder that moves to another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat4all.bootstrap.moving import move, plan_move
from chat4all.bootstrap.storage import locked, open_messages, open_storage
from chat4all.domain.errors import BadSettings, DataFolderInUse, MoveRefused
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.router import worker
from chat4all.services.file_objects import keep_object, object_key
from chat4all.settings import Settings, load_settings
from chat4all.testing.file_records import a_file
from chat4all.testing.message_storage import Talk
from tests.unit.moving.counted import Counted

MONGO, POSTGRES = "mongodb://u:secret@h/db", "postgresql://u:secret@h/db"
KAFKA, S3 = "kafka://h:9092/p", "s3://bucket"


def settings(folder: Path, **more: str) -> Settings:
    return load_settings({"data_dir": folder, **more}, {})


def test_an_address_names_its_engine_by_the_scheme(tmp_path: Path) -> None:
    plan = plan_move(settings(tmp_path, host="0.0.0.0"), [], [POSTGRES, KAFKA, S3, MONGO])  # noqa: S104 - it listens nowhere
    assert plan.moved == ["messages_url", "objects_url", "log_url", "directory_url"]
    target = plan.target
    assert (target.messages_url, target.directory_url, target.log_url, target.objects_url) == (
        MONGO,
        POSTGRES,
        KAFKA,
        S3,
    )
    assert (plan.source.data_dir, plan.source.host) == (tmp_path, "0.0.0.0")  # noqa: S104


def test_what_is_not_named_stays_where_it_is(tmp_path: Path) -> None:
    now = settings(tmp_path, log_url=KAFKA)
    plan = plan_move(now, [], [MONGO])
    assert plan.moved == ["messages_url"]
    assert plan.target.log_url == KAFKA


def test_a_data_folder_is_all_that_is_not_named_otherwise(tmp_path: Path) -> None:
    away = settings(tmp_path, messages_url=MONGO, log_url=KAFKA, directory_url=POSTGRES)
    plan = plan_move(away, [], [f"sqlite://{tmp_path}", S3])
    assert plan.moved == ["messages_url", "objects_url", "log_url", "directory_url"]
    assert (plan.target.messages_url, plan.target.objects_url) == ("", S3)
    other = plan_move(away, [f"sqlite://{tmp_path}/old"], [MONGO])
    assert (other.source.data_dir, other.source.log_url) == (tmp_path / "old", "")
    assert other.moved == ["messages_url"]


@pytest.mark.parametrize("slashes", ["//", "///"])
def test_a_folder_is_the_same_one_with_three_slashes_and_with_four(
    tmp_path: Path, slashes: str
) -> None:
    with pytest.raises(BadSettings, match="nothing to move"):
        plan_move(settings(tmp_path), [], [f"sqlite:{slashes}{tmp_path}"])
    plan = plan_move(settings(tmp_path), [], [f"sqlite:{slashes}{tmp_path}/new"])
    assert str(plan.target.data_dir) == f"{tmp_path}/new"


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([], "nothing to move"),
        (["redis://u:secret@h"], "redis:// names no engine"),
        (["/srv/data"], "without a scheme"),
        ([MONGO, MONGO], "two addresses"),
        (["sqlite:///"], "names no folder"),
        (["sqlite:////srv/messages.sqlite3"], "is a file"),
        (["mongodb://[u:secret@h/db"], "cannot be read"),
    ],
)
def test_what_cannot_be_is_told_and_no_secret(
    tmp_path: Path, targets: list[str], said: str
) -> None:
    with pytest.raises(BadSettings, match=said) as refused:
        plan_move(settings(tmp_path), [], targets)
    assert "secret" not in str(refused.value)


async def test_a_folder_moves_to_another_one_and_its_log_counts_on(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    talk = Talk()
    async with open_storage(settings(old)) as storage:
        effects = talk.many(5)
        await storage.messages.apply(effects)
        file = await storage.files.records.add(a_file())
        await keep_object(storage.files.objects, object_key(file.id), b"bytes", "text/plain")
        await storage.directory.keys.get_or_set("signing", "key")
        await storage.log.append([Record(COMMANDS, "k", b"submit")] * 3)
        async with storage.log.consume(COMMANDS, worker.GROUP) as consumer:
            await consumer.next(limit=3)
            await consumer.commit(Position(0, 2))
    with pytest.raises(MoveRefused, match="1 files are being uploaded"):
        await move(plan_move(settings(old), [], [f"sqlite://{new}"]), Counted())
    plan = plan_move(settings(old), [], [f"sqlite://{new}"], drop_uploads=True)
    with locked(old), pytest.raises(DataFolderInUse):
        await move(plan, Counted())
    counts = await move(plan, Counted())
    assert (counts["messages"], counts["files"], counts["objects"]) == (5, 1, 1)
    assert (counts["conversations"], counts["rows of conversations"]) == (1, 0)
    assert await move(plan, Counted(), only_verify=True) == counts
    async with open_storage(settings(new)) as storage:
        heads = await storage.messages.heads([talk.id])
        assert heads[talk.id].max_seq == 5
        assert await storage.directory.keys.get_or_set("signing", "other") == "key"
        assert await storage.log.append([Record(COMMANDS, "k", b"next")]) == [Position(1, 0)]
    with pytest.raises(MoveRefused, match="used since"):
        await move(plan, Counted())


async def test_no_server_starts_on_an_unfinished_copy(tmp_path: Path) -> None:
    async with open_messages(settings(tmp_path)) as messages:
        await messages.set_unfinished(True)
    with pytest.raises(MoveRefused, match="unfinished copy"):
        async with open_storage(settings(tmp_path)):
            pass


async def test_a_folder_that_is_none_is_refused_and_not_made(tmp_path: Path) -> None:
    plan = plan_move(settings(tmp_path / "wrong"), [], [f"sqlite://{tmp_path}/new"])
    with pytest.raises(MoveRefused, match="there is no messages"):
        await move(plan, Counted())
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - a test may wait
