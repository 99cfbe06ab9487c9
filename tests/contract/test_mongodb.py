"""Messages and records of files in MongoDB, on every server that speaks its protocol."""

from __future__ import annotations

import pytest

from chat4all.adapters.mongodb.file_records import MongoFileRecords
from chat4all.adapters.mongodb.message_store import MongoMessageStore
from chat4all.domain.ids import ConversationId, MessageId
from chat4all.domain.messages import Cursor
from chat4all.testing.file_records import FileRecordsContract, OpenRecords
from chat4all.testing.integrity import Corruption, IntegrityContract
from chat4all.testing.message_history import MessageHistoryContract
from chat4all.testing.message_model import MessageModelContract
from chat4all.testing.message_search import MessageSearchContract
from chat4all.testing.message_storage import OpenStore
from chat4all.testing.message_store import MessageStoreContract
from tests.contract.mongo_database import opened_database
from tests.servers.mongo_server import MongoServer


class MongoCorruption:
    def __init__(self, url: str) -> None:
        self._url = url

    async def remove(self, message: MessageId) -> None:
        async with opened_database(self._url) as database:
            gone = await database["messages"].delete_one({"message_id": message})
            assert gone.deleted_count == 1

    async def repeat(self, message: MessageId, conversation: ConversationId, seq: int) -> None:
        async with opened_database(self._url) as database:
            messages = database["messages"]
            await messages.drop_index("message")
            one = await messages.find_one({"message_id": message})
            assert one is not None
            del one["_id"]
            await messages.insert_one({**one, "conversation_id": conversation, "seq": seq})

    async def set_cursor(self, cursor: Cursor) -> None:
        place = {"conversation_id": cursor.conversation_id, "user_id": cursor.user_id}
        state = {"delivered": cursor.last_delivered_seq, "read": cursor.last_read_seq}
        async with opened_database(self._url) as database:
            changed = await database["cursors"].update_one(place, {"$set": state})
            assert changed.matched_count == 1


TWO_STEPS = "FerretDB updates in two steps, not atomically; MongoDB does it in one"
ATOMIC = frozenset(
    {
        "test_of_many_that_leave_a_state_one_does",
        "test_a_quota_holds_for_all_at_once",
        "test_of_two_peers_one_gets_the_place",
    }
)


@pytest.fixture(autouse=True)
def atomic(mongo: MongoServer, request: pytest.FixtureRequest) -> None:
    if mongo.kind == "ferretdb" and request.node.originalname in ATOMIC:
        pytest.skip(TWO_STEPS)


class TestMessages(
    MessageStoreContract,
    MessageHistoryContract,
    MessageSearchContract,
    IntegrityContract,
    MessageModelContract,
):
    tells_winners = False  # of a batch that another has finished; the router looks again

    @pytest.fixture
    def opened(self, url: str) -> OpenStore:
        return lambda: MongoMessageStore(url)

    @pytest.fixture
    def corrupt(self, url: str) -> Corruption:
        return MongoCorruption(url)


class TestFiles(FileRecordsContract):
    @pytest.fixture
    def opened(self, url: str) -> OpenRecords:
        return lambda: MongoFileRecords(url)
