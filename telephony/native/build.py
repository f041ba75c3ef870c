#!/usr/bin/env python3
"""Build the wheel `ringside_pjsua2`: PJSIP with our limits, our patches and our C++ classes, as the module `pjsua2`.

    python3 telephony/native/build.py [--wheel-dir DIR] [--print-path]

The wheel is kept in `~/.cache/ringside/pjsip/<hash>/` (`RINGSIDE_CACHE` moves `~/.cache/ringside`), where the hash
covers everything that goes in; a second run only prints its path. The built libraries are kept beside it, so a change
of our own classes does not compile PJSIP again. Needs no root. Standard library only.

pjproject comes from Debian's source package `asterisk`, through apt with a private state directory and the mirror this
machine already uses; apt checks Debian's signature. `PJPROJECT_SOURCE=/path/to/pjproject-2.17.tar.gz` overrides that.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST_VERSION = (2, 15)
DEBIAN_PACKAGES = """
    g++ make patch swig dpkg-dev xz-utils
    libssl-dev libsrtp2-dev libopus-dev libspeex-dev libspeexdsp-dev libgsm1-dev uuid-dev
""".split()
# No sound card, no video, the distribution's codecs; Debian strips the bundled ones from its tarball anyway.
CONFIGURE_FLAGS = """
    --enable-epoll --disable-sound --disable-video --disable-ffmpeg --disable-sdl --disable-v4l2 --disable-openh264
    --disable-vpx --disable-libyuv --disable-libwebrtc --disable-upnp --disable-ilbc-codec --disable-g7221-codec
    --with-external-speex --with-external-gsm --with-external-srtp --enable-speex-resample
""".split()
C_FLAGS = "-O2 -DNDEBUG -fPIC"
OUR_FLAGS = ["-std=c++17", "-O2", "-DNDEBUG", "-fPIC", "-Wall", "-Wextra"]
# Seven megabytes of generated glue: -O1 takes half as long to compile and costs nothing measurable at run time.
WRAPPER_FLAGS = ["-std=c++17", "-O1", "-DNDEBUG", "-fPIC", "-w"]
# Prints what a program needs to compile and link against a built pjproject.
FLAGS_MAKEFILE = """include build.mak
include build/common.mak
cflags: ; @echo $(PJ_CXXFLAGS)
libs: ; @echo $(PJ_LDXXFLAGS) $(PJ_LDXXLIBS)
"""


class BuildError(Exception):
    """A step failed; the text says what is missing and how to get it."""


@dataclass
class Progress:
    """Reports steps on stderr with the time since the start, and keeps everything in a log file."""

    log_path: Path | None = None
    started: float = field(default_factory=time.monotonic)

    def step(self, text: str) -> None:
        """Announce a step."""
        line = f"[{time.monotonic() - self.started:6.1f} s] {text}"
        print(line, file=sys.stderr, flush=True)
        self.write(f"\n=== {line}\n")

    def write(self, text: str) -> None:
        """Add text to the log file only."""
        if self.log_path is not None:
            with self.log_path.open("a", encoding="utf-8") as log:
                log.write(text)

    def run(
        self, command: Sequence[str | Path], hint: str, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> str:
        """Run a command into the log and return its standard output; a failure raises BuildError with the hint."""
        words = [str(word) for word in command]
        try:
            done = subprocess.run(
                words, cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise BuildError(f"{words[0]} cannot be run ({error.strerror}). {hint}") from error
        self.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
            raise BuildError(
                f"{Path(words[0]).name} failed. {hint}\nIts last words:\n{tail}\nFull log: {self.log_path}"
            )
        return done.stdout


def hash_of(parts: Iterable[str | bytes | Path]) -> str:
    """Hash texts and files (name and content) into 16 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            digest.update(part.name.encode())
            part = part.read_bytes()
        data = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Inputs:
    """Everything that decides what comes out, and where it is kept."""

    cache: Path
    patches: tuple[Path, ...]
    sources: tuple[Path, ...]
    own_source: Path | None
    libraries_hash: str
    wheel_hash: str

    @classmethod
    def collect(cls) -> Inputs:
        """Read our files, the interpreter's ABI and the environment."""
        base = (
            os.environ.get("RINGSIDE_CACHE")
            or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringside"
        )
        source = os.environ.get("PJPROJECT_SOURCE")
        own_source = Path(source).expanduser().resolve() if source else None
        if own_source is not None and not own_source.is_file():
            raise BuildError(f"PJPROJECT_SOURCE names {own_source}, but there is no such file.")
        patches = tuple(sorted((HERE / "patches").glob("*.patch")))
        sources = (HERE / "ringside.i", *sorted((HERE / "src").glob("*.[ch]pp")))
        shared: list[str | bytes | Path] = [platform.machine(), C_FLAGS, *CONFIGURE_FLAGS]
        shared += [HERE / "config_site.h", *patches]
        if own_source is not None:
            shared.append(own_source)
        libraries_hash = hash_of(shared)
        abi = sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag
        wheel_hash = hash_of([libraries_hash, str(abi), sys.version, Path(__file__), *sources])
        return cls(Path(base) / "pjsip", patches, sources, own_source, libraries_hash, wheel_hash)

    @property
    def wheel_folder(self) -> Path:
        return self.cache / self.wheel_hash

    def cached_wheel(self) -> Path | None:
        """The finished wheel of exactly these inputs, if there is one."""
        return next(iter(sorted(self.wheel_folder.glob("ringside_pjsua2-*.whl"))), None)


