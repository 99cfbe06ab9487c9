"""The script for a sharded cluster names what the program names."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chat4all.adapters.mongodb.schema import INDEXES
from tests.servers.cache import Missing, skip_for

SCRIPT = Path(__file__).parents[3] / "ops" / "database-init" / "02-mongo-init.js"

# A shell that only writes down what it is told.
SHELL = """
const told = {indexes: [], shards: {}, refused: 0};
const print = () => {};
const db = {
  getName: () => "chat",
  adminCommand: () => ({msg: SHARDED ? "isdbgrid" : undefined}),
  getCollection: (name) => ({
    createIndex: (keys, options) => told.indexes.push([name, Object.entries(keys), options]),
  }),
};
const sh = {
  shardCollection: (name, key, unique, options) => {
    if (REFUSES && options) { told.refused += 1; throw {codeName: "InvalidOptions"}; }
    told.shards[name] = key;
  },
};
"""


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        skip_for(Missing("needs Node.js (Debian: apt-get install nodejs)"))
    return found


def run(node: str, *, sharded: bool, refuses: bool = False) -> dict[str, Any]:
    given = SHELL.replace("SHARDED", json.dumps(sharded)).replace("REFUSES", json.dumps(refuses))
    source = f"{given}{SCRIPT.read_text()}\nconsole.log(JSON.stringify(told));"
    done = subprocess.run([node, "-e", source], capture_output=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_it_makes_the_indexes_of_the_program(node: str) -> None:
    told = run(node, sharded=False)
    made = {
        (
            collection,
            options["name"],
            tuple(key for key, _ in keys),
            options.get("unique", False),
            options.get("sparse", False),
        )
        for collection, keys, options in told["indexes"]
    }
    wanted = {(one.collection, one.name, one.keys, one.unique, one.sparse) for one in INDEXES}
    assert made == wanted
    assert all(order == 1 for _, keys, _ in told["indexes"] for _, order in keys)
    assert told["shards"] == {}


def test_every_unique_index_of_a_sharded_collection_begins_with_its_shard_key(node: str) -> None:
    shards = run(node, sharded=True)["shards"]
    keys = {name.removeprefix("chat."): next(iter(key)) for name, key in shards.items()}
    assert {"messages", "message_ids", "statuses", "cursors", "changes", "files"} <= set(keys)
    assert all(key == {name: "hashed"} for key in shards.values() for name in key)
    assert {
        one.keys[0] == keys[one.collection]
        for one in INDEXES
        if one.unique and one.collection in keys
    } == {True}


def test_a_server_that_makes_no_chunks_beforehand_shards_all_the_same(node: str) -> None:
    told = run(node, sharded=True, refuses=True)
    assert told["shards"] == run(node, sharded=True)["shards"]
    assert told["refused"] == len(told["shards"])
