"""The clients of the suite: how each one is installed, started and pointed at the local stack.

Role: the runner goes through `CLIENTS`.
Installed files go into `.local/interop`. Nothing else on the machine changes.
`NotRun` gives the reason why a client cannot run here, together with the remedy.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HOME = ROOT / ".local" / "interop"
PHP = Path("/usr/share/php")


class NotRun(Exception):
    """The reason why a client does not run, in one sentence."""


@dataclass
class Client:
    name: str
    title: str
    driver: list  # of the command; `install` may replace it
    version: str = ""
    quick: bool = False
    # The client itself refuses a bad address, without a request.
    checks_addresses: bool = False
    # The spelling of the base URL that the client needs.
    url: str = "{url}"
    environment: dict = field(default_factory=dict)

    def install(self):
        """Installs the client, and sets `driver` and `version`."""

    def settings(self, url, key):
        """The environment of the driver."""
        base = self.url.format(url=url)
        names = ("INTEROP_URL", "RESEND_BASE_URL", "RESEND_API_URL")
        return self.environment | dict.fromkeys(names, base) | {"RESEND_API_KEY": key, "INTEROP_KEY": key}


def need(program, package):
    if shutil.which(program) is None:
        raise NotRun(f"{program} is missing: apt-get install {package}.")


def run(command, failure, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NotRun(f"{failure}: {' '.join(said[-3:])}")
    return done.stdout


def changed(directory, *files):
    """Whether the installation in a directory belongs to other files; `installed` records them."""
    mark = directory / ".installed"
    return not mark.exists() or mark.read_text() != digest(files)


def installed(directory, *files):
    (directory / ".installed").write_text(digest(files))


def digest(files):
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def source(name):
    """A clone in INTEROP_SOURCES at the pinned commit."""
    pinned = json.loads((HERE / "sources.json").read_text())[name]
    folder = os.environ.get("INTEROP_SOURCES")
    if not folder:
        raise NotRun(f"INTEROP_SOURCES is not set: run tests/interop/sources FOLDER where {pinned['repository']} can be reached.")
    clone = Path(folder).resolve() / name
    found = subprocess.run(
        ["git", "-C", str(clone), "rev-parse", "--verify", "--quiet", "HEAD"], capture_output=True, text=True, check=False
    )
    if found.stdout.strip() != pinned["commit"]:
        raise NotRun(f"INTEROP_SOURCES lacks {name} at its pinned commit: run tests/interop/sources {folder} {name}.")
    return pinned["version"]


# ------------------------------------------------------------------ npm and PyPI


class Npm(Client):
    """A client from npm, pinned by node/<name>/package-lock.json."""

    def install(self):
        need("node", "nodejs")
        need("npm", "npm")
        pinned, home = HERE / "node" / self.name, HOME / self.name
        package, lock = pinned / "package.json", pinned / "package-lock.json"
        if changed(home, package, lock):
            home.mkdir(parents=True, exist_ok=True)
            shutil.copy(package, home)
            shutil.copy(lock, home)
            run(
                ["npm", "--prefix", str(home), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
                "the packages could not be installed",
            )
            installed(home, package, lock)
        library, self.version = next(iter(json.loads(package.read_text())["dependencies"].items()))
        self.environment = {"INTEROP_HOME": str(home), "INTEROP_LIBRARY": library}


class Pip(Client):
    """A client from PyPI, pinned by python/requirements-<name>.txt."""

    def install(self):
        pinned, home = HERE / "python" / f"requirements-{self.name}.txt", HOME / self.name
        python = home / "bin" / "python"
        if changed(home, pinned):
            run([sys.executable, "-m", "venv", "--clear", str(home)], "the virtual environment could not be created")
            pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
            run([*pip, "install", "--require-hashes", "--no-deps", "-r", str(pinned)], "pip could not install it")
            installed(home, pinned)
        packages = {"anymail": "django-anymail", "standardwebhooks-python": "standardwebhooks", "svix-python": "svix"}
        wanted = packages.get(self.name, "resend")
        self.version = re.search(rf"^{wanted}==(\S+)", pinned.read_text(), re.M)[1]
        self.driver = [str(python), *self.driver[1:]]
        self.environment = {"INTEROP_LIBRARY": wanted}


# ------------------------------------------------------------------ SDKs from clones


class Php(Client):
    """A PHP client from clones, on Debian's PHP libraries."""

    clones: tuple = ()
    # The clone of the PHP SDK.
    sdk = "resend-php"
    packages = "php-cli php-curl php-mbstring php-guzzlehttp-guzzle php-email-validator"
    packages += " php-symfony-http-client php-symfony-http-foundation"

    def install(self):
        need("php", "php-cli")
        versions = [source(name) for name in self.clones]
        libraries = ("GuzzleHttp", "Egulias", "Symfony/Component/HttpClient", "Symfony/Component/HttpFoundation")
        if not all((PHP / library).is_dir() for library in libraries):
            raise NotRun(f"Debian's PHP libraries are missing: apt-get install {self.packages}.")
        self.version = versions[0]
        self.environment = {"INTEROP_PHP_SDK": self.sdk}


