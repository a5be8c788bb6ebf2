"""The sandbox: a process that reads what strangers handed in gives up all else first, for good.

It keeps what it holds: its memory, and the files and sockets that are open. Linux's seccomp takes
the rest: every system call that decoding has no use for fails with EPERM, so that no file is opened
by its name, no network is reached, no program and no process is started, and no memory becomes
code, whatever a crafted file makes of the decoder. It needs neither root nor a helper program nor
user namespaces, and so works in a container too, where bubblewrap mostly does not.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

NOBODY = 65534  # the user, and the group, that own nothing
OPEN_FILES = 64  # a decoder has some ten

# Of linux/prctl.h, seccomp.h, filter.h, audit.h, sched.h, mman-common.h.
PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER, FILTER_FLAG_TSYNC = 1, 1
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
CLONE_THREAD, PROT_EXEC, AT_EMPTY_PATH = 0x10000, 0x4, 0x1000
CLONE3 = 435  # on every processor
INSTRUCTION = struct.Struct("=HBBI")


@dataclass(frozen=True, slots=True)
class Abi:
    """One kind of processor, as seccomp knows it.

    Attributes:
        audit: the kernel's number of the processor.
        column: of CALLS and of the calls below, that has its numbers.
    """

    audit: int
    column: int


ABIS = {"x86_64": Abi(0xC000003E, 0), "aarch64": Abi(0xC00000B7, 1)}

# What memory, threads, clocks, signals and open files take, by the kernel's numbers on x86-64 and
# on AArch64, None where there is none. No file is opened, made, renamed, removed, asked by name.
CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "fcntl": (72, 25),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "poll": (7, None),
    "ppoll": (271, 73),
    "pselect6": (270, 72),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "shutdown": (48, 210),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "msync": (26, 227),
    "mincore": (27, 232),
    "madvise": (28, 233),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "sched_setaffinity": (203, 122),
    "sched_getaffinity": (204, 123),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "nanosleep": (35, 101),
    "getitimer": (36, 102),
    "setitimer": (38, 103),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
SECCOMP = (317, 277)
# Allowed but for some of their uses.
CLONE, MMAP, MPROTECT, NEWFSTATAT = (56, 220), (9, 222), (10, 226), (262, 79)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a process has given up.

    Attributes:
        is_filtered: whether all system calls but those that decoding takes fail.
        is_nobody: whether its user owns nothing that matters: not root.
        memory_bytes: the most address space that it may have; None = any.
    """

    is_filtered: bool
    is_nobody: bool
    memory_bytes: int | None

    @property
    def words(self) -> str:
        """What holds, as people read it.

        >>> Confinement(is_filtered=True, is_nobody=True, memory_bytes=4_000_000_000).words
        'no file by name, no network, no process; not root; at most 4.0 GB of memory'
        """
        barred = "no file by name, no network, no process"
        parts = [barred if self.is_filtered else "NOT kept from files, network and processes"]
        parts.append("not root" if self.is_nobody else "root")
        if self.memory_bytes is not None:
            parts.append(f"at most {self.memory_bytes / 1e9:.1f} GB of memory")
        return "; ".join(parts)


def confine(*, max_memory_bytes: int | None) -> Confinement:
    """Give up all that decoding does not take; what is imported later cannot be found any more.

    Args:
        max_memory_bytes: the most address space from now on; None = any.

    Returns:
        What was given up. A system that knows no such thing takes nothing: whoever relies on it
        must look.
    """
    bound_resources(max_memory_bytes=max_memory_bytes)
    leave_root()
    is_filtered = filter_calls()
    return Confinement(is_filtered, os.geteuid() != 0, max_memory_bytes)


def bound_resources(*, max_memory_bytes: int | None) -> None:
    """Bound address space and open files; leave no core, which would hold strangers' pictures."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    if max_memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))


def leave_root() -> None:
    """Become nobody, where the process is root's and a container lets root do so.

    One that does not has taken from root what it could do harm by; whoever asks is told.
    """
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)


def filter_calls() -> bool:
    """Have all system calls of all threads fail but those of the list; say whether they do now."""
    abi = ABIS.get(platform.machine()) if sys.platform == "linux" else None
    if abi is None:
        return False
    program = b"".join(_instructions(abi))
    content = ctypes.create_string_buffer(program, len(program))
    length = len(program) // INSTRUCTION.size
    header = struct.pack("@HP", length, ctypes.addressof(content))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.syscall(SECCOMP[abi.column], SET_MODE_FILTER, FILTER_FLAG_TSYNC, header) == 0)


def _instructions(abi: Abi) -> Iterator[bytes]:
    """Yield the filter, a program for the kernel's classic BPF: allow, or else fail with EPERM."""
    refuse = INSTRUCTION.pack(RETURN, 0, 0, RET_ERRNO | errno.EPERM)
    allow = INSTRUCTION.pack(RETURN, 0, 0, RET_ALLOW)
    yield INSTRUCTION.pack(LOAD, 0, 0, ARCHITECTURE_AT)
    yield INSTRUCTION.pack(JUMP_EQUAL, 1, 0, abi.audit)
    yield refuse  # of another processor, whose numbers mean other calls
    yield INSTRUCTION.pack(LOAD, 0, 0, NUMBER_AT)
    for numbers in CALLS.values():
        if numbers[abi.column] is not None:
            yield INSTRUCTION.pack(JUMP_EQUAL, 0, 1, numbers[abi.column])
            yield allow
    yield from _if_argument(CLONE[abi.column], 0, CLONE_THREAD, is_set=allow, is_clear=refuse)
    yield INSTRUCTION.pack(JUMP_EQUAL, 0, 1, CLONE3)
    yield INSTRUCTION.pack(RETURN, 0, 0, RET_ERRNO | errno.ENOSYS)  # so that clone is tried
    for number in (MMAP[abi.column], MPROTECT[abi.column]):
        yield from _if_argument(number, 2, PROT_EXEC, is_set=refuse, is_clear=allow)
    # What is open may be asked how large it is, and so is standing by a name with this flag.
    by_itself = NEWFSTATAT[abi.column]
    yield from _if_argument(by_itself, 3, AT_EMPTY_PATH, is_set=allow, is_clear=refuse)
    yield refuse


def _if_argument(
    number: int, argument: int, bits: int, *, is_set: bytes, is_clear: bytes
) -> Iterator[bytes]:
    """Yield what a call comes to by bits of an argument; another call is passed by."""
    yield INSTRUCTION.pack(JUMP_EQUAL, 0, 4, number)
    yield INSTRUCTION.pack(LOAD, 0, 0, ARGUMENTS_AT + 8 * argument)  # its lower half
    yield INSTRUCTION.pack(JUMP_SET, 0, 1, bits)
    yield is_set
    yield is_clear
