"""Packages the functions and the template, in the form of a release.

Role: used by `release`, by `rehearse` and by the scripts in `deploy/`.
A release is one folder: `template.json`, a folder of packages per architecture, and `SHA256SUMS`.
`template.json` has two parameters more than template.yaml. CodeBucket and CodePrefix tell where the packages are.
Invariant: equal files give equal bytes.
"""

import hashlib
import json
import zipfile
from pathlib import Path

import template as templates
from stack import Trouble

TEMPLATE = "template.json"
SUMS = "SHA256SUMS"
# The machine types of ELF files.
MACHINES = {183: "arm64", 62: "x86_64"}
ARCHITECTURES = tuple(MACHINES.values())


def packed(bootstrap, package, level):
    """Writes the package of a function."""
    with zipfile.ZipFile(package, "w", compresslevel=level) as archive:
        entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o100755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, bootstrap.read_bytes())
    return package


def write_packages(out, bootstraps, architecture, level=9):
    """Writes the packages of {binary: its bootstrap}; returns {binary: package}. A lower level compresses faster."""
    folder = out / architecture
    folder.mkdir(parents=True, exist_ok=True)
    for bootstrap in bootstraps.values():
        machine = MACHINES.get(int.from_bytes(bootstrap.read_bytes()[18:20], "little"))
        if machine != architecture:
            raise Trouble(f"{bootstrap} is not built for {architecture}.")
    return {binary: packed(path, folder / f"{binary}.zip", level) for binary, path in sorted(bootstraps.items())}


def write_template(out, template, version):
    """Writes `template.json`, which takes its code from an S3 prefix."""
    path = out / TEMPLATE
    path.write_text(json.dumps(templates.packaged(template, f"mailqueue/{version}/"), indent=1) + "\n")
    return path


def digest(path):
    """The SHA-256 of a file, as hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_sums(out, files):
    """Writes the checksums of the files, in the form of `sha256sum`."""
    path = out / SUMS
    path.write_text("".join(f"{digest(file)}  {file.relative_to(out)}\n" for file in files))
    return path


def verified(folder, architecture):
    """The files of a release for one architecture, as {relative name: path}, compared with their checksums."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except OSError:
        raise Trouble(f"{folder} is not a release: it has no {SUMS}. `make release` writes one.") from None
    sums = {name: said for said, _, name in (line.partition("  ") for line in lines)}
    wanted = [name for name in sums if name == TEMPLATE or name.startswith(f"{architecture}/")]
    if TEMPLATE not in wanted or len(wanted) < 2:
        raise Trouble(f"The release in {folder} has no packages for {architecture}.")
    for name in wanted:
        path = folder / name
        if not path.is_file() or digest(path) != sums[name]:
            raise Trouble(f"{path} is missing or differs from {SUMS}: get the release again.")
    return {name: Path(folder / name) for name in wanted}