class PhpSdk(Php):
    clones = ("resend-php",)


class Laravel(Php):
    """Laravel with its own transport, which needs only the PHP SDK."""

    clones = ("laravel-framework", "resend-php", "symfony-mailer", "symfony-mime")
    transport = "Illuminate\\Mail\\Transport\\ResendTransport"

    def install(self):
        super().install()
        self.environment["INTEROP_TRANSPORT"] = self.transport


class ResendLaravel(Laravel):
    """Laravel with the transport of the package resend-laravel."""

    clones = ("resend-laravel", *Laravel.clones)
    transport = "Resend\\Laravel\\Transport\\ResendTransportFactory"


class Symfony(Php):
    clones = ("symfony-resend-mailer", "symfony-mailer", "symfony-mime")


class WordPress(Php):
    """A plugin of WordPress, with the PHP SDK of its lock file."""

    sdk = "resend-php-1.1.0"
    clones = ("resend-email-wordpress", sdk)


class Ruby(Client):
    def install(self):
        need("ruby", "ruby")
        self.version = source("resend-ruby")
        run(["ruby", "-e", "require 'httparty'"], "HTTParty is missing: apt-get install ruby-httparty")


class Rails(Ruby):
    def install(self):
        super().install()
        version = run(
            ["ruby", "-e", "require 'action_mailer'; puts ActionMailer.version"],
            "ActionMailer is missing: apt-get install ruby-actionmailer",
        )
        self.version = f"{version.strip()}, resend-ruby {self.version}"


