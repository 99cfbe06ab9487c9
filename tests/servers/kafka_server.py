"""One node of Apache Kafka (KRaft) on free loopback ports, for as long as a context lasts.

Maven fetches its jars once, into the folder of `cache`.
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.cache import Missing, alone, cache_folder, skip_for
from tests.servers.process import free_port

VERSION = "3.9.1"
PATIENCE = 90.0  # seconds until it answers
_JARS = "kafka_2.13"
_NAME = f"kafka-{VERSION}"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>servers</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>{jars}</artifactId>
<version>{version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId>
<version>1.7.36</version></dependency>
</dependencies></project>
"""
_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{at}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""
_LOGGING = """
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m %c%n
"""


class KafkaServer:
    """One server; killed and started again it has what it had.

    `at` is the port that it names to clients, where that is not the one it listens on.
    """

    def __init__(self, folder: Path, *, at: int | None = None, port: int | None = None) -> None:
        self._folder = folder
        self._jars = jars()
        self.port, controller = port or free_port(), free_port()
        self._settings = folder / "server.properties"
        self._settings.write_text(
            _SETTINGS.format(
                port=self.port, at=at or self.port, controller=controller, data=folder / "data"
            )
        )
        (folder / "log4j.properties").write_text(_LOGGING)
        self._process: subprocess.Popen[bytes] | None = None
        if not (folder / "data" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One in 64 names begins with a dash, which must not look like an option.
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={name}"]
        tool += ["-c", str(self._settings)]
        subprocess.run([*self._java(), *tool], check=True, capture_output=True)

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        command = [*self._java(), "kafka.Kafka", str(self._settings)]
        with (self._folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "kafka.log").read_text()[-5_000:]
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _java(self) -> list[str]:
        logging = f"-Dlog4j.configuration=file:{self._folder / 'log4j.properties'}"
        quick = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return ["java", *quick, logging, "-cp", f"{self._jars}/*"]

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def jars() -> Path:
    """Return the folder of the jars. Raises `Missing`."""
    folder = cache_folder() / _NAME / "jars"
    if shutil.which("java") is None:
        raise Missing("Kafka needs Java (Debian: apt-get install default-jre-headless)")
    if not folder.is_dir():
        raise Missing("Kafka's jars are not here; `scripts/servers` fetches them with Maven")
    return folder


def build() -> Path:
    """Fetch the jars unless they are there. Raises `Missing`."""
    with alone(_NAME) as folder:
        if (folder / "jars").is_dir():
            return jars()
        if shutil.which("mvn") is None:
            raise Missing("Kafka's jars need Maven (Debian: apt-get install maven)")
        (folder / "pom.xml").write_text(_POM.format(jars=_JARS, version=VERSION))
        goal = ["dependency:copy-dependencies", "-DoutputDirectory=new", "-DincludeScope=runtime"]
        command = ["mvn", "-q", "-B", *goal]
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise Missing(f"Kafka's jars cannot be fetched:\n{done.stdout.decode()[-2000:]}")
        (folder / "new").rename(folder / "jars")
        return jars()


@contextmanager
def kafka_server(folder: Path, *, at: int | None = None) -> Iterator[KafkaServer]:
    try:
        server = KafkaServer(folder, at=at)
    except Missing as missing:
        skip_for(missing)
    try:
        server.start()
        yield server
    finally:
        server.stop()
