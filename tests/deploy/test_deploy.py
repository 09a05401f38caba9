"""What is shipped to run it fits together, and is as closed as the docs say. No engine is needed."""

import configparser
import json
import os
import re
import runpy
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from ruamel.yaml import YAML

from mysterybot.app import find_scenario
from mysterybot.config import load
from mysterybot.service import STOP_WITHIN

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
MADE_BY_THE_USER = {"mysterybot.yaml", "secrets.env", "slack.url", "grafana.password"}


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def instructions(name: str) -> list[str]:
    """The lines of the Dockerfile that begin so, without that word."""
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    return [line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def copied() -> list[str]:
    """What the Dockerfile copies out of the repository."""
    return [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]


def test_everything_that_is_copied_into_the_image_is_there_and_let_through() -> None:
    let_through = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert len(copied()) >= 10
    for source in copied():
        assert (ROOT / source).exists(), source
        assert f"!{source.rstrip('/')}" in let_through
    assert let_through[1] == "*"
    assert {line[1:] for line in let_through if line.startswith("!")} == {each.rstrip("/") for each in copied()}


def test_the_image_holds_every_package_of_the_program() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= {source.rstrip("/") for source in copied()}


def test_the_image_takes_dependencies_by_their_hashes_and_runs_as_nobody_else() -> None:
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert all("--require-hashes -r requirements.lock" in line or "--no-index" in line for line in installs)
    (user,) = instructions("USER")
    (made,) = (line for line in instructions("RUN") if "useradd" in line)
    number, _, group = user.partition(":")
    assert int(number) > 0
    assert f"--uid {number} --gid {group}" in made
    assert f"--owner={number} --group={group} --mode=0700 /data" in made


def test_signals_arrive_and_the_command_is_one_that_there_is() -> None:
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    assert json.loads(entry)[:2] == ["/usr/bin/tini", "--"]
    assert json.loads(command)[0] == "run"


@pytest.fixture
def compose() -> Any:
    return yaml(DEPLOY / "compose.yaml")


def test_every_file_that_compose_mounts_is_shipped_or_named_in_the_docs(compose: Any) -> None:
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    mounts = [mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", ())]
    files = [each["file"] for each in compose["secrets"].values()] + compose["services"]["mysterybot"]["env_file"]
    for source in [each for each in mounts if each.startswith(".")] + files:
        path = (DEPLOY / source).resolve()
        if path.name in MADE_BY_THE_USER:
            assert f"> {path.name}" in guide or f"example.yaml {path.name}" in guide
        else:
            assert path.exists(), source
    assert {each for each in mounts if not each.startswith(".")} == set(compose["volumes"])


def test_every_service_is_pinned_closed_and_open_to_this_machine_only(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert "healthcheck" in service or name == "mysterybot"  # its image has one


@pytest.mark.parametrize("path", [DEPLOY / "mysterybot.example.yaml", KUBERNETES / "mysterybot.yaml"], ids=str)
def test_the_example_configs_are_right_and_fit_the_container(path: Path) -> None:
    config = load(path, {"ANNA_PASSWORD": "x"}, find_scenario)
    assert config.warnings == ()
    assert str(config.bot.data) in instructions("VOLUME")
    assert str(config.bot.port) in instructions("EXPOSE")


def test_prometheus_loads_its_config_with_the_shipped_rules(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    rules = tmp_path / "rules"
    rules.mkdir()
    shutil.copy(ROOT / "exporters" / "alerts" / "mysterybot.yml", rules)
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/rules", str(rules)), encoding="utf-8")
    said = checked("promtool", "check", "config", str(config))
    assert re.search(r"\b[1-9]\d* rules found", said), said


def test_alertmanager_takes_its_config() -> None:
    assert "1 receivers" in checked("amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


def checked(*command: str) -> str:
    """What a checker says that finds nothing wrong."""
    if shutil.which(command[0]) is None:
        assert not os.environ.get("CI"), f"{command[0]} is missing: make test installs it"
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_and_grafana_find_each_other_and_a_point_leads_to_its_conversation(compose: Any) -> None:
    services = compose["services"]
    scraped = yaml(DEPLOY / "prometheus" / "prometheus.yml")
    targets = [target for job in scraped["scrape_configs"] for target in job["static_configs"][0]["targets"]]
    targets += scraped["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert {target.split(":")[0] for target in targets} - {"127.0.0.1"} <= set(services)
    (source,) = yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (leads,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert f'# {{{leads["name"]}="' in (ROOT / "tests/exporters/golden/metrics.om").read_text(encoding="utf-8")
    assert leads["url"] == "http://127.0.0.1:9877/conversations/$${__value.raw}"  # Grafana makes one $ of two
    (provider,) = yaml(DEPLOY / "grafana" / "provisioning" / "dashboards" / "mysterybot.yaml")["providers"]
    assert f"../exporters/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]


def test_the_manifests_refer_to_each_other() -> None:
    kustomization = yaml(KUBERNETES / "kustomization.yaml")
    shipped = {path.name for path in KUBERNETES.glob("*.yaml")}
    listed = {*kustomization["resources"], *kustomization["configMapGenerator"][0]["files"]}
    assert listed | {"kustomization.yaml", "servicemonitor.yaml"} == shipped
    namespace, claim, deployment, service, monitor = (
        yaml(KUBERNETES / f"{name}.yaml")
        for name in ("namespace", "storage", "deployment", "service", "servicemonitor")
    )
    assert namespace["metadata"]["name"] == kustomization["namespace"]
    spec = deployment["spec"]["template"]["spec"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == deployment["spec"]["selector"]["matchLabels"]
    assert monitor["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    (container,) = spec["containers"]
    assert {each["name"] for each in container["volumeMounts"]} == set(volumes)
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == kustomization["configMapGenerator"][0]["name"]
    assert {service["spec"]["ports"][0]["targetPort"], monitor["spec"]["endpoints"][0]["port"]} == {
        container["ports"][0]["name"]
    }


def test_one_pod_closed_and_stopped_gracefully() -> None:
    spec = yaml(KUBERNETES / "deployment.yaml")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in instructions("USER")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["terminationGracePeriodSeconds"] > STOP_WITHIN
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert container["readinessProbe"]["httpGet"]["path"] == "/-/ready"


def test_the_unit_reloads_stops_in_time_and_gains_nothing() -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((DEPLOY / "mysterybot.service").read_text(encoding="utf-8"))
    service = dict(unit["Service"])
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(service["TimeoutStopSec"]) > STOP_WITHIN
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["CapabilityBoundingSet"]) == (
        "yes",
        "strict",
        "",
    )
    assert "MemoryDenyWriteExecute" not in service, "a browser compiles in memory"


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/-/healthy" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(context: ssl.SSLContext | None) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("tls", [False, True])
def test_the_health_check_hears_a_bot_with_tls_and_without(tls: bool) -> None:
    healthy = runpy.run_path(str(DEPLOY / "health.py"))["healthy"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    if context is not None:
        trustme.CA().issue_cert("another.example").configure_cert(context)
    with answering(context) as port:
        assert healthy(port)
    assert not healthy(port)
