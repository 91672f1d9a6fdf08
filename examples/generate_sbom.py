"""Generate shop.cdx.json: install the pins, run the standard generator, take out what differs between runs.

Needs CPython 3.11, a C compiler and pip's network; writes CycloneDX 1.6 JSON, the same bytes on every run.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import uuid
import venv
from pathlib import Path
from typing import Any
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "shop.requirements.txt"
OUTPUT = HERE / "shop.cdx.json"

REPOSITORY = "registry.example/shop/storefront"
TAG = "2023.4"

# PyYAML 5.3 and MarkupSafe 1.1.1 have no wheel for CPython 3.11 and do not build with later tools.
BUILD_TOOLS = ("setuptools==57.5.0", "wheel==0.37.1", "Cython==0.29.37")


def run(*command: str | Path) -> str:
    """Run a command and return its standard output; raises CalledProcessError when it fails."""
    words = [str(part) for part in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def install(workdir: Path) -> Path:
    """Install the pins, and nothing else, into a new environment; returns its interpreter."""
    venv.create(workdir / "build", with_pip=True, symlinks=True)
    venv.create(workdir / "shop", with_pip=False, symlinks=True)
    build, shop = workdir / "build/bin/python", workdir / "shop/bin/python"
    pip = (build, "-m", "pip", "--quiet")
    pins = ("--no-deps", "--requirement", REQUIREMENTS)
    run(*pip, "install", *BUILD_TOOLS)
    # Without isolation, so that the old releases meet the old build tools.
    run(*pip, "wheel", "--no-build-isolation", "--wheel-dir", workdir / "wheels", *pins)
    run(*pip, "--python", shop, "install", "--no-index", "--find-links", workdir / "wheels", *pins)
    run(*pip, "--python", shop, "check")
    return shop


def generate(interpreter: Path) -> dict[str, Any]:
    """Run cyclonedx-py over an environment; returns the SBOM it prints."""
    options = ("--spec-version", "1.6", "--output-format", "JSON", "--output-reproducible")
    printed = run(sys.executable, "-m", "cyclonedx_py", "environment", *options, interpreter)
    sbom: dict[str, Any] = json.loads(printed)
    return sbom


def image() -> dict[str, Any]:
    """Return the described component: a container image whose digest is derived, as README.md says."""
    digest = "sha256:" + hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    purl = f"pkg:oci/storefront@{quote(digest, safe='')}?repository_url={REPOSITORY}&tag={TAG}"
    return {"bom-ref": purl, "type": "container", "name": REPOSITORY, "version": TAG, "purl": purl}


def direct_references(components: list[dict[str, Any]]) -> list[str]:
    """Return the references of the components that the requirements name without `via`."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    asked_for = [line for line in lines if line and not line.startswith("#") and "# via" not in line]
    names = {line.partition("==")[0].lower() for line in asked_for}
    return sorted(c["bom-ref"] for c in components if c["name"].lower() in names)


def normalise(sbom: dict[str, Any]) -> dict[str, Any]:
    """Put the image at the root and remove every value that depends on the machine, the hour or the index."""
    components = sbom["components"]
    for component in (*components, *sbom["metadata"]["tools"]["components"]):
        component.pop("externalReferences", None)
    root = image()
    sbom["metadata"].pop("timestamp", None)
    sbom["metadata"]["component"] = root
    sbom["dependencies"].append({"ref": root["bom-ref"], "dependsOn": direct_references(components)})
    sbom["dependencies"].sort(key=lambda node: node["ref"])
    sbom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, root["purl"]).urn
    return sbom


def main() -> None:
    """Write shop.cdx.json beside this file."""
    if sys.version_info[:2] != (3, 11):
        sys.exit("generate_sbom.py: run it with CPython 3.11, which the pins were chosen for")
    with tempfile.TemporaryDirectory() as workdir:
        sbom = normalise(generate(install(Path(workdir))))
    text = json.dumps(sbom, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if found := re.search(rf"file:|{re.escape(workdir)}", text):
        sys.exit(f"generate_sbom.py: the SBOM still names a local path: {found.group()}")
    OUTPUT.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
