"""The whole sandbox: in this process, in a process of its own, and after a kill."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pymysql
import pytest

from sandbox import daemon, defaults
from sandbox.process import Sandbox, Taken

ROOT = Path(__file__).resolve().parents[2]
MAP = 'CALL dbms_etl.sync_by_map("search", "{0}.text({1}.{2}),{0}.id({1}.id)", "{0}.id={1}.id", "", "")'
CONNECTOR = {
    "name": "sandbox",
    "version": 1,
    "protocol": "http",
    "parameters": {"model": "hashing"},
    "credential": {"api_key": defaults.API_KEY},
}
ACTION = {
    "action_type": "predict",
    "method": "POST",
    "headers": {"Authorization": "Bearer ${credential.api_key}", "content-type": "application/json"},
    "request_body": '{ "model": "${parameters.model}", "input": ${parameters.input}, "dimensions": 32 }',
    "pre_process_function": "connector.pre_process.openai.embedding",
    "post_process_function": "connector.post_process.openai.embedding",
}


@pytest.fixture
def products(tmp_path):
    file = tmp_path / "products.csv"
    rows = [
        "id,name,category,description,price",
        '1,"Travel ""mug""",kitchen,"Keeps it hot, C:\\ too",12.50',
        "2,茶,tea,,3",
    ]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def bugs():
    found: list[str] = []
    yield found
    assert found == []


def connect(port):
    return closing(
        pymysql.connect(
            host=defaults.HOST,
            port=port,
            user=defaults.DATABASE_USER,
            password=defaults.DATABASE_PASSWORD,
            autocommit=True,
        )
    )


def query(client, sql):
    with client.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall()
        while cursor.nextset():
            continue
        return list(rows)


def searching(url):
    return httpx.Client(
        base_url=url, auth=(defaults.SEARCH_USERNAME, defaults.SEARCH_PASSWORD), timeout=30, trust_env=False
    )


def until(condition, patience=60):
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)
    return found


def documents(search, index):
    search.post(f"/{index}/_refresh")
    answer = search.post(f"/{index}/_search", json={"size": 1000, "query": {"match_all": {}}}).json()
    return {hit["_id"]: hit["_source"] for hit in answer["hits"]["hits"]}


# In this process


def test_a_new_database_contains_the_sample_rows(tmp_path, products, bugs):
    with Sandbox(tmp_path / "home", products=products, log=bugs.append) as box, connect(box.database_port) as client:
        assert query(client, "SELECT * FROM db.test_table") == [(1, 11, "aaa"), (2, 22, "bbb"), (3, 33, "ccc")]
        rows = query(client, "SELECT id, name, description FROM shop.products")
        assert rows == [(1, 'Travel "mug"', "Keeps it hot, C:\\ too"), (2, "茶", None)]
        assert query(client, "SHOW CREATE TABLE shop.products")[0][1].splitlines()[1:6] == [
            "  `id` int(11) NOT NULL,",
            "  `name` varchar(200) NOT NULL,",
            "  `category` varchar(64) NOT NULL,",
            "  `description` text,",
            "  `price` decimal(10,2) DEFAULT NULL,",
        ]


def test_the_included_products_fit_their_table(tmp_path, bugs):
    with Sandbox(tmp_path, log=bugs.append) as box, connect(box.database_port) as client:
        assert query(client, "SELECT COUNT(*) >= 400, COUNT(DISTINCT category) >= 8 FROM shop.products") == [(1, 1)]


def test_sample_rows_are_loaded_once(tmp_path, products, bugs):
    with Sandbox(tmp_path / "home", products=products, log=bugs.append) as box, connect(box.database_port) as client:
        query(client, "DELETE FROM db.test_table WHERE id > 1")
        query(client, "DROP TABLE shop.products")
    with Sandbox(tmp_path / "home", products=products, log=bugs.append) as box, connect(box.database_port) as client:
        assert query(client, "SELECT id FROM db.test_table") == [(1,)]
        assert query(client, "SHOW TABLES FROM shop") == []


def test_without_a_revision_the_database_is_a_plain_mysql(tmp_path, bugs):
    with (
        Sandbox(tmp_path, polardb_version=None, binlog=False, samples=False, log=bugs.append) as box,
        connect(box.database_port) as client,
    ):
        assert query(client, "SHOW VARIABLES LIKE 'polardb_version'") == []
        assert query(client, "SELECT @@log_bin") == [(0,)]
        assert ("shop",) not in query(client, "SHOW DATABASES")


