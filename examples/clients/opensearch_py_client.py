"""Searches a collection by words and meaning with opensearch-py: python opensearch_py_client.py products "a gift"."""

import json
import os
import sys
from pathlib import Path

from opensearchpy import OpenSearch

collection, text = sys.argv[1:]
outputs = json.loads(Path(os.environ["STACK_OUTPUTS"]).read_text())["collections"][collection]  # pulumi stack output
client = OpenSearch(os.environ["SEARCH_URL"], http_auth=(os.environ["SEARCH_USERNAME"], os.environ["SEARCH_PASSWORD"]))
found = client.search(index=outputs["alias"], body=outputs["hybrid"].replace("{{text}}", json.dumps(text)))
for hit in found["hits"]["hits"]:
    print(hit["_id"], hit["_score"], hit["_source"], sep="\t")
