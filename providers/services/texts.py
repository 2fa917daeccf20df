"""Texts before they are embedded: joined from several fields, and cut or chunked to what the model takes.

An ingest pipeline makes such a text in a field of its own, which it embeds and removes again: the document keeps its
fields whole. Only OpenSearch's own tokens can be counted there, not the model's, so a text is measured in bytes of
UTF-8: byte-level BPE, and SentencePiece with byte fallback, make at most one token of a byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.kit import Json

PASSAGE_VECTOR, PASSAGE_TEXT = "knn", "text"
"""The fields of a passage: `text_embedding` names the vectors of a list so, and a script puts the texts beside them."""

PASSAGES: Json = {"type": "nested", "properties": {PASSAGE_TEXT: {"type": "text", "index": False}}}
"""How a field of passages is mapped, but for their vectors."""

SPECIAL_TOKENS = 16
"""Room for the tokens that a model adds to every text."""

LONGEST = 900_000
"""The most bytes of a text that is cut: a loop of Painless ends at a million steps."""

UNLIMITED = 2**31 - 1

CHUNKING_SETTINGS: Json = {"analyze.max_token_count": UNLIMITED}
"""What an index needs so that a text of any length is chunked: one of more than 10000 tokens is refused without it."""

_BLANK = """boolean blank(String text) { return text.chars().allMatch(Character::isWhitespace) }
"""
_END = """int end(String text, int start, int bytes) {
  if (text.length() - start <= bytes / 3) { return text.length() }
  int at = start;
  int left = bytes;
  while (at < text.length()) {
    int point = text.codePointAt(at);
    left -= point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (left < 0) { return at }
    at += Character.charCount(point);
  }
  return at;
}
"""
_FIND = """def find(Map source, String name) {
  if (source.containsKey(name)) { return source.get(name) }
  int dot = name.indexOf('.');
  def inner = dot < 0 ? null : source.get(name.substring(0, dot));
  return inner instanceof Map ? find(inner, name.substring(dot + 1)) : null;
}
"""

JOIN = f"""{_BLANK}{_END}{_FIND}StringBuilder joined = new StringBuilder();
for (int i = 0; i < params.fields.size(); i++) {{
  def value = find(ctx, params.fields[i]);
  if (value != null && !blank(value.toString())) {{
    if (joined.length() > 0) {{ joined.append(params.separator) }}
    joined.append(params.labels[i]).append(value.toString());
  }}
}}
String text = joined.toString();
if (end(text, 0, params.bytes) < text.length()) {{
  text = text.trim();
  text = text.substring(0, end(text, 0, params.bytes));
}}
if (text.isEmpty()) {{ ctx.remove(params.text) }} else {{ ctx[params.text] = text }}
"""
"""Joins the fields that are not blank, each after its label, and cuts the text at `bytes`, between two characters."""

SPLIT = f"""{_BLANK}{_END}List chunks = ctx[params.passages];
if (chunks.isEmpty() && ctx.containsKey(params.text)) {{ chunks = [ctx[params.text]] }}
List passages = new ArrayList();
for (String chunk : chunks) {{
  int at = 0;
  while (at < chunk.length() && passages.size() < params.most) {{
    int stop = end(chunk, at, params.bytes);
    String passage = chunk.substring(at, stop);
    if (!blank(passage)) {{ passages.add(passage) }}
    at = stop;
  }}
}}
if (passages.isEmpty()) {{ ctx.remove(params.passages) }} else {{ ctx[params.passages] = passages }}
"""
"""Splits chunks that are longer than `bytes`, and keeps the first `most`. `text_chunking` finds nothing in a text
without a letter or digit, which is one passage here.
"""

BESIDE = f"""if (ctx.containsKey(params.passages)) {{
  List found = new ArrayList();
  for (int i = 0; i < ctx[params.passages].size(); i++) {{
    found.add(['{PASSAGE_VECTOR}': ctx[params.vector][i].{PASSAGE_VECTOR}, '{PASSAGE_TEXT}': ctx[params.passages][i]]);
  }}
  ctx[params.vector] = found;
}}
"""
"""Puts each passage beside its vector, so that a search can return it."""


@dataclass(frozen=True)
class Chunking:
    """How a text becomes passages of `tokens` of OpenSearch's standard tokenizer: words, or characters of Chinese.

    Each begins with the last `overlap` of the one before. What follows `most` passages is not embedded.
    """

    tokens: int
    overlap: float
    most: int


@dataclass(frozen=True)
class EmbeddedText:
    """The text that the field `vector` is made of: `fields` in their order, `separator` between them, blank ones left
    out.

    `labels` go before the fields they name. With a `token_limit` it is cut, or its passages are, at as many bytes less
    SPECIAL_TOKENS. With `chunking` the vector field is nested, a passage in each of its objects.
    """

    vector: str
    fields: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    separator: str = "\n"
    token_limit: int | None = None
    chunking: Chunking | None = None

    @property
    def vector_path(self) -> str:
        """Where the numbers are."""
        return f"{self.vector}.{PASSAGE_VECTOR}" if self.chunking else self.vector

    @property
    def embedded(self) -> str:
        """The field that `text_embedding` reads."""
        if self.chunking:
            return self._passages
        return self._text if self.is_made else self.fields[0]

    @property
    def temporary(self) -> list[str]:
        """The fields that are there only while the pipeline runs."""
        return [self._text, *([self._passages] if self.chunking else [])] if self.is_made else []

    @property
    def before(self) -> list[Json]:
        """The processors that make the text."""
        if not self.is_made:
            return []
        return [self._join(), *(self._chunk(self.chunking) if self.chunking else [])]

    @property
    def after(self) -> list[Json]:
        """The processors that finish it once it is embedded."""
        if not self.chunking:
            return []
        return [_script(BESIDE, passages=self._passages, vector=self.vector)]

    @property
    def is_made(self) -> bool:
        """Whether the pipeline makes it; otherwise it is a field as it is."""
        return bool(len(self.fields) > 1 or self.labels or self.token_limit or self.chunking)

    @property
    def most_bytes(self) -> int:
        """The bytes at which it, or each passage, is cut."""
        return min(max(self.token_limit - SPECIAL_TOKENS, 4), LONGEST) if self.token_limit else UNLIMITED

    @property
    def _text(self) -> str:
        return f"{self.vector.replace('.', '_')}_embedded_text"

    @property
    def _passages(self) -> str:
        return f"{self.vector}_embedded_passages"

    def _join(self) -> Json:
        labels = [f"{self.labels[name]}: " if self.labels.get(name) else "" for name in self.fields]
        whole = {"fields": list(self.fields), "labels": labels, "separator": self.separator}
        return _script(JOIN, **whole, text=self._text, bytes=UNLIMITED if self.chunking else self.most_bytes)

    def _chunk(self, chunking: Chunking) -> list[Json]:
        """One chunk more than is kept: `text_chunking` puts the whole rest of the text into the last."""
        algorithm = {"token_limit": chunking.tokens, "overlap_rate": chunking.overlap}
        fixed = {"fixed_token_length": {**algorithm, "max_chunk_limit": chunking.most + 1}}
        made = {"text": self._text, "passages": self._passages, "bytes": self.most_bytes, "most": chunking.most}
        return [
            {"text_chunking": {"algorithm": fixed, "field_map": {self._text: self._passages}}},
            _script(SPLIT, **made),
        ]


def processors_before(texts: Sequence[EmbeddedText]) -> list[Json]:
    """Returns the processors before the embedding one."""
    return [processor for text in texts for processor in text.before]


def processors_after(texts: Sequence[EmbeddedText]) -> list[Json]:
    """Returns the processors after the embedding one: of what they made, a document keeps only its passages."""
    temporary = [name for text in texts for name in text.temporary]
    remove = [{"remove": {"field": temporary, "ignore_missing": True}}] if temporary else []
    return [*(processor for text in texts for processor in text.after), *remove]


def _script(source: str, **params: Any) -> Json:
    return {"script": {"source": source, "params": params}}
