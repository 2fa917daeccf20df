"""Stack dev's collections on a sandbox of their own, the application on them in a process, and a headless Chromium."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import yaml

from sandbox.defaults import API_KEY
from sandbox.process import Sandbox
from tests.e2e.conftest import new_project, world_of
from tests.e2e.conftest import pulumi_engine as pulumi_engine
from tests.e2e.world import PATIENCE

ROOT = pathlib.Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "images"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


MANUAL = f"{'Unpack every part. ' * 30}Descale the kettle with vinegar once a month. {'Keep the box. ' * 30}"
MANUALS = {
    "name": "manuals",
    "source": {
        "table": "shop.manuals",
        "columns": {"id": "INT", "kind": "VARCHAR(20)", "body": "TEXT"},
        "primary_key": "id",
    },
    "fields": {"id": "id", "kind": "kind", "body": "body"},
    "mapping": {
        "id": {"type": "integer"},
        "kind": {"type": "keyword"},
        "body": {"type": "text"},
        "vector": {"type": "knn_vector"},
    },
    "field_map": {"body": "vector"},
    "long_texts": "chunk",
    "texts": {"vector": {"chunk_tokens": 20}},
    "replicas": 0,
    "deletion_protection": False,
}
"""A collection whose texts are chunked."""


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A sandbox with its sample rows."""
    with Sandbox(tmp_path_factory.mktemp("app") / "sandbox") as box:
        yield world_of(box, {API_KEY})


@pytest.fixture(scope="session")
def environment(world, pulumi_engine, tmp_path_factory):
    """What an application is told of stack dev's collections, once they are up and filled."""
    folder = tmp_path_factory.mktemp("stack")
    project = new_project(world, pulumi_engine, folder)
    dev = yaml.safe_load((ROOT / "stacks" / "Pulumi.dev.yaml").read_text())["config"]
    blocks = {name.split(":")[1]: value for name, value in dev.items()}
    database = {f"database_{name}": world.database[name] for name in ("host", "port", "user")}
    connection = {"search_url": world.search_url, "search_username": world.search_username, **database}
    embedding = {**blocks["embedding"], "url": world.embeddings_url}
    project.configure(connection=connection, embedding=embedding, collections=[*blocks["collections"], MANUALS])
    world.sql("CREATE TABLE shop.manuals (id INT PRIMARY KEY, kind VARCHAR(20), body TEXT)")
    world.fill("shop.manuals", [(1, "kitchen", MANUAL), (2, "garden", "Sharpen the shears in spring.")])
    project.secret("embeddingApiKey", world.api_key)
    project.up()
    (folder / "outputs.json").write_text(json.dumps(project.outputs()))
    values = {**connection, "search_password": world.search_password, "database_password": world.database["password"]}
    told = {name.upper(): str(value) for name, value in values.items()}
    wait_for_rows(world)
    return {**told, "STACK_OUTPUTS": str(folder / "outputs.json")}


def wait_for_rows(world):
    """A link loads its table in the background: the alias is there at once."""
    [[rows]] = world.sql("SELECT COUNT(*) FROM shop.products")
    deadline = time.monotonic() + PATIENCE
    while world.count("products") < rows or world.count("manuals") < 2:
        assert time.monotonic() < deadline, "the rows did not arrive"
        time.sleep(0.2)


@contextmanager
def serving(environment):
    """Yields the address of the application, started as `python -m search_app` outside this repository."""
    command = [sys.executable, "-m", "search_app", "--port", "0"]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SEARCH_", "DATABASE_"))}
    with subprocess.Popen(
        command, cwd=ROOT / "examples", env={**own, **environment}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield re.match(r"http\S+", process.stdout.readline())[0]
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def served(environment):
    with serving(environment) as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium of this machine; nothing is downloaded. Playwright keeps an event loop running in the thread
    until it ends, in which no other test can run its own: it ends with the module."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium, served):
    """Opens a page of the application, or of another one, as a browser of those settings."""
    contexts = []

    def opened(path, base=None, **settings):
        context = chromium.new_context(locale="en-GB", **{"viewport": {"width": 1180, "height": 780}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{base or served}{path}".replace("//?", "/?"))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def picture(tmp_path):
    """Takes a picture of a page; with RECORD=pictures it becomes the one in docs/images."""
    folder = PICTURES if os.environ.get("RECORD") == "pictures" else tmp_path

    def take(page, name):
        folder.mkdir(exist_ok=True)
        page.evaluate("document.activeElement.blur()")
        taken = page.screenshot(path=folder / f"{name}.png")
        assert len(taken) < 200_000

    return take