def check_packages() -> None:
    """Raise BuildError naming all missing Debian packages in one line."""
    missing = list(DEBIAN_PACKAGES)
    if shutil.which("dpkg-query"):
        query = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *DEBIAN_PACKAGES]
        lines = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
        installed = {name for status, _, name in (line.partition(" ") for line in lines) if status == "installed"}
        missing = [name for name in DEBIAN_PACKAGES if name not in installed]
    else:
        tools = ("g++", "make", "patch", "swig", "tar")
        missing = [tool for tool in tools if not shutil.which(tool)]
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        missing.append("python3-dev")
    if missing:
        raise BuildError(f"Packages are missing. As root: apt-get install --yes {' '.join(missing)}")


def debian_mirror(progress: Progress) -> str:
    """Find the address of the Debian mirror that this machine's apt is set up with."""
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    hint = "This machine has no apt; get pjproject 2.17 yourself and set PJPROJECT_SOURCE to the tarball."
    known = progress.run([*ask, "Origin: Debian", "Label: Debian"], hint).split()
    # Origins are known only after an `apt-get update`; until then the path has to tell.
    guessed = [uri for uri in progress.run(ask, hint).split() if uri.rstrip("/").endswith("/debian")]
    if not known and not guessed:
        raise BuildError(f"apt knows no Debian mirror here. {hint}")
    return (known or guessed)[0]


def fetch_from_debian(folder: Path, progress: Progress) -> Path:
    """Download pjproject's tarball out of Debian unstable's source package `asterisk`; reuses an earlier download."""
    ready = next(iter(sorted(folder.glob("asterisk_*.orig-Xpjproject.tar.*"))), None)
    if ready is not None:
        return ready
    state = folder / "apt"
    for part in ("lists/partial", "cache/archives/partial", "download"):
        (state / part).mkdir(parents=True, exist_ok=True)
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    signed_by = f"[signed-by={keyring}] " if keyring.is_file() else ""
    (state / "sources.list").write_text(
        f"deb-src {signed_by}{debian_mirror(progress)} unstable main\n", encoding="utf-8"
    )
    private = {
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": "root",  # as root apt would step down to a user who cannot read our cache
    }
    apt = ["apt-get", "-q", *(word for key, value in private.items() for word in ("-o", f"{key}={value}"))]
    hint = "Is the network up? Else get pjproject 2.17 yourself and set PJPROJECT_SOURCE to the tarball."
    progress.run([*apt, "update"], hint)
    progress.run([*apt, "source", "--download-only", "asterisk"], hint, cwd=state / "download")
    found = next(iter(sorted((state / "download").glob("*.orig-Xpjproject.tar.*"))), None)
    if found is None:
        raise BuildError("Debian's asterisk no longer carries Xpjproject; set PJPROJECT_SOURCE to a pjproject tarball.")
    tarball = found.rename(folder / found.name)
    shutil.rmtree(state)
    return tarball


def read_version(tree: Path) -> str:
    """Read pjproject's version from version.mak and refuse one that is too old."""
    fields = dict(
        re.findall(r"^export PJ_VERSION_(\w+)[ \t]*:=[ \t]*(\S+)", (tree / "version.mak").read_text(), re.MULTILINE)
    )
    version = ".".join(fields[name] for name in ("MAJOR", "MINOR", "REV") if name in fields)
    if (int(fields["MAJOR"]), int(fields["MINOR"])) < OLDEST_VERSION:
        raise BuildError(
            f"pjproject {version} is too old: the bridge works asynchronously only since 2.15.1. Use 2.17."
        )
    return version