@pytest.mark.parametrize("service", ["search", "database", "embeddings"])
def test_a_port_in_use_is_named_and_every_other_port_released(tmp_path, service, bugs):
    with socket.socket() as holder:
        holder.bind((defaults.HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(Taken) as taken:
            Sandbox(tmp_path, samples=False, log=bugs.append, **{f"{service}_port": port})
        assert (taken.value.service, taken.value.port) == (service, port)
    Sandbox(tmp_path, samples=False, log=bugs.append, **{f"{service}_port": port}).stop()


def test_a_row_becomes_a_document_with_a_vector(tmp_path, bugs):
    """Over sockets: pymysql, AutoETL, the pipeline, the connector and the embedding service."""
    with (
        Sandbox(tmp_path, samples=False, log=bugs.append) as box,
        connect(box.database_port) as client,
        searching(box.search_url) as search,
    ):
        make_index(search, "notes", box.embeddings_url)
        for statement in (
            "CREATE DATABASE d",
            "CREATE TABLE d.note(id INT PRIMARY KEY, body TEXT)",
            "INSERT INTO d.note VALUES (1, 'a warm cup')",
            MAP.format("notes", "d.note", "body"),
        ):
            query(client, statement)
        until(lambda: len(documents(search, "notes")) == 1)
        query(client, "INSERT INTO d.note VALUES (2, 'a red bicycle')")
        found = until(lambda: documents(search, "notes").get("2"))
        assert (found["text"], found["id"], len(found["vector"])) == ("a red bicycle", 2, 32)
        query(client, "UPDATE d.note SET body = 'a blue boat' WHERE id = 2")
        changed = until(
            lambda: next((d for d in [documents(search, "notes")["2"]] if d["text"] == "a blue boat"), None)
        )
        assert changed["vector"] != found["vector"]
        query(client, "DELETE FROM d.note WHERE id = 1")
        until(lambda: set(documents(search, "notes")) == {"2"})


def make_index(search, name, embeddings_url):
    """Performs the tutorial's steps 2 to 4c."""
    trusted = {"plugins.ml_commons.trusted_connector_endpoints_regex": [r"^http://127\.0\.0\.1:.*$"]}
    private = {"plugins.ml_commons.connector.private_ip_enabled": True}
    answered(search.put("/_cluster/settings", json={"persistent": {**trusted, **private}}))
    action = {**ACTION, "url": f"{embeddings_url}/embeddings"}
    connector = answered(search.post("/_plugins/_ml/connectors/_create", json={**CONNECTOR, "actions": [action]}))
    model = answered(
        search.post(
            "/_plugins/_ml/models/_register",
            json={"name": "m", "function_name": "remote", "connector_id": connector["connector_id"]},
        )
    )["model_id"]
    answered(search.post(f"/_plugins/_ml/models/{model}/_deploy"))
    until(lambda: answered(search.get(f"/_plugins/_ml/models/{model}"))["model_state"] == "DEPLOYED")
    embedding = {"text_embedding": {"model_id": model, "field_map": {"text": "vector"}}}
    answered(search.put(f"/_ingest/pipeline/{name}", json={"processors": [embedding]}))
    vector = {"type": "knn_vector", "dimension": 32, "method": {"engine": "faiss", "name": "hnsw"}}
    properties = {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": vector}
    settings = {"index": {"knn": True, "default_pipeline": name}}
    answered(search.put(f"/{name}", json={"settings": settings, "mappings": {"properties": properties}}))


def answered(response):
    assert response.status_code in (200, 201), response.text
    return response.json()


# In a process of its own


def running(home):
    state = daemon.running(home)
    assert state is not None
    return state


def command(*arguments, home):
    """Runs `python -m sandbox …` on free ports, and returns (exit code, stdout, stderr)."""
    ports = [f"--{service}-port=0" for service in ("search", "database", "embeddings")]
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", arguments[0], f"--home={home}", *ports, *arguments[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "box"
    yield home
    daemon.stop(home)


def test_start_status_stop(home):
    assert command("status", home=home) == (1, "not running\n", "")
    code, shown, _ = command("start", home=home)
    assert code == 0
    assert [line.split()[0] for line in shown.splitlines()] == ["search", "database", "embeddings"]
    state = running(home)
    assert daemon.answers(state)
    code, again, _ = command("start", home=home)
    assert (code, again) == (0, f"{shown}already running (process {state.pid})\n")
    code, status, _ = command("status", home=home)
    assert (code, status) == (0, f"{shown}running (process {state.pid})\n")
    assert command("stop", home=home) == (0, "stopped\n", "")
    assert not daemon.answers(state)
    assert command("stop", home=home) == (0, "not running\n", "")
    for secret in (defaults.DATABASE_PASSWORD, defaults.SEARCH_PASSWORD, defaults.API_KEY):
        assert secret not in shown + (home / "sandbox.log").read_text()


def test_start_names_the_process_that_uses_a_port(home):
    with socket.socket() as holder:
        holder.bind((defaults.HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        code, out, error = command("start", f"--database-port={port}", home=home)
    assert (code, out) == (1, "")
    assert error.startswith(f"sandbox: port {port} for database is taken by process {os.getpid()} (")
    assert error.endswith("): stop that, or give `python -m sandbox` another --database-port\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("folder", "occupant"),
    [
        ("another-checkout" * 8 + "/.sandbox", "the sandbox of {home.parent}: `make down` there first"),
        ("box-of-my-own", "the sandbox of {home}: `python -m sandbox stop --home={home}` first"),
    ],
)
def test_start_names_the_sandbox_that_uses_a_port(tmp_path, home, folder, occupant):
    other = tmp_path / folder
    try:
        command("start", home=other)
        port = running(other).search
        answer = command("start", f"--search-port={port}", home=home)
    finally:
        daemon.stop(other)
    assert answer == (1, "", f"sandbox: port {port} for search is taken by {occupant.format(home=other)}\n")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--search-port=99999", "'99999' is no port: write 0 to 65535"),
        ("--version=2.19", "'2.19' is no version we know: write one of 2.11.0 to 3.x, such as 2.19.1"),
        ("--version=1.3.0", "'1.3.0' is no version we know: write one of 2.11.0 to 3.x, such as 2.19.1"),
        ("--polardb-version=8.0", "'8.0' is no revision: write one such as 8.0.1.1.52"),
    ],
)
def test_an_invalid_option_is_reported_in_one_line(home, option, message):
    code, out, error = command("start", option, home=home)
    assert (code, out) == (2, "")
    assert error.splitlines()[-1].endswith(message)
    assert not home.exists()


def test_a_home_that_cannot_be_created_is_reported_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    code, out, error = command("start", home=tmp_path / "file" / "home")
    assert (code, out, error.count("\n")) == (1, "", 1)


def test_concurrent_starts_start_one_sandbox(home):
    codes = []
    starts = [threading.Thread(target=lambda: codes.append(command("start", home=home)[0])) for _ in range(3)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert codes == [0, 0, 0]
    assert daemon.answers(running(home))
    assert (home / "sandbox.log").read_text().count("embeddings  http") == 1


def test_a_stale_state_file_is_not_a_running_sandbox(home):
    home.mkdir()
    state = daemon.State(os.getpid(), 1, 2, 3, "x", "y")
    (home / "sandbox.json").write_text(json.dumps(vars(state)))
    assert command("status", home=home)[0] == 1
    code, _, _ = command("start", home=home)
    assert code == 0
    assert running(home).pid != os.getpid()


def test_reset_deletes_the_data_and_nothing_else(home):
    command("start", home=home)
    (home / "state").mkdir()
    (home / "state" / "kept").write_text("x")
    assert command("reset", home=home) == (0, "stopped, its data deleted\n", "")
    assert [path.name for path in home.iterdir()] == ["state"]


def test_serve_runs_in_the_foreground_until_it_is_interrupted(home):
    arguments = [sys.executable, "-m", "sandbox", "serve", f"--home={home}"]
    arguments += [f"--{service}-port=0" for service in ("search", "database", "embeddings")]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        code, out, error = command("serve", home=home)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert [line.split()[0] for line in lines] == ["search", "database", "embeddings"]
    assert (code, out, error) == (1, "", f"sandbox: a sandbox is already running on {home}\n")
    assert (process.returncode, rest) == (0, "")


def test_rows_and_documents_are_equal_after_a_kill_during_changes(home):
    command("start", home=home)
    state = running(home)
    with connect(state.database) as client, searching(f"http://127.0.0.1:{state.search}") as search:
        answered(search.put("/k", json={"mappings": {"properties": {"id": {"type": "integer"}}}}))
        query(client, "CREATE DATABASE d")
        query(client, "CREATE TABLE d.k(id INT PRIMARY KEY, body VARCHAR(40))")
        query(client, f"INSERT INTO d.k VALUES {', '.join(f'({at}, 0)' for at in range(300))}")
        query(client, MAP.format("k", "d.k", "body"))
    for round_ in range(3):
        acknowledged = change_until_killed(running(home), round_)
        assert command("start", home=home)[0] == 0
        state = running(home)
        with connect(state.database) as client, searching(f"http://127.0.0.1:{state.search}") as search:
            rows = {str(key): {"id": key, "text": body} for key, body in query(client, "SELECT * FROM d.k")}
            assert acknowledged > 10
            assert rows[f"{(acknowledged - 1) % 300}"]["text"] in (
                f"{round_}:{acknowledged - 1}",
                f"{round_}:{acknowledged + 299}",
            )
            until(lambda: documents(search, "k") == rows)  # noqa: B023


def change_until_killed(state, round_):
    """Updates rows until the sandbox is killed, and returns the number of acknowledged updates."""
    done = 0
    killer = threading.Timer(0.1, os.kill, (state.pid, signal.SIGKILL))
    with connect(state.database) as client, suppress(pymysql.MySQLError):
        while True:
            query(client, f"UPDATE d.k SET body = '{round_}:{done}' WHERE id = {done % 300}")
            done += 1
            if done == 20:
                killer.start()
    killer.join()
    until(lambda: not daemon.answers(state))
    return done
