"""A simulated Telegram, for tests and for developing without an account.

async with TelegramSimulator().serve() as server:
    token = server.simulator.add_bot("my_bot")
    ana = server.simulator.add_person("Ana")
    ...  # point a Bot API client at server.url
    ana.start()
    await ana.wait_for(lambda chat: "Welcome!" in chat.texts)
"""

from chat4all.testing.clock import ManualClock
from chat4all.testing.telegram.errors import NoSuchParticipant, SimulationError
from chat4all.testing.telegram.faults import Fault, FaultKind
from chat4all.testing.telegram.files import FileLimits, Media
from chat4all.testing.telegram.limits import NO_LIMITS, RateLimits
from chat4all.testing.telegram.model import Contact, Location
from chat4all.testing.telegram.phone import ChatView, Phone, SeenMessage, SeenReaction
from chat4all.testing.telegram.simulator import (
    SimulatorServer,
    TelegramSimulator,
    describe,
    run_telegram_simulator,
)
from chat4all.testing.telegram.webhook import SECRET_HEADER, Backoff

__all__ = [
    "NO_LIMITS",
    "SECRET_HEADER",
    "Backoff",
    "ChatView",
    "Contact",
    "Fault",
    "FaultKind",
    "FileLimits",
    "Location",
    "ManualClock",
    "Media",
    "NoSuchParticipant",
    "Phone",
    "RateLimits",
    "SeenMessage",
    "SeenReaction",
    "SimulationError",
    "SimulatorServer",
    "TelegramSimulator",
    "describe",
    "run_telegram_simulator",
]