def prepare_tree(inputs: Inputs, progress: Progress) -> Path:
    """Give back the unpacked, patched and configured pjproject, made anew unless an earlier run finished it."""
    tree = inputs.cache / "tree" / inputs.libraries_hash
    if (tree / "built.json").is_file():
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    (inputs.cache / "source").mkdir(exist_ok=True)
    progress.step("getting pjproject" + ("" if inputs.own_source else " from Debian's source package asterisk"))
    tarball = inputs.own_source or fetch_from_debian(inputs.cache / "source", progress)
    progress.step(f"unpacking {tarball.name}")
    progress.run(
        ["tar", "-xf", tarball, "-C", tree, "--strip-components=1"], "The tarball is damaged; delete it and run again."
    )
    version = read_version(tree)
    for patch in inputs.patches:
        progress.step(f"patching: {patch.stem}")
        hint = f"The patch does not fit pjproject {version}; adapt or drop it."
        progress.run(["patch", "-p1", "--no-backup-if-mismatch", "-i", patch], hint, cwd=tree)
    shutil.copy(HERE / "config_site.h", tree / "pjlib/include/pj/config_site.h")
    (tree / "pjmedia/src/pjmedia-audiodev/bdimad_dev.c").touch()  # non-free, stripped by Debian, but in the Makefile
    progress.step(f"configuring pjproject {version}")
    env = {**os.environ, "CFLAGS": C_FLAGS, "CXXFLAGS": C_FLAGS}
    progress.run(["./configure", *CONFIGURE_FLAGS], "A library it looked for is not usable; see the log.", tree, env)
    (tree / "ringside-flags.mak").write_text(FLAGS_MAKEFILE)
    facts = {
        "pjproject_version": version,
        "source": tarball.name,
        "source_sha256": hashlib.sha256(tarball.read_bytes()).hexdigest(),
        "patches": [patch.stem for patch in inputs.patches],
        "configure": CONFIGURE_FLAGS,
    }
    (tree / "configured.json").write_text(json.dumps(facts))
    return tree


def build_libraries(tree: Path, jobs: int, progress: Progress) -> None:
    """Compile pjproject's static libraries, once."""
    if (tree / "built.json").is_file():
        return
    progress.step(f"compiling pjproject (-j{jobs})")
    progress.run(["make", f"-j{jobs}", "lib"], "The log has the compiler's message.", tree)
    (tree / "configured.json").rename(tree / "built.json")
    progress.step("pjproject compiled")


def flags_of(tree: Path, target: str, progress: Progress) -> list[str]:
    """Ask pjproject's makefiles for what a program on top of it needs: `cflags` or `libs`."""
    command = ["make", "-s", "--no-print-directory", "-f", "ringside-flags.mak", target]
    return progress.run(command, "pjproject's makefiles have changed.", tree).split()


def compile_binding(inputs: Inputs, tree: Path, folder: Path, progress: Progress) -> None:
    """Generate the Python binding and compile it and our classes into objects in the folder."""
    progress.step("generating the Python binding (swig)")
    includes = [f"-I{tree / part / 'include'}" for part in ("pjlib", "pjlib-util", "pjnath", "pjmedia", "pjsip")]
    places = ["-outdir", str(folder), f"-I{HERE}", f"-I{tree / 'pjsip-apps/src/swig'}", *includes]
    wrapper = folder / "pjsua2_wrap.cpp"
    swig = ["swig", "-c++", "-python", "-threads", "-w312", *places, "-o", str(wrapper), str(HERE / "ringside.i")]
    progress.run(swig, "swig could not read ringside.i or a header of ours.")
    progress.step("compiling our classes and the binding")
    hint = "The log has the compiler's message."
    as_system = [
        flag.replace("-I", "-isystem", 1) for flag in flags_of(tree, "cflags", progress) if flag[:2] in ("-I", "-D")
    ]
    for source in inputs.sources:
        if source.suffix == ".cpp":
            progress.run(["g++", *OUR_FLAGS, *as_system, "-c", source, "-o", folder / f"{source.stem}.o"], hint)
    ours = [f"-I{HERE / 'src'}", f"-I{folder}", f"-I{sysconfig.get_paths()['include']}"]
    progress.run(["g++", *WRAPPER_FLAGS, *as_system, *ours, "-c", wrapper, "-o", folder / "wrapper.o"], hint)


