"""The commands against a real server, and without one."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

FIXTURES = Path(__file__).parents[1] / "unit" / "chat_export" / "fixtures"


def test_a_message_can_be_sent_read_and_traced(served: Shell) -> None:
    sent = served.told("send", "Lunch?", "--to", "bia", "--wait")
    shown = served.done("history", "bia")
    assert f"{sent['seq']}  " in shown
    assert "ana: Lunch? ✓" in shown
    trace = served.told("trace", sent["message_id"])
    assert [hop["what"] for hop in trace["hops"]] == ["accepted", "logged", "stored"]
    assert "Lunch" not in served.done("trace", sent["message_id"])


def test_a_read_message_is_traced_to_its_reader(served: Shell) -> None:
    sent = served.told("send", "Read me", "--to", "bia", "--wait")
    bia = type(served)(served.data_dir, "bia")
    watched = bia.start("tail", "--conversation", sent["conversation_id"], "--json", "--count", "1")
    _wait_until_connected(watched)
    again = served.told("send", "Read me too", "--to", "bia", "--wait")
    out, _ = watched.communicate(timeout=60)
    [frame] = [json.loads(line) for line in out.splitlines()]
    assert (frame["type"], frame["message"]["message_id"]) == ("message", again["message_id"])


def test_the_same_id_is_sent_once(served: Shell) -> None:
    words = ["send", "Once", "--to", "bia", "--message-id", "01980f1d-9f00-7e21-b3c4-d5e6f7081901"]
    served.done(*words)
    served.done(*words)
    texts = [one["payload"]["text"] for one in served.told("history", "bia", "--limit", "500")]
    assert texts.count("Once") == 1


def test_a_message_is_scheduled_listed_and_cancelled(served: Shell) -> None:
    at = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    when = ("--at", at, "--time-zone", "Asia/Kathmandu")
    made = served.told("scheduled", "send", "Namaste", "--to", "bia", *when)
    assert made["local_time"].startswith(at)
    shown = served.done("scheduled", "list")
    assert made["message_id"] in shown
    assert "Namaste" in shown
    served.done("scheduled", "cancel", made["message_id"])
    assert served.told("scheduled", "list") == []
    [kept] = served.told("scheduled", "list", "--all")
    assert (kept["message_id"], kept["state"]) == (made["message_id"], "cancelled")
    refused = served.run("scheduled", "send", "Late", "--to", "bia", "--at", "2020-01-01T00:00:00Z")
    assert refused.returncode == 1
    assert "past" in refused.stderr
    refused = served.run("scheduled", "send", "Late", "--to", "bia", "--at", "yesterday")
    assert refused.returncode == 2
    assert "write a time such as" in refused.stderr


def test_history_can_start_after_a_number(served: Shell) -> None:
    for text in ("a", "b"):
        last = served.told("send", text, "--to", "bia", "--wait")
    found = served.told("history", "bia", "--after-seq", str(last["seq"] - 1))
    assert [one["seq"] for one in found] == [last["seq"]]
    [newest] = served.told("history", "bia", "--limit", "1")
    assert newest["seq"] >= last["seq"]


def test_a_contact_is_reached_by_name(served: Shell) -> None:
    made = served.told("contact", "add", "Carla", "--channel", "mock:+5562900000009")
    assert made["channels"][0]["external_id"] == "+5562900000009"
    served.done("send", "Hi Carla", "--to", "carla", "--wait")
    assert "Hi Carla" in served.done("history", "Carla")
    refused = served.run("send", "Hi", "--to", "Carlo")
    assert refused.returncode == 1
    assert "no user or contact called Carlo" in refused.stderr


def test_a_file_of_contacts_is_imported_once(served: Shell, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("name,phone\nTelma,(11) 98765-0001\nUgo,+55 11 98765-0002\n", "utf-8")
    words = ["contact", "import", str(file), "--region", "BR"]
    assert served.told(*words, "--dry-run")["created"] == 2
    assert served.told(*words)["created"] == 2
    assert served.told(*words)["unchanged"] == 2
    found = {one["display_name"]: one for one in served.told("contact", "list")}
    assert [one["external_id"] for one in found["Telma"]["channels"]] == ["5511987650001"]
    file.write_text("name,phone\nVera,+999123456789\n", "utf-8")
    refused = served.run(*words)
    assert refused.returncode == 1
    assert "country" in refused.stdout
    unknown = served.run("contact", "import", str(tmp_path / "contacts.txt"))
    assert unknown.returncode == 2
    assert "name it .csv or .vcf" in unknown.stderr


def test_contacts_are_merged_taken_apart_and_exported(served: Shell, tmp_path: Path) -> None:
    kept, other = [
        served.told("contact", "add", name, "--channel", f"mock:{name}")["id"]
        for name in ("Wanda", "Wanda-at-work")
    ]
    served.told("contact", "add", "Xavi", "--channel", "mock:x@y")
    served.told("contact", "add", "Xavier", "--channel", "telegram:X@y")
    assert "Xavier" in served.done("contact", "duplicates")
    words = ["contact", "merge", kept, other, "--name", "Wanda K.", "--prefer", "mock"]
    assert "Nothing was changed" in served.done(*words, "--dry-run")
    assert served.told(*words, "--dry-run")["conversation_count"] == 0
    merge = served.told(*words)["merge_id"]
    assert merge in served.done(*words)
    assert "can be undone until" in served.done("contact", "merges")
    listed = served.told("contact", "list", "--query", "wanda")
    assert [(one["display_name"], len(one["channels"])) for one in listed] == [("Wanda K.", 2)]
    for name in ("all.csv", "all.vcf"):
        file = tmp_path / name
        assert str(file) in served.done("contact", "export", str(file))
        told = served.told("contact", "import", str(file))
        assert (told["created"], told["merged"], told["refused"]) == (0, 0, 0)
        assert [one.name for one in tmp_path.glob("*.part")] == []
    assert "Wanda-at-work" in served.done("contact", "undo-merge", merge)
    listed = served.told("contact", "list", "--query", "wanda")
    assert sorted(one["id"] for one in listed) == sorted([kept, other])
    twice = served.run("contact", "merge", kept, kept)
    assert twice.returncode == 1
    assert "itself" in twice.stderr
    assert served.run("contact", "export", str(tmp_path / "all.txt")).returncode == 2


def test_an_export_is_imported_once(served: Shell) -> None:
    words = ["import", str(FIXTURES / "whatsapp-ios-en.txt"), "--owner", "ana", "--me", "Ana"]
    words += ["--chat-name", "Hiking club"]
    first = served.told(*words)
    again = served.told(*words)
    [chat], [repeated] = first["chats"], again["chats"]
    assert chat["added"] + len(chat["skipped"]) == 14
    assert (repeated["added"], repeated["existing"]) == (0, chat["added"])
    history = served.done("history", "Hiking club")
    assert "Bob: me: the old one" in history
    assert "Ana: Good morning!" not in history  # it is ana, the owner
    assert "ana: Good morning!" in history


def test_the_integrity_holds(served: Shell) -> None:
    report = served.told("check")
    assert report["ok"]
    assert set(report["findings"].values()) == {0}
    assert "cursor_mismatch" in served.done("check")


def test_a_message_that_was_taken_out_of_the_database_is_repaired(served: Shell) -> None:
    sent = [served.told("send", text, "--to", "bia", "--wait") for text in ("one", "two", "three")]
    lost = sent[1]["message_id"]
    db = sqlite3.connect(served.data_dir / "messages.sqlite3", timeout=20)
    with db:
        db.execute("DELETE FROM message WHERE id = ?", (uuid.UUID(lost).bytes,))
    db.close()
    broken = served.run("check")
    assert broken.returncode == 1
    assert f"message {lost} was accepted and is not stored" in broken.stdout
    lacking = served.done("repair", "--dry-run")
    assert f"message {lost} was accepted and is not stored" in lacking
    assert "1 lacking, 0 cannot be filled in." in lacking
    done = served.told("repair", "--since", "2026-01-01T00:00:00Z")
    assert (done["filled"], done["unclear"]) == (1, 0)
    assert served.told("check")["ok"]
    shown = served.told("history", "bia", "--after-seq", str(sent[0]["seq"] - 1))
    assert [one["message_id"] for one in shown][:3] == [one["message_id"] for one in sent]
    assert "0 filled in, 0 cannot be filled in." in served.done("repair")
    refused = served.run("repair", "--since", "yesterday")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)


def test_accounts_are_added_tested_and_removed(served: Shell) -> None:
    served.done("connectors", "add", "mock", "--owner", "ana", "--name", "More phones")
    assert served.told("connectors", "test", "More phones")["platform"] == "mock"
    listed = served.told("connectors", "list")
    assert "More phones" in [one["name"] for one in listed["accounts"]]
    served.done("connectors", "remove", "More phones", "--yes")
    assert served.run("connectors", "test", "More phones").returncode == 1


def test_dead_letters_are_listed_and_redriven(served: Shell) -> None:
    assert served.told("dead-letters", "list", "--open") == []
    assert "id" in served.done("dead-letters", "list", "--code", "unauthorized")
    assert served.done("dead-letters", "redrive", "--all").strip() == "Tried 0 letters again."
    unknown = served.run("dead-letters", "redrive", "0.99")
    assert (unknown.returncode, "no dead letter 0.99" in unknown.stderr) == (1, True)
    assert served.run("dead-letters", "show", "0.99").returncode == 1
    for wrong in ([], ["0.1", "--all"], ["0.1", "--code", "x"]):
        assert served.run("dead-letters", "redrive", *wrong).returncode == 2


def test_the_state_of_an_account_is_listed(served: Shell) -> None:
    [account, *_] = served.told("connectors", "list")["accounts"]
    assert account["state"] == "connected"
    assert "connected" in served.done("connectors", "list")


def test_a_service_gets_a_secret(served: Shell) -> None:
    made = served.told("user", "create", "reports", "--service")
    assert made["client_id"] == "reports"
    assert len(made["client_secret"]) > 30
    kinds = {one["username"]: one["kind"] for one in served.told("user", "list")}
    assert kinds["reports"] == "service"
    assert kinds["bia"] == "person"


def test_a_refusal_is_one_line_and_exit_1(served: Shell) -> None:
    taken = served.run("user", "create", "bia", "--password-stdin", stdin="another password")
    assert taken.returncode == 1
    assert taken.stderr.startswith("chat4all: ")
    assert taken.stderr.count("\n") == 1
    stranger = type(served)(served.data_dir, "nobody")
    refused = stranger.run("history", "bia")
    assert refused.returncode == 1
    assert "cannot sign in" in refused.stderr


def test_commands_work_where_no_server_runs(shell: Shell) -> None:
    shell.done("user", "create", "ana", "--password-stdin", stdin="correct horse battery")
    assert [one["username"] for one in shell.told("user", "list")] == ["operator", "ana"]
    assert shell.told("check")["ok"]


@pytest.mark.chaos
def test_a_tail_misses_and_repeats_nothing_when_the_server_is_killed(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    bia = type(shell)(shell.data_dir, "bia")
    server = _serve(shell, port)
    for username in ("ana", "bia"):
        shell.done("user", "create", username, "--password-stdin", stdin="correct horse battery")
    watching = bia.start("tail", "--json", "--count", "4")
    _wait_until_connected(watching)
    shell.done("send", "one", "--to", "bia", "--wait")
    server.kill()
    server.communicate()
    # The file of the killed server is still there: the command opens the folder itself.
    assert (shell.data_dir / "operator.json").exists()
    shell.done("send", "two", "--to", "bia", "--wait")
    shell.done("send", "three", "--to", "bia", "--wait")
    server = _serve(shell, port)
    try:
        out, _ = watching.communicate(timeout=60)
    finally:
        watching.kill()
        server.terminate()
        server.communicate(timeout=60)
    frames = [json.loads(line) for line in out.splitlines()]
    texts = [one["message"]["payload"]["text"] for one in frames if one["type"] == "message"]
    assert texts == ["one", "two", "three"]


def _serve(shell: Shell, port: str) -> subprocess.Popen[str]:
    server = shell.start("serve", "--port", port)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("Chat4All is ready")
    return server


def _wait_until_connected(watched: subprocess.Popen[str]) -> None:
    assert watched.stderr is not None
    assert watched.stderr.readline().startswith("Connected to ")


def test_a_program_gets_a_key_that_is_rotated_and_revoked(served: Shell) -> None:
    whose = ("--username", "ana")
    served.done("key", "account", "shop-reports", *whose)
    scopes = ("--scope", "read", "--scope", "send")
    made = served.told("key", "create", "shop-reports", *scopes, "--days", "90", *whose)
    assert made["key"].startswith("c4a_")
    shown = served.done("key", "list", "shop-reports", *whose)
    assert made["hint"] in shown
    assert made["key"] not in shown
    new = served.told("key", "rotate", "shop-reports", made["id"], "--overlap", "0", *whose)
    served.done("key", "revoke", "shop-reports", new["id"], *whose)
    listed = served.told("key", "list", "shop-reports", *whose)
    assert [one["revoked_at"] is None for one in listed] == [False, False]


def test_an_operator_makes_keys_for_the_accounts_without_an_owner(served: Shell) -> None:
    served.done("user", "create", "backups", "--service", "--admin")
    made = served.told("key", "create", "backups", "--scope", "admin")
    assert made["scopes"] == ["admin"]
    assert [one["id"] for one in served.told("key", "list", "backups")] == [made["id"]]
