#!/usr/bin/env bash
# Searches a collection by meaning with curl and jq: client.sh products "something to keep coffee hot"
set -euo pipefail
outputs=$(jq --arg name "$1" '.collections[$name]' "$STACK_OUTPUTS") # pulumi stack output --json
text=$(jq --null-input --arg text "$2" '$text')
jq --raw-output --arg text "$text" '.neural | split("{{text}}") | join($text)' <<<"$outputs" |
  curl --silent --show-error --fail-with-body --config <(echo "user = \"$SEARCH_USERNAME:$SEARCH_PASSWORD\"") \
    --header 'content-type: application/json' --data @- "$SEARCH_URL/$(jq --raw-output .alias <<<"$outputs")/_search" |
  jq --raw-output '.hits.hits[] | [._id, ._score, (._source | tojson)] | @tsv'
