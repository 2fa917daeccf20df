"""Creates homes of an OpenSearch from artifacts: class path, modules, plugins, certificates.

The node checks for jar hell: only the server's own jars may be on the class path, all others must be in the folder of
the module they belong to. Its modules are on no registry as modules, but their jars are, so the folders are made here.
"""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
MAIN = HERE / "NodeMain.java"
INGREDIENTS = (Path(__file__), MAIN)

VERSION = "2.19.1"
PASSWORD = "loopback"
"""The password of the key stores, whose keys are for tests only."""

VALID = ("-validity", "3650")
FRESH = ("-keyalg", "RSA", *VALID)

PLUGINS = ("opensearch-job-scheduler", "opensearch-ml-plugin", "opensearch-knn", "neural-search")
PROFILES: Mapping[str, Sequence[str]] = {"plain": PLUGINS, "secure": (*PLUGINS, "opensearch-security")}
"""The plugins of each profile."""

CLASSPATH = [
    "opensearch-2*",
    "opensearch-cli*",
    "opensearch-common*",
    "opensearch-compress*",
    "opensearch-core*",
    "opensearch-geo*",
    "opensearch-plugin-classloader*",
    "opensearch-secure-sm*",
    "opensearch-task-commons*",
    "opensearch-telemetry*",
    "opensearch-x-content*",
    "lucene-[!e]*",
    "joda*",
    "t-digest*",
    "HdrHist*",
    "jackson*",
    "snakeyaml*",
    "log4j-api*",
    "log4j-core*",
    "jna*",
    "jopt*",
    "zstd*",
    "spatial4j*",
    "jts*",
    "reactor*",
    "reactive*",
    "RoaringBitmap*",
    "protobuf-java*",
    "jakarta*",
]

MODULES = {
    "transport-netty4": ("org.opensearch.transport.Netty4Plugin", "", "netty-* transport-netty4*"),
    "lang-painless": (
        "org.opensearch.painless.PainlessPlugin",
        "",
        "lang-painless* antlr4-runtime* asm-* opensearch-scripting-painless-spi*",
    ),
    "reindex": (
        "org.opensearch.index.reindex.ReindexPlugin",
        "",
        "reindex-client* http* commons-codec* commons-logging* opensearch-rest-client* opensearch-ssl-config*",
    ),
    "ingest-common": (
        "org.opensearch.ingest.common.IngestCommonPlugin",
        "lang-painless",
        "ingest-common* joni* jcodings* opensearch-grok* opensearch-dissect*",
    ),
    "analysis-common": ("org.opensearch.analysis.common.CommonAnalysisPlugin", "", "analysis-common*"),
    "mapper-extras": ("org.opensearch.index.mapper.MapperExtrasPlugin", "", "mapper-extras*"),
    "parent-join": ("org.opensearch.join.ParentJoinPlugin", "", "parent-join*"),
}
"""For each module: its class, the module it extends, its jars."""


def lay_out(artifacts: Path, folder: Path) -> None:
    """Creates an OpenSearch in `folder`: class path, modules, plugins, a home for each profile."""
    _copy(artifacts, CLASSPATH, folder / "classpath")
    for name, (classname, extended, jars) in MODULES.items():
        module = folder / "modules" / name
        _copy(artifacts, jars.split(), module)
        (module / "plugin-descriptor.properties").write_text(_descriptor(name, classname, extended))
    for plugin in PROFILES["secure"]:
        _unpack(artifacts / f"{plugin}-{VERSION}.0.zip", folder / "plugins" / plugin)
    for profile, plugins in PROFILES.items():
        _make_home(folder, folder / "homes" / profile, plugins)
    _compile(folder)
    _make_certificates(folder / "certificates")


def _copy(artifacts: Path, patterns: Sequence[str], target: Path) -> None:
    target.mkdir(parents=True)
    for pattern in patterns:
        for jar in artifacts.glob(f"{pattern}.jar"):
            os.link(jar, target / jar.name)


def _unpack(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as files:
        files.extractall(target)


def _descriptor(name: str, classname: str, extended: str) -> str:
    facts = {
        "description": name,
        "version": VERSION,
        "name": name,
        "classname": classname,
        "java.version": "11",
        "opensearch.version": VERSION,
        "custom.foldername": "",
        "extended.plugins": extended,
        "has.native.controller": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in facts.items())


def _make_home(folder: Path, home: Path, plugins: Sequence[str]) -> None:
    (home / "plugins").mkdir(parents=True)
    (home / "modules").symlink_to(Path("..") / ".." / "modules")
    for plugin in plugins:
        (home / "plugins" / plugin).symlink_to(Path("..") / ".." / ".." / "plugins" / plugin)


def _compile(folder: Path) -> None:
    classes = folder / "classes"
    command = ["javac", "-cp", f"{folder / 'classpath'}/*", "-d", classes, MAIN]
    subprocess.run(command, check=True, capture_output=True)


def _make_certificates(folder: Path) -> None:
    """Creates `ca.pem`, a CA; `node.p12`, a certificate for loopback that it signed; `trust.p12`, its trust store."""
    folder.mkdir()
    authority, node = ["-alias", "ca", "-keystore", "ca.p12"], ["-alias", "node", "-keystore", "node.p12"]
    signing = ["-ext", "bc:c=ca:true", "-ext", "ku:c=keyCertSign"]
    serving = ["-ext", "san=ip:127.0.0.1,dns:localhost", "-ext", "ku:c=digitalSignature,keyEncipherment"]
    trusting = ["-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem", "-keystore"]
    store = ["-storetype", "PKCS12", "-storepass", PASSWORD]
    for arguments in (
        ["-genkeypair", *authority, "-dname", "CN=test CA", *FRESH, *signing],
        ["-exportcert", *authority, "-rfc", "-file", "ca.pem"],
        ["-genkeypair", *node, "-dname", "CN=localhost", *FRESH],
        ["-certreq", *node, "-file", "node.csr"],
        ["-gencert", *authority, "-rfc", *VALID, *serving, "-infile", "node.csr", "-outfile", "node.pem"],
        [*trusting, "node.p12"],
        [*trusting, "trust.p12"],
        ["-importcert", *node, "-file", "node.pem"],
    ):
        subprocess.run(["keytool", *arguments, *store], cwd=folder, check=True, capture_output=True)
