"""A simulated WhatsApp, for tests and for developing without an account.

simulator = WhatsAppSimulator()
number = simulator.add_number()
ana = simulator.add_person("Ana")
async with simulator.serve() as server:
    ...  # point a Cloud API client at server.url
    await simulator.subscribe(number, "http://127.0.0.1:8000/v1/webhooks/whatsapp/ACCOUNT")
    ana.write("Hello")
    await ana.wait_for(lambda chat: "Welcome!" in chat.texts)
    ana.read()
"""

from chat4all.testing.clock import ManualClock
from chat4all.testing.whatsapp.callbacks import SIGNATURE_HEADER, Backoff, signature
from chat4all.testing.whatsapp.errors import ChallengeFailed, NoSuchParticipant, SimulationError
from chat4all.testing.whatsapp.faults import Fault, FaultKind
from chat4all.testing.whatsapp.files import FileLimits
from chat4all.testing.whatsapp.limits import NO_LIMITS, RateLimits
from chat4all.testing.whatsapp.model import Number, Person
from chat4all.testing.whatsapp.phone import ChatView, Phone, SeenMessage
from chat4all.testing.whatsapp.simulator import SimulatorServer, WhatsAppSimulator
from chat4all.testing.whatsapp.templates import Template

__all__ = [
    "NO_LIMITS",
    "SIGNATURE_HEADER",
    "Backoff",
    "ChallengeFailed",
    "ChatView",
    "Fault",
    "FaultKind",
    "FileLimits",
    "ManualClock",
    "NoSuchParticipant",
    "Number",
    "Person",
    "Phone",
    "RateLimits",
    "SeenMessage",
    "SimulationError",
    "SimulatorServer",
    "Template",
    "WhatsAppSimulator",
    "signature",
]
