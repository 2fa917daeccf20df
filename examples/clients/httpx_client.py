"""Searches a collection by meaning with httpx: python httpx_client.py products "something to keep coffee hot"."""

import json
import os
import sys
from pathlib import Path

import httpx

collection, text = sys.argv[1:]
outputs = json.loads(Path(os.environ["STACK_OUTPUTS"]).read_text())["collections"][collection]  # pulumi stack output
body = outputs["neural"].replace("{{text}}", json.dumps(text))
url, auth = os.environ["SEARCH_URL"], (os.environ["SEARCH_USERNAME"], os.environ["SEARCH_PASSWORD"])
headers = {"content-type": "application/json"}
response = httpx.post(f"{url}/{outputs['alias']}/_search", content=body, headers=headers, auth=auth)
for hit in response.raise_for_status().json()["hits"]["hits"]:
    print(hit["_id"], hit["_score"], hit["_source"], sep="\t")
