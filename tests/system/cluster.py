"""A real Slurm on this machine: a controller, some nodes with pretended GPUs, and a munge of their own.

Everything lies in one folder and listens on loopback; no system service and no right of root is needed, and a
cgroup only where memory is to be limited.
"""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import until

NEEDED = ("slurmctld", "slurmd", "munged", "sbatch")
NEEDED_FOR_ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db", "mariadb", "sacctmgr")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
CONFIGURATION = """
ClusterName=rehearsal
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/%n.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/{tracking}
TaskPlugin=task/{tasks}
SwitchType=switch/none
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
EnforcePartLimits=ALL
KillWait=3
SlurmdTimeout=10
SlurmctldTimeout=10
MinJobAge={memory_s}
PrivateData={private}
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/ended.log
GresTypes=gpu
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] \
CPUs=4 RealMemory=4000 Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES MaxTime=1:00:00 PriorityTier=10
PartitionName=low Nodes=ALL MaxTime=1:00:00 PriorityTier=1 PreemptMode=REQUEUE
"""
ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations,limits,qos
"""
DATABASE = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser={user}
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql}
StorageUser=slurm
StoragePass=slurm
StorageLoc=jobs
"""


MEMORY_CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1, which root may make more of
LIMIT = f"""
CgroupPlugin=cgroup/v1
CgroupMountpoint={MEMORY_CGROUPS.parent}
ConstrainRAMSpace=yes
"""


def missing(*, accounting: bool = False) -> list[str]:
    """Programs that a cluster needs and this machine does not have."""
    wanted = NEEDED + (NEEDED_FOR_ACCOUNTING if accounting else ())
    return [name for name in wanted if shutil.which(name, path=PATH) is None]


