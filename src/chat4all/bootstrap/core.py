"""What every role stands on: the engines, the directory with its cache, who the people are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from chat4all.adapters.http.guarded_post import GuardedPost
from chat4all.bootstrap.connectors import Kind, installed_connectors
from chat4all.bootstrap.files import Files, open_files
from chat4all.bootstrap.parts import Parts
from chat4all.bootstrap.push import open_push
from chat4all.bootstrap.storage import Storage
from chat4all.bootstrap.telemetry import message_traces, open_telemetry, traced_storage
from chat4all.connectors.mock import PhoneNetwork
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import BadSettings
from chat4all.domain.public_addresses import AllowedAddresses, networks_of
from chat4all.ports.directory import Directory
from chat4all.ports.push import PushSender
from chat4all.ports.tracing import Tracing
from chat4all.ports.webhooks import Post
from chat4all.services.addresses import Addresses
from chat4all.services.counted_log import CountedLog
from chat4all.services.directory_cache import DirectoryCache, Freshness
from chat4all.services.directory_news import DirectoryNews
from chat4all.services.last_channel import LastChannels
from chat4all.services.message_traces import MessageTraces
from chat4all.services.people import People
from chat4all.services.phone_numbers import REGIONS
from chat4all.services.signals import Signals
from chat4all.services.templates import TemplateBook
from chat4all.services.watched_directory import WatchedDirectory
from chat4all.settings import Settings
from chat4all.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The engines and what several roles of a process share; `running` are its tasks.

    Without `tracing` nothing is followed.
    """

    settings: Settings
    storage: Storage
    metrics: Metrics
    tracing: Tracing | None
    message_traces: MessageTraces | None
    network: PhoneNetwork
    kinds: Mapping[str, Kind]
    addresses: Addresses
    directory: Directory
    news: DirectoryNews
    people: People
    last_channels: LastChannels
    signals: Signals
    templates: TemplateBook
    files: Files
    post: Post
    push: PushSender
    push_key: str
    running: Parts

    @property
    def capabilities(self) -> Mapping[str, Capabilities]:
        """Return what each platform can carry."""
        return {platform: kind.capabilities for platform, kind in self.kinds.items()}


@asynccontextmanager
async def open_core(
    settings: Settings, storage: Storage, network: PhoneNetwork
) -> AsyncIterator[Core]:
    """Build it on engines that are open. Enter `running` last: tasks end before what they use."""
    kinds = installed_connectors(settings, network)
    addresses = _addresses(settings, kinds)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(settings))
        metrics, tracing = telemetry.metrics, telemetry.tracing
        storage = traced_storage(storage, settings, tracing)
        storage = replace(storage, log=CountedLog(storage.log, metrics.parked))
        cache = DirectoryCache(storage.directory, fresh=Freshness(storage.cache_age))
        news = DirectoryNews(cache, storage.ephemeral.bus)
        directory = WatchedDirectory(storage.directory, cache, news)
        people = People(directory, cache)
        files = await stack.enter_async_context(
            open_files(
                settings,
                storage.files,
                people.conversation,
                directory.keys,
                storage.log,
                meter=metrics.files,
            )
        )
        allowed = AllowedAddresses(networks_of(settings.webhook_networks))
        post = await stack.enter_async_context(GuardedPost(allowed))
        push, push_key = await open_push(settings, post, directory.keys, stack)
        metrics.watch(
            "chat4all.ephemeral.shared",
            "whether limits and presence are shared by all nodes: 1, or 0 when that state is lost",
            lambda: int(storage.is_shared()),
        )
        yield Core(
            settings=settings,
            storage=storage,
            metrics=metrics,
            tracing=tracing,
            message_traces=message_traces(storage, tracing),
            network=network,
            kinds=kinds,
            addresses=addresses,
            directory=directory,
            news=news,
            people=people,
            last_channels=LastChannels(storage.ephemeral.leases),
            signals=Signals(storage.ephemeral.bus, people),
            templates=TemplateBook(),
            files=files,
            post=post,
            push=push,
            push_key=push_key,
            running=Parts(),
        )


def _addresses(settings: Settings, kinds: Mapping[str, Kind]) -> Addresses:
    region = settings.phone_region
    if region and region not in REGIONS:
        raise BadSettings(f"CHAT4ALL_PHONE_REGION: {region} is no country; write one such as BR")
    forms = {name: kind.capabilities.addresses for name, kind in kinds.items()}
    return Addresses(forms, region=region)
