"""An embedding service small enough to run anywhere: OpenAI's protocol under Model Studio's rules.

Its MiniLM is the real model, so a question finds what it means and not only what it spells; its hashing models are not.
"""

from .app import Embeddings
from .models import Model, Vectors, catalogue

__all__ = ["Embeddings", "Model", "Vectors", "catalogue"]