class Cluster:
    """One cluster, from `up` to `down`. `environment` is all that a client needs."""

    def __init__(
        self,
        *,
        nodes: int = 2,
        accounting: bool = False,
        limited: bool = False,
        private: bool = False,
        forgets: bool = False,
    ) -> None:
        # Sockets have names of 108 bytes at most, which pytest's folders would exceed.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.accounting, self.limited = (
            accounting,
            limited,
        )  # limited: jobs get no more memory than they asked for
        self.private = private  # people see their own jobs alone
        self.forgets = forgets or accounting  # the queue forgets within seconds that a job has ended
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": PATH}
        self.environment["XDG_CACHE_HOME"] = str(self.folder / "cache")
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._over = threading.Event()

    def up(self) -> "Cluster":
        """Write the configuration, start everything, and wait until all nodes are idle."""
        self._configure()
        key = self.folder / "munge" / "munge.key"
        key.parent.mkdir(mode=0o700)
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = {
            "key-file": "munge.key",
            "log-file": "munged.log",
            "seed-file": "munged.seed",
            "pid-file": "munged.pid",
        }
        options = [f"--{name}={self.folder}/munge/{file}" for name, file in files.items()]
        self._start("munged", "--foreground", f"--socket={self.folder}/munge.socket", *options)
        until(lambda: (self.folder / "munge.socket").exists())
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        until(
            lambda: (
                self.ask("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split() == ["idle"] * len(self.nodes)
            )
        )
        threading.Thread(target=self._be_impatient, daemon=True).start()
        return self

    def down(self) -> None:
        """End every process of the cluster, and remove its folder."""
        self._over.set()
        # The controller first: it would wait for nodes that are gone.
        for name in sorted(self._daemons, key=lambda name: name != "slurmctld"):
            self._kill(name)
        for process in [*self._steps(), *self.tasks()]:
            _kill(process)
        for kind in ("freezer", "memory") if self.limited else ():
            for node in self.nodes:
                left = MEMORY_CGROUPS.parent / kind / f"slurm_{node}"
                for group in sorted([left, *left.rglob("*/")], reverse=True):
                    with contextlib.suppress(OSError):
                        group.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *command: str) -> str:
        """What one of Slurm's commands prints; "" where it fails."""
        answer = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return answer.stdout.strip() if answer.returncode == 0 else ""

    def state(self, job: str) -> str:
        """The state of a job, as Slurm has it."""
        return self.ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T")

    def ends(self, job: str) -> set[str]:
        """Every state in which a job has ended so far, as Slurm wrote it down at the time.

        A controller that is killed may forget the end of a job, and run it again.
        """
        return {each["JobState"] for each in self._ended() if each.get("JobId") == job}

    def submitted(self) -> set[tuple[str, str]]:
        """(number, name) of every job there has been, also of those that the queue has forgotten."""
        ended = {(each["JobId"], each["Name"]) for each in self._ended() if "JobId" in each}
        return ended | {(number, name) for number, name, _ in self.jobs()}

    def _ended(self) -> list[dict[str, str]]:
        log = self.folder / "ended.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [dict(word.partition("=")[::2] for word in line.split()) for line in lines]

    def jobs(self) -> list[tuple[str, str, str]]:
        """(number, name, state) of every job there has been."""
        lines = self.ask("squeue", "-h", "-t", "all", "-o", "%F|%j|%T").splitlines()
        return sorted({(number, name, state) for number, name, state in (line.split("|") for line in lines)})

    def start_controller(self) -> None:
        """Start the controller, which may have been killed before."""
        self._start("slurmctld", "-D", "-f", self.environment["SLURM_CONF"])

    def kill_controller(self) -> None:
        """Kill the controller; jobs go on."""
        self._kill("slurmctld")

    def start_node(self, node: str) -> None:
        """Start a node, which may have crashed before."""
        (self.folder / "spool" / node).mkdir(parents=True, exist_ok=True)
        self._start(node, "-D", "-f", self.environment["SLURM_CONF"], "-N", node, program="slurmd")

    def crash_node(self, node: str) -> None:
        """Kill a node and all that runs on it, at once."""
        steps = self._steps(node)
        self._kill(node)
        for process in [*steps, *self.tasks(node)]:
            _kill(process)

    def fail_node(self, node: str) -> None:
        """Crash a node and have the controller notice now, not after half a minute."""
        self.crash_node(node)
        self.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=rehearsal")

    def node_of(self, job: str) -> str:
        """Where a job runs."""
        return self.ask("squeue", "-h", "-j", job, "-o", "%N")

    def _configure(self) -> None:
        for name in ("log", "state", "spool", "cache", "gpu"):
            (self.folder / name).mkdir()
        port = _free_ports(len(self.nodes) + 3)
        user = self.ask("id", "-un")
        values = {
            "folder": self.folder,
            "host": socket.gethostname().split(".")[0],
            "user": user,
            "port": port,
        }
        # With accounting the queue forgets at once, so that accounting is what must be asked.
        values |= {"memory_s": 2 if self.forgets else 600, "private": "jobs" if self.private else "none"}
        values |= {"nodes": len(self.nodes), "first": port + 1, "last": port + len(self.nodes)}
        values |= (
            {"tracking": "cgroup", "tasks": "cgroup"}
            if self.limited
            else {"tracking": "linuxproc", "tasks": "none"}
        )
        database = {
            "folder": self.folder,
            "user": user,
            "port": values["last"] + 1,
            "sql": values["last"] + 2,
        }
        self._sql_port = database["sql"]
        text = CONFIGURATION.format(**values) + (ACCOUNTING.format(**database) if self.accounting else "")
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "slurmdbd.conf").write_text(DATABASE.format(**database))
        (self.folder / "slurmdbd.conf").chmod(0o600)
        # A GPU has to be a character device; what a link points to counts.
        for number in (0, 1):
            (self.folder / "gpu" / f"gpu{number}").symlink_to("/dev/null")
        gpus = f"NodeName=n[1-{len(self.nodes)}] Name=gpu File={self.folder}/gpu/gpu[0-1]\n"
        (self.folder / "gres.conf").write_text(gpus)
        (self.folder / "cgroup.conf").write_text("ConstrainCores=no\n" + (LIMIT if self.limited else ""))

    def _start_accounting(self) -> None:
        data, user = self.folder / "sql", self.ask("id", "-un")
        root = [
            f"--user={user}",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={user}",
        ]
        self.ask("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", *root)
        where = [f"--datadir={data}", f"--socket={self.folder}/sql.socket", f"--port={self._sql_port}"]
        swift = ["--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve", "--bind-address=127.0.0.1"]
        self._start("mariadbd", "--no-defaults", f"--user={user}", *where, *swift)
        sql = ["mariadb", "--no-defaults", "-S", f"{self.folder}/sql.socket", "-u", user, "-N", "-e"]
        until(lambda: self.ask(*sql, "select 1") == "1")
        self.ask(*sql, "create database jobs; create user slurm@'127.0.0.1' identified by 'slurm'")
        self.ask(*sql, "grant all on jobs.* to slurm@'127.0.0.1'")
        self._start("slurmdbd", "-D")
        until(lambda: bool(self.ask("sacctmgr", "-i", "add", "cluster", "rehearsal")))
        for words in (
            "qos high",
            "account proj Description=x Organization=x",
            f"user {user} Account=proj QOS=normal,high",
        ):
            self.ask("sacctmgr", "-i", "add", *words.split())

    def _start(self, name: str, *options: str, program: str = "") -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as printed:
            self._daemons[name] = subprocess.Popen(
                [program or name, *options],
                env=self.environment,
                cwd=self.folder / "log",
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    def _kill(self, name: str) -> None:
        process = self._daemons.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def _steps(self, node: str = "") -> list[int]:
        """Processes that mind the jobs of a node, or of all."""
        found = []
        for process in _processes():
            with contextlib.suppress(OSError):
                program = Path(f"/proc/{process}/exe").readlink().name
                opened = [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()]
                if "slurmstepd" in program and any(
                    path.startswith(f"{self.folder}/log/{node}") for path in opened
                ):
                    found.append(process)
        return found

    def tasks(self, node: str = "") -> list[int]:
        """Processes of the jobs on a node, or on all."""
        mark = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        where = f"SLURMD_NODENAME={node}".encode()
        found = []
        for process in _processes():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
                if mark in words and any(
                    word == where or (not node and word.startswith(where)) for word in words
                ):
                    found.append(process)
        return found

    def _be_impatient(self) -> None:
        """Start what was put back into the queue within seconds: Slurm itself would wait for two minutes."""
        seen: dict[str, float] = {}
        while not self._over.wait(1.0):
            for line in self.ask("squeue", "-h", "-t", "PENDING", "-o", "%i|%r").splitlines():
                job, _, reason = line.partition("|")
                if reason == "launch failed requeued held":  # what our own message tells people to do
                    self.ask("scontrol", "release", job)
                # Sooner than that the new start would be taken for a part of the old one.
                if reason == "BeginTime" and time.monotonic() - seen.setdefault(job, time.monotonic()) > 3:
                    self.ask("scontrol", "update", f"jobid={job}", "StartTime=now")
                    del seen[job]


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


# Each worker of pytest has a range of its own: while a test has ended its controller nobody listens on that
# port, and a cluster of another worker must not take it. Within the range runs of pytest begin apart.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_handed_out = itertools.count(20000 + _WORKER % 4 * 3000 + os.getpid() * 20 % 1000, 20)


def _free_ports(count: int) -> int:
    """The first of so many ports side by side that nobody listens on, below those the kernel hands out."""
    for first in itertools.takewhile(lambda port: port < 32000, _handed_out):
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError):
            for port in range(first, first + count):
                taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError(f"no {count} free ports side by side")
