"""Writes the bill of materials of the deployed functions, in CycloneDX JSON.

Role: a part of `make release`.
Content: the functions, each with the hash of its package, and every crate linked into them for one architecture.
A crate has its licence, package URL and the checksum from Cargo.lock. Crates that only run during the build (macros and build
scripts) are `excluded`. Crates of the tests are left out.
Invariant: the same commit, compiler and packages give the same bytes.
"""

import datetime
import json
import re
import subprocess
import tomllib
import uuid

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from stack import ROOT, Trouble

PRODUCT = "mailqueue"
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}


def said(*command):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def crate_of(function):
    """The package of a function: the name of the product, then that of the function's folder."""
    return f"{PRODUCT}-{function.replace('_', '-')}"


def graph(functions, kinds, target):
    """{(name, version): its dependencies}, as cargo builds the functions."""
    packages = [part for function in functions for part in ("--package", crate_of(function))]
    shape = ["--edges", kinds, "--target", target, "--prefix", "depth", "--format", "{p}"]
    found, path = {}, []
    for line in said("cargo", "tree", "--locked", *packages, *shape).splitlines():
        if not line:
            continue
        depth, name, version = re.match(r"(\d+)(\S+) v(\S+)", line).groups()
        path[int(depth) :] = [(name, version)]
        found.setdefault(path[-1], set())
        if len(path) > 1:
            found[path[-2]].add(path[-1])
    return found


def manifests():
    """{(name, version): the metadata of its Cargo.toml}"""
    metadata = json.loads(said("cargo", "metadata", "--locked", "--format-version", "1"))
    return {(package["name"], package["version"]): package for package in metadata["packages"]}


def checksums():
    """{(name, version): SHA-256} of the crates from the registry."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(entry["name"], entry["version"]): entry["checksum"] for entry in lock["package"] if "checksum" in entry}


def sha256(content):
    return [HashType(alg=HashAlgorithm.SHA_256, content=content)]


def licence(expression):
    # An older spelling of OR, which crates.io still allows.
    return [LicenseFactory().make_from_string(expression.replace("/", " OR ").replace("  ", " "))]


def component(crate, manifest, checksum, linked, package):
    """A component for a crate. Own crates have no package URL, because it could name another crate of the same name."""
    name, version = crate
    if manifest["license"] is None:
        raise Trouble(f"{name} {version} has no licence in its metadata.")
    ours = manifest["source"] is None
    if not ours and checksum is None:
        raise Trouble(f"Cargo.lock has no checksum of {name} {version}.")
    url = None if ours else PackageURL("cargo", None, name, version)
    return Component(
        type=ComponentType.APPLICATION if package else ComponentType.LIBRARY,
        group=PRODUCT if ours else None,
        name=name,
        version=version,
        bom_ref=f"{PRODUCT}/{name}@{version}" if ours else url.to_string(),
        purl=url,
        licenses=licence(manifest["license"]),
        hashes=sha256(package or checksum) if package or checksum else None,
        scope=ComponentScope.REQUIRED if linked else ComponentScope.EXCLUDED,
    )


def bill(version, commit, packages, architecture):
    """The bill's text. `packages`: {function: SHA-256 of its package}."""
    target = TARGETS[architecture]
    known, hashes = manifests(), checksums()
    crates = {crate_of(function): digest for function, digest in packages.items()}
    linked = graph(packages, "normal,no-proc-macro", target)
    everything = graph(packages, "normal,build", target)
    components = {
        crate: component(crate, known[crate], hashes.get(crate), crate in linked, crates.get(crate[0]))
        for crate in sorted(everything)
    }
    compiler = re.search(r"^release: (\S+)", said("rustc", "--version", "--verbose"), re.M)[1]
    std = Component(name="rust-std", version=compiler, bom_ref=f"rust-std@{compiler}", licenses=licence("MIT OR Apache-2.0"))
    product = Component(
        type=ComponentType.APPLICATION,
        name=PRODUCT,
        version=version,
        bom_ref=f"{PRODUCT}@{version}",
        licenses=licence("MIT"),
        properties=[Property(name=f"{PRODUCT}:commit", value=commit), Property(name=f"{PRODUCT}:target", value=target)],
    )
    made = datetime.datetime.fromisoformat(said("git", "show", "--no-patch", "--format=%cI", commit).strip())
    document = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, f"{commit} {target}"),
        components=[*components.values(), std],
        metadata=BomMetaData(
            component=product,
            timestamp=made,
            tools=ToolRepository(components=[Component(type=ComponentType.APPLICATION, name="rustc", version=compiler)]),
        ),
    )
    functions = [own for (name, _), own in components.items() if name in crates]
    if len(functions) != len(packages):
        raise Trouble(f"cargo reports {len(functions)} of {len(packages)} functions.")
    document.register_dependency(product, functions)
    for crate, own in components.items():
        needed = [components[needed] for needed in sorted(everything[crate])]
        document.register_dependency(own, [*needed, std] if own in functions else needed)
    text = JsonV1Dot6(document).output_as_string(indent=2)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        raise Trouble(f"The bill of materials is not valid CycloneDX: {wrong}")
    return text
