"""The tutorial's ten requests, sent to the services of a test."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.world import World

ML = "/_plugins/_ml"
INDEX, PIPELINE = "test_index", "text_to_vec_pipeline"
ROWS = [(1, 11, "aaa"), (2, 22, "bbb"), (3, 33, "ccc")]
MAPPING = {
    "id": {"type": "integer"},
    "my_text": {"type": "text"},
    "my_vector": {"type": "knn_vector", "space_type": "l2", "method": {"engine": "faiss", "name": "hnsw"}},
}
COLLECTION = {
    "name": "documents",
    "source": {"table": "db.test_table", "columns": {"id": "INT", "t1": "INT", "t2": "TEXT"}, "primary_key": "id"},
    "fields": {"id": "id", "my_text": "t2"},
    "mapping": MAPPING,
    "field_map": {"my_text": "my_vector"},
    "replicas": 0,
    "deletion_protection": False,
}


@dataclass
class Tutorial:
    """The tutorial's requests. `model` is the embedding model that its connector asks, `dimension` of its vectors."""

    world: World
    model: str = "text-embedding-v4"
    dimension: int = 1024
    ids: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Sends the ten requests, in order."""
        for step in (self.trust, self.group, self.connector, self.register, self.deploy, self.predict):
            step()
        for step in (self.pipeline, self.rows, self.index, self.link):
            step()

    def trust(self) -> None:
        setting = "plugins.ml_commons.trusted_connector_endpoints_regex"
        self.world.search("PUT", "/_cluster/settings", {"persistent": {setting: [f"^{self._url.scheme}://.*$"]}})

    def group(self) -> None:
        body = {"name": "test_model_group", "description": "Model group for text embedding"}
        self.world.search("POST", f"{ML}/model_groups/_register", body)

    def connector(self) -> None:
        made = self.world.search("POST", f"{ML}/connectors/_create", self.connector_body())
        self.ids["connector"] = made["connector_id"]

    def connector_body(self) -> dict[str, Any]:
        endpoint = f"{self._url.host}:{self._url.port}"
        sized = "" if self.dimension == 1024 else f', "dimensions": {self.dimension}'
        action = {
            "action_type": "predict",
            "method": "POST",
            "headers": {"Authorization": "Bearer ${credential.api_key}", "content-type": "application/json"},
            "url": f"{self._url.scheme}://${{parameters.endpoint}}/v1/embeddings",
            "request_body": f'{{ "model": "${{parameters.model}}", "input": ${{parameters.input}}{sized} }}',
            "pre_process_function": "connector.pre_process.openai.embedding",
            "post_process_function": "connector.post_process.openai.embedding",
        }
        return {
            "name": "qwen embedding connector",
            "description": "The connector to qwen embedding model",
            "version": 1,
            "protocol": "http",
            "parameters": {"model": self.model, "endpoint": endpoint},
            "credential": {"api_key": self.world.api_key},
            "actions": [action],
        }

    def register(self, name: str = "qwen embedding model") -> None:
        body = {"name": name, "function_name": "remote", "description": "Embedding model"}
        body["connector_id"] = self.ids["connector"]
        self.ids["model"] = self.world.search("POST", f"{ML}/models/_register", body)["model_id"]

    def deploy(self) -> None:
        """Waits for the deployment, as the tutorial does."""
        path = f"{ML}/models/{self.ids['model']}"
        self.world.search("POST", f"{path}/_deploy")
        while self.world.search("GET", path)["model_state"] == "DEPLOYING":
            time.sleep(0.02)

    def predict(self) -> None:
        body = {"parameters": {"input": ["hello world"]}}
        self.world.search("POST", f"{ML}/models/{self.ids['model']}/_predict", body)

    def pipeline(self) -> None:
        embed = {"text_embedding": {"model_id": self.ids["model"], "field_map": {"my_text": "my_vector"}}}
        body = {"description": "A text embedding pipeline", "processors": [embed]}
        self.world.search("PUT", f"/_ingest/pipeline/{PIPELINE}", body)

    def rows(self) -> None:
        self.world.sql("CREATE DATABASE IF NOT EXISTS db")
        self.world.sql("CREATE TABLE IF NOT EXISTS db.test_table (id INT PRIMARY KEY, t1 INT, t2 TEXT)")
        self.world.fill("db.test_table", ROWS)

    def index(self) -> None:
        vector = {"type": "knn_vector", "dimension": self.dimension, "method": {"engine": "faiss", "name": "hnsw"}}
        properties = {"id": {"type": "integer"}, "my_text": {"type": "text"}, "my_vector": vector}
        settings = {"index": {"knn": True, "default_pipeline": PIPELINE}}
        self.world.search("PUT", f"/{INDEX}", {"settings": settings, "mappings": {"properties": properties}})

    def link(self) -> None:
        fields = f"{INDEX}.my_text(db.test_table.t2),{INDEX}.id(db.test_table.id)"
        key = f"{INDEX}.id=db.test_table.id"
        self.world.sql("CALL dbms_etl.sync_by_map('search', %s, %s, '', '')", fields, key)

    @property
    def _url(self) -> httpx.URL:
        return httpx.URL(self.world.embeddings_url)

    def documents(self) -> dict[str, Any]:
        """Returns the documents with their versions, by id."""
        found = {str(id): self.world.search("GET", f"/{INDEX}/_doc/{id}") for id, _, _ in ROWS}
        return {id: {key: each[key] for key in ("_seq_no", "_version", "_source")} for id, each in found.items()}
