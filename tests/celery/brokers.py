"""Real brokers: those that the environment names, or servers that are started here and leave no traces."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

# Debian's program of the same name on the PATH changes the user, who then owns none of the folders.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_PATIENCE = 90


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on a port of its own; what runs is ended by its process."""

    program: str

    def __init__(self, folder):
        self.folder, self.port, self.processes = folder, free_port(), []

    def run(self, *command, **environ):
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environ}
            )
        self.processes.append(process)

    def wait(self):
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", self.port), 1)):
                return self
            time.sleep(0.05)
        raise RuntimeError(f"{self.program} does not start; see {self.folder}")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(_PATIENCE)
        self.processes.clear()


class Redis(Server):
    program, variable = "redis-server", "CRMKIT_TEST_REDIS_URL"

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder))
        self.run(self.program, *options)
        return self.wait()


class RabbitMQ(Server):
    program, variable = "rabbitmq-server", "CRMKIT_TEST_AMQP_URL"

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self):
        names = str(free_port())
        (self.folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (self.folder / "enabled").write_text("[].\n")
        local = {"HOME": str(self.folder), "ERL_EPMD_PORT": names, "ERL_EPMD_ADDRESS": "127.0.0.1"}
        # Erlang's directory of names goes on in the background unless it is started first, here.
        self.run("epmd", "-port", names, **local)
        self.run(
            str(_DEBIAN) if _DEBIAN.exists() else self.program,
            RABBITMQ_NODENAME=f"crmkit{self.port}@localhost",
            RABBITMQ_DIST_PORT=str(free_port()),
            RABBITMQ_CONFIG_FILE=str(self.folder / "rabbitmq"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(self.folder / "enabled"),
            RABBITMQ_MNESIA_BASE=str(self.folder / "data"),
            RABBITMQ_LOG_BASE=str(self.folder / "log"),
            RABBITMQ_PID_FILE=str(self.folder / "pid"),
            RABBITMQ_CONF_ENV_FILE=os.devnull,
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
            **local,
        )
        return self.wait()


class Foreign:
    """A server that is somebody else's: it goes on."""

    def __init__(self, url):
        self.url = url


def broker_of(kind, folder):
    """Return a running server of *kind*, or skip the test."""
    if url := os.environ.get(kind.variable):
        return Foreign(url)
    if shutil.which(kind.program) is None:
        pytest.skip(f"neither is {kind.variable} set nor {kind.program} installed")
    return kind(folder).start()


@pytest.fixture(scope="session")
def running_brokers(tmp_path_factory):
    """Start brokers when they are asked for, and stop them in the end."""
    running = {}

    def get(kind):
        if kind not in running:
            running[kind] = broker_of(kind, tmp_path_factory.mktemp(kind.program))
        return running[kind]

    yield get
    for broker in running.values():
        if isinstance(broker, Server):
            broker.stop()
