"""A small virtual machine with a stock Debian kernel: runs one Python module of this repository and gives its lines.

Emulated (QEMU's TCG), so neither root nor KVM is needed. The machine sees this computer's files read-only (virtio-9p)
and runs the same interpreter from the same folder; what it may write is in its memory. Its second serial port carries
the lines. The kernel's package is unpacked in the cache folder, never installed. Must not know devices or drivers.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = "GUITAI_KERNEL_CACHE"
_PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "dpkg": "dpkg"}
_KERNEL_PACKAGE = "linux-image-[0-9]*-amd64_*.deb"
_ROOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p")
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_INTERPRETER = b"/ld-linux-"
_RUN_TIMEOUT_S = 240
_CONSOLE_TAIL = 4000

_INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
{loading}
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro root /host
/bin/busybox mount -t proc proc /host/proc
/bin/busybox mount -t sysfs sys /host/sys
/bin/busybox mount -t devtmpfs dev /host/dev
[ ! -d /host/sys/kernel/config ] || /bin/busybox mount -t configfs config /host/sys/kernel/config
/bin/busybox mkdir /host/dev/shm && /bin/busybox mount -t tmpfs shm /host/dev/shm
/bin/busybox stty -F /dev/ttyS1 raw -echo
/bin/busybox chroot /host /bin/sh -c {command} >/dev/ttyS1
echo "the module ended with $?"
/bin/busybox reboot -f
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An unpacked kernel: its image, and its modules by name."""

    image: Path
    modules: dict[str, Path]


def what_is_missing() -> str | None:
    """Say what has to be installed or fetched before a machine can run, as commands; None where all is there."""
    packages = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if not packages and _INTERPRETER in Path(shutil.which("busybox") or "").read_bytes():
        packages = [_PROGRAMS["busybox"]]  # the other busybox package needs libraries
    if packages:
        return f"apt-get install --no-install-recommends {' '.join(packages)}"
    cache = os.environ.get(CACHE, "")
    if not cache:
        return f"set {CACHE} to a folder outside the repository that keeps a kernel package"
    if not sorted(Path(cache).glob(_KERNEL_PACKAGE)):
        name = "$(apt-cache depends linux-image-amd64 | awk '/Depends:/ {print $2}')"
        return f'mkdir -p {shlex.quote(cache)} && cd {shlex.quote(cache)} && apt-get download "{name}"'
    return None


def unpack_kernel(cache: Path) -> Kernel:
    """Give the newest kernel package of ``cache``, unpacked beside it once."""
    package = max(cache.glob(_KERNEL_PACKAGE), key=lambda path: path.stat().st_mtime)
    unpacked = package.with_suffix("")
    if not unpacked.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            subprocess.run(["dpkg", "-x", package, folder + "/all"], check=True)
            Path(folder, "all").rename(unpacked)
    [image] = (unpacked / "boot").glob("vmlinuz-*")
    return Kernel(image=image, modules={_plain(path.stem): path for path in (unpacked / "lib").rglob("*.ko")})


def run_module(kernel: Kernel, module: str, devices: tuple[str, ...], folder: Path) -> list[str]:
    """Boot, load ``devices``, run ``python -m module`` in this folder and give its lines.

    ``devices`` are kernel modules, each with its options after a space. The machine's files and its console
    (``console.txt``) are kept in ``folder``.
    """
    initramfs, console, lines = folder / "initramfs", folder / "console.txt", folder / "lines.txt"
    initramfs.write_bytes(_initramfs(kernel, module, devices))
    command = [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1024", "-no-reboot",
        "-nodefaults", "-display", "none", "-monitor", "none",
        "-serial", f"file:{console}", "-serial", f"file:{lines}",
        "-kernel", str(kernel.image), "-initrd", str(initramfs),
        "-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on",
        "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"the machine did not end in {_RUN_TIMEOUT_S} s:\n{_tail(console)}") from late
    assert done.returncode == 0, f"QEMU ended with {done.returncode}: {done.stderr}"
    text = lines.read_text(encoding="utf-8")
    assert text, f"the machine said nothing:\n{_tail(console)}"
    return text.splitlines()


def _tail(console: Path) -> str:
    return console.read_text(encoding="utf-8", errors="replace")[-_CONSOLE_TAIL:] if console.exists() else ""


def _initramfs(kernel: Kernel, module: str, devices: tuple[str, ...]) -> bytes:
    options = {_plain(name): rest for name, _, rest in (device.partition(" ") for device in devices)}
    modules = _in_order(kernel, (*_ROOT_MODULES, *options))
    loading = "\n".join(f"/bin/busybox insmod /modules/{name}.ko {options.get(name, '')}" for name in modules)
    python, here = shlex.quote(sys.executable), shlex.quote(os.getcwd())
    shell = (
        f"cd {here} && PYTHONDONTWRITEBYTECODE=1 HOME=/dev/shm TMPDIR=/dev/shm LANG=C.UTF-8 exec {python} -m {module}"
    )
    init = _INIT.format(loading=loading, command=shlex.quote(shell))
    archive = Archive()
    for name in ("bin", "dev", "modules", "host"):
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("bin/busybox", stat.S_IFREG | 0o755, Path(shutil.which("busybox") or "").read_bytes())
    archive.add("init", stat.S_IFREG | 0o755, init.encode())
    for name in modules:
        archive.add(f"modules/{name}.ko", stat.S_IFREG | 0o644, kernel.modules[name].read_bytes())
    return archive.finish()


def _in_order(kernel: Kernel, wanted: tuple[str, ...]) -> list[str]:
    """Order modules so that each comes after those that it depends on; what the kernel has built in is left out."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or name not in kernel.modules:
            return
        found = _DEPENDS.search(kernel.modules[name].read_bytes())
        for other in found.group(1).decode().split(",") if found else ():
            visit(_plain(other))
        order.append(name)

    for name in wanted:
        assert _plain(name) in kernel.modules, f"the kernel has no module {name}"
        visit(_plain(name))
    return order


def _plain(name: str) -> str:
    return name.replace("-", "_")


class Archive:
    """A cpio archive in the "newc" form, which the kernel unpacks as its first file system."""

    def __init__(self) -> None:
        """Start an empty one."""
        self._bytes = bytearray()
        self._count = 0

    def add(self, name: str, mode: int, content: bytes = b"") -> None:
        """Add one file or folder."""
        self._count += 1
        encoded = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        self._bytes += b"070701" + b"".join(b"%08X" % value for value in fields) + encoded
        self._pad()
        self._bytes += content
        self._pad()

    def finish(self) -> bytes:
        """Give the archive."""
        self.add("TRAILER!!!", 0)
        return bytes(self._bytes)

    def _pad(self) -> None:
        self._bytes += b"\0" * (-len(self._bytes) % 4)