class Go(Client):
    def install(self):
        need("go", "golang-go")
        self.version = source("resend-go")
        home = HOME / self.name
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "go" / "main.go", home)
        clone = Path(os.environ["INTEROP_SOURCES"]).resolve() / "resend-go"
        module = "github.com/resend/resend-go/v3"
        (home / "go.mod").write_text(
            f"module interop\n\ngo 1.19\n\nrequire {module} v3.0.0\n\nreplace {module} => {clone}\n"
        )
        # The SDK itself imports only the standard library, so nothing is downloaded.
        offline = os.environ | {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off", "GOTOOLCHAIN": "local"}
        run(["go", "build", "-o", "driver", "."], "go could not build it", cwd=home, env=offline)
        self.driver = [str(home / "driver")]


class Rust(Client):
    """resend-rs from crates.io, pinned by rust/Cargo.lock. Both versions are built at once."""

    def install(self):
        if shutil.which("cargo") is None:
            raise NotRun("cargo is missing: install Rust from https://rustup.rs.")
        home = HOME / "rust"
        command = ["cargo", "build", "--locked", "--quiet", "--manifest-path", str(HERE / "rust" / "Cargo.toml")]
        run([*command, "--target-dir", str(home)], "cargo could not build it")
        self.driver = [str(home / "debug" / self.name.replace(".", "_"))]
        self.version = self.name.removeprefix("resend-rs-")


class Elixir(Client):
    """An Elixir client from clones, without the packages of Hex: Erlang's own HTTP client replaces those."""

    clones: tuple = ()
    # Patterns of the compiled files, without the parts that need packages of Hex.
    files: tuple = ()
    left_out: tuple = ()
    main = ""

    def install(self):
        need("elixirc", "elixir erlang-inets")
        self.version = [source(name) for name in self.clones][0]
        sources, home = Path(os.environ["INTEROP_SOURCES"]).resolve(), HOME / self.name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        files = sorted(file for pattern in self.files for file in sources.glob(pattern))
        files = [file for file in files if not str(file).endswith(self.left_out)]
        drivers = [HERE / "elixir" / name for name in ("driver.ex", self.driver[0])]
        command = ["elixirc", "--ignore-module-conflict", "-o", str(home), *map(str, files), *map(str, drivers)]
        run(command, "elixirc could not compile it")
        self.driver = ["elixir", "-pa", str(home), "-e", f"{self.main}.main()", "--"]


class ElixirSdk(Elixir):
    clones = ("resend-elixir", "jason")
    files = ("jason/lib/*.ex", "resend-elixir/lib/**/*.ex")
    left_out = ("swoosh/adapter.ex", "client/req_client.ex")
    main = "Interop.Sdk"


class Swoosh(Elixir):
    clones = ("swoosh", "jason")
    files = (
        "jason/lib/*.ex",
        "swoosh/lib/swoosh.ex",
        "swoosh/lib/swoosh/*.ex",
        "swoosh/lib/swoosh/email/*.ex",
        "swoosh/lib/swoosh/adapters/resend.ex",
    )
    left_out = ("swoosh/application.ex",)
    main = "Interop.Swoosh"


class Absent(Client):
    """A client that the suite cannot run anywhere, for a stated reason."""

    reason = ""

    def install(self):
        raise NotRun(self.reason)


def absent(name, title, reason):
    client = Absent(name, title, [])
    client.reason = reason
    return client


def node(name, title, script, **options):
    return Npm(name, title, ["node", str(HERE / "node" / script)], **options)


def python(name, title, script, **options):
    return Pip(name, title, ["python", str(HERE / "python" / script)], **options)


def tool(name, title, script, **options):
    """A program from npm, called by a Python driver."""
    return Npm(name, title, [sys.executable, str(HERE / "python" / script)], **options)


def php(kind, name, title, script, **options):
    return kind(name, title, ["php", "-d", "display_errors=stderr", str(HERE / "php" / script)], **options)


def ruby(kind, name, title, script):
    # Ruby's SDK joins the base URL and the path without a slash.
    return kind(name, title, ["ruby", "-W0", str(HERE / "ruby" / script)], url="{url}/")


CLIENTS = [
    node("resend-6.38.0", "Node SDK", "sdk.mjs", quick=True),
    node("resend-6.0.0", "Node SDK", "sdk.mjs"),
    node("resend-5.0.0", "Node SDK", "sdk.mjs"),
    node("resend-4.8.0", "Node SDK", "sdk.mjs"),
    node("resend-4.0.0", "Node SDK", "sdk.mjs"),
    python("resend-python-2.52.0", "Python SDK", "sdk.py", quick=True),
    python("resend-python-2.0.0", "Python SDK", "sdk.py"),
    python("resend-python-0.8.0", "Python SDK", "sdk.py"),
    php(PhpSdk, "resend-php", "PHP SDK", "sdk.php"),
    ruby(Ruby, "resend-ruby", "Ruby SDK", "sdk.rb"),
    Go("resend-go", "Go SDK", []),
    Rust("resend-rs-0.35.1", "Rust SDK", []),
    Rust("resend-rs-0.31.0", "Rust SDK", []),
    ElixirSdk("resend-elixir", "Elixir SDK", ["sdk.ex"]),
    python("anymail", "django-anymail", "django_anymail.py", quick=True, checks_addresses=True),
    node("nodemailer", "nodemailer-resend", "mailer.mjs", quick=True),
    node("payload", "Payload's adapter", "payload.mjs"),
    php(Laravel, "laravel", "Laravel", "laravel.php", checks_addresses=True),
    php(ResendLaravel, "resend-laravel", "resend-laravel", "laravel.php", checks_addresses=True),
    php(Symfony, "symfony", "Symfony Mailer", "symfony.php", checks_addresses=True),
    php(WordPress, "wordpress", "WordPress: resend-email-wordpress", "wordpress.php"),
    ruby(Rails, "rails", "Rails ActionMailer", "rails.rb"),
    Swoosh("swoosh", "Swoosh (Phoenix)", ["swoosh.ex"]),
    tool("resend-cli", "Resend's CLI", "cli.py", quick=True),
    tool("resend-mcp", "Resend's MCP server", "mcp.py", checks_addresses=True),
    node("standardwebhooks", "standardwebhooks for Node", "webhooks.mjs", quick=True),
    python("standardwebhooks-python", "standardwebhooks for Python", "webhooks.py", quick=True),
    node("svix", "svix for Node", "webhooks.mjs", quick=True),
    python("svix-python", "svix for Python", "webhooks.py", quick=True),
    absent("java", "Java SDK", "Its base URL is a constant, and no constructor takes another one."),
    absent("dotnet", ".NET SDK", "Neither Debian nor another registry of this suite has the .NET SDK."),
]

# How an application sets the base URL, by the title of the client.
BASE_URLS = {
    "Node SDK": "`RESEND_BASE_URL`",
    "Python SDK": "`RESEND_API_URL`, or `resend.api_url`",
    "PHP SDK": "`RESEND_BASE_URL`",
    "Ruby SDK": "`RESEND_BASE_URL` with a slash at its end",
    "Go SDK": "`RESEND_BASE_URL`, or `client.BaseURL`",
    "Rust SDK": "`RESEND_BASE_URL`, or `ConfigBuilder::base_url`; before 0.35 without a path",
    "Elixir SDK": "`Resend.client(base_url: ...)`; the configuration of an application takes only keys with `re_`",
    "django-anymail": "the setting `ANYMAIL[\"RESEND_API_URL\"]`",
    "nodemailer-resend": "`RESEND_BASE_URL`",
    "Payload's adapter": "not possible; the suite rewrites its requests",
    "Laravel": "`RESEND_BASE_URL` in the environment itself, because a cached configuration ignores `.env`",
    "resend-laravel": "as Laravel",
    "Symfony Mailer": "the host and the port in `resend+api://KEY@HOST:PORT`; https without a path",
    "WordPress: resend-email-wordpress": "`RESEND_BASE_URL` in the environment of PHP",
    "Rails ActionMailer": "as the Ruby SDK",
    "Swoosh (Phoenix)": "`base_url` in the configuration of the mailer",
    "Resend's CLI": "`RESEND_BASE_URL`",
    "Resend's MCP server": "`RESEND_BASE_URL`",
    "Java SDK": "not possible",
    ".NET SDK": "`ResendClientOptions.ApiUrl`, without a path",
}