def link(tree: Path, folder: Path, progress: Progress) -> Path:
    """Link objects and libraries into the extension module."""
    progress.step("linking")
    module = folder / f"_pjsua2{sysconfig.get_config_var('EXT_SUFFIX')}"
    libraries = flags_of(tree, "libs", progress)
    command = ["g++", "-shared", "-Wl,--as-needed", "-Wl,--exclude-libs,ALL"]
    hint = "A library is missing or too old; the log names the symbol."
    progress.run([*command, "-o", module, *sorted(folder.glob("*.o")), *libraries], hint)
    progress.run(["strip", "--strip-unneeded", module], "binutils is missing: apt-get install binutils")
    return module


def pack_wheel(inputs: Inputs, tree: Path, module: Path, progress: Progress) -> Path:
    """Pack binding, extension module and the record of what was built into one wheel (PEP 427)."""
    facts = json.loads((tree / "built.json").read_text()) | {"inputs": inputs.wheel_hash, "machine": platform.machine()}
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    tag = f"{python}-{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    version = f"{facts['pjproject_version']}.0+h{inputs.wheel_hash[:8]}"
    info = f"ringside_pjsua2-{version}.dist-info"
    binding = module.with_name("pjsua2.py").read_text()
    files = {
        "pjsua2.py": f"{binding}\nRINGSIDE_BUILD = {facts!r}\n".encode(),
        module.name: module.read_bytes(),
        "ringside_pjsua2_build.json": json.dumps(facts, indent=2).encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: ringside-pjsua2\nVersion: {version}\n"
        "Summary: PJSUA2 as Ringside builds it\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: ringside\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    record = [f"{name},{record_hash(data)},{len(data)}" for name, data in files.items()] + [f"{info}/RECORD,,"]
    files[f"{info}/RECORD"] = ("\n".join(record) + "\n").encode()
    wheel = inputs.wheel_folder / f"ringside_pjsua2-{version}-{tag}.whl"
    partial = wheel.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    progress.step(f"wheel ready: {wheel.name}, {partial.stat().st_size // 1024} KiB")
    return partial.rename(wheel)


def record_hash(data: bytes) -> str:
    """Hash file content the way a wheel's RECORD wants it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def build(inputs: Inputs, progress: Progress) -> Path:
    """Build the wheel; with a second build of the same cache running, wait for that one."""
    inputs.wheel_folder.mkdir(parents=True, exist_ok=True)
    with (inputs.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = inputs.cached_wheel()
        if ready is not None:
            return ready
        progress.log_path = inputs.wheel_folder / "build.log"
        progress.log_path.write_text("")
        check_packages()
        tree = prepare_tree(inputs, progress)
        folder = inputs.wheel_folder / "objects"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(2) as pool:  # the binding is one long compilation; PJSIP fills the other cores
            work = [
                pool.submit(compile_binding, inputs, tree, folder, progress),
                pool.submit(build_libraries, tree, max(1, cores - 1), progress),
            ]
            for part in work:
                part.result()
        wheel = pack_wheel(inputs, tree, link(tree, folder, progress), progress)
        shutil.rmtree(folder)
        forget_old_trees(tree)
        return wheel


def forget_old_trees(current: Path, kept: int = 2) -> None:
    """Delete built libraries of earlier inputs, 55 MB each; the wheels stay."""
    others = sorted(
        (tree for tree in current.parent.iterdir() if tree != current), key=lambda tree: tree.stat().st_mtime
    )
    for tree in others[: max(0, len(others) - kept + 1)]:
        shutil.rmtree(tree, ignore_errors=True)


def main() -> int:
    """Build or find the wheel and print its path."""
    parser = argparse.ArgumentParser(description="Build the wheel ringside_pjsua2 (PJSIP for Ringside).")
    parser.add_argument("--wheel-dir", type=Path, metavar="DIR", help="also copy the wheel here")
    parser.add_argument("--print-path", action="store_true", help="print nothing but the path on standard output")
    options = parser.parse_args()
    progress = Progress()
    try:
        inputs = Inputs.collect()
        wheel = inputs.cached_wheel() or build(inputs, progress)
        if options.wheel_dir is not None:
            options.wheel_dir.mkdir(parents=True, exist_ok=True)
            wheel = Path(shutil.copy(wheel, options.wheel_dir))
    except BuildError as error:
        print(f"build failed: {error}", file=sys.stderr)
        return 1
    print(wheel if options.print_path else f"wheel: {wheel}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
