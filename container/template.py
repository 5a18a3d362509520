#!/usr/bin/env python3
"""Write Apptainer definition files: `template.py [{all,newest,3.21.08,…}]`, or what `build.sh` asks for.

Standard library only. Works from any folder; files go beside this one.
"""

import argparse
import re
import subprocess
from pathlib import Path
from string import Template
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
NAME = "nvidia-tao"
UNKNOWN = "unknown"


class Release(NamedTuple):
    """Where NVIDIA keeps `yolo_v4` of one TAO release; its digest where that is known."""

    image: str
    digest: str = ""


# Every release whose image carries yolo_v4; the last is the newest: later TAO releases go on using it.
# 3.21.11 is the image to which NVIDIA's launcher maps yolo_v4. "3.21.12" is no release but the original
# workflow's name for that same image; its own "3.21.11" was the one NVIDIA meant for other networks.
RELEASES = {
    "3.21.08": Release("nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.08-py3"),
    "3.21.11": Release("nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3"),
    "3.21.12": Release("nvcr.io/nvidia/tao/tao-toolkit-tf:v3.21.11-tf1.15.5-py3"),
    "3.22.05": Release("nvcr.io/nvidia/tao/tao-toolkit-tf:v3.22.05-tf1.15.5-py3"),
    "4.0.0": Release("nvcr.io/nvidia/tao/tao-toolkit:4.0.0-tf1.15.5"),
    "5.0.0": Release("nvcr.io/nvidia/tao/tao-toolkit:5.0.0-tf1.15.5"),
}
# A Python of our own beside TAO's 3.6 or 3.8: one folder that runs anywhere from glibc 2.17 on.
PYTHON = (
    "https://github.com/astral-sh/python-build-standalone/releases/download/20251031/"
    "cpython-3.11.14+20251031-x86_64-unknown-linux-gnu-install_only.tar.gz"
)
PYTHON_SHA256 = "60f0bd473d861cc45d3401d9914e47ccb9fa037f88a91879ed517a62042b8477"
BASES = {
    "debootstrap": (
        "Bootstrap: debootstrap\nOSVersion: bookworm\nMirrorURL: {{ MIRROR }}\n"
        "Include: ca-certificates python3"
    ),
    "docker": "Bootstrap: docker\nFrom: debian:bookworm-slim",
}


def fill(template: str, source: str, **facts: str) -> str:
    """The text of `<template>.def.template` with its blanks filled in; what nobody says is "unknown"."""
    version = re.search(r'__version__ = "(.+)"', (HERE.parent / "harness" / "__init__.py").read_text())
    known = {"version": version[1] if version else UNKNOWN, "inputs": UNKNOWN, "base_digest": UNKNOWN}
    known["commit"] = facts.pop("commit") if "commit" in facts else git_commit()
    facts = {name: value for name, value in facts.items() if value}
    return Template((HERE / f"{template}.def.template").read_text()).substitute(
        {**known, **facts}, source=source
    )


def git_commit() -> str:
    """The commit this checkout stands at, marked where something was changed since."""
    git = ["git", "-C", str(HERE), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        said = subprocess.run(
            git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        ).stdout
    except OSError:
        said = ""
    return said.strip() or UNKNOWN


def source(image: str) -> str:
    """The header of a definition file for an image of a registry, or for an image file."""
    local = image.endswith(".sif") or image.startswith("/")
    return f"Bootstrap: {'localimage' if local else 'docker'}\nFrom: {image}"


def tao(version: str, *, image: str = "", **facts: str) -> str:
    """The definition of the image with TAO `version`; `image` takes the place of NVIDIA's."""
    release = Release(image, image.partition("@")[2]) if image else RELEASES[version]
    pinned = f"{release.image}@{release.digest}" if release.digest and not image else release.image
    facts = {"base_digest": release.digest, **facts}
    return fill(NAME, source(pinned), image=release.image, tao_version=version, **facts)


def portable(base: str, **facts: str) -> str:
    """The definition of the image with our own detector on `base`: debootstrap, docker or localimage:FILE."""
    kind, _, image = base.partition(":")
    return fill("portable", source(image) if kind == "localimage" else BASES[base], base=kind, **facts)


def requirements(*, detector: bool) -> str:
    """Requirements for pip, one a line, from pyproject.toml, which Pythons before 3.11 cannot parse."""
    text = (HERE.parent / "pyproject.toml").read_text()
    tables = ["dependencies", "detector"] if detector else ["dependencies"]
    patterns = [rf"^{table} = \[\n(.*?)^\]" for table in tables]
    blocks = [re.search(pattern, text, re.M | re.S)[1] for pattern in patterns]  # type: ignore[index]
    return "".join(f"{line}\n" for block in blocks for line in re.findall(r'^    "(.+)",', block, re.M))


def main() -> None:
    """Write `nvidia-tao_<version>.def` for one version or all of them, as the original workflow does."""
    parser = argparse.ArgumentParser(description="Template Nvidia-tao definition files")
    choices = ["all", "newest", *RELEASES]
    parser.add_argument("version", help="Tao version", nargs="?", choices=choices, default="all")
    chosen = parser.parse_args().version
    for version in {"all": list(RELEASES), "newest": [list(RELEASES)[-1]]}.get(chosen, [chosen]):
        (HERE / f"{NAME}_{version}.def").write_text(tao(version))


if __name__ == "__main__":
    main()
