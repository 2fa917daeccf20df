"""How this repository gets a real `pulumi`, and nothing else.

It is found, installed by Pulumi's own SDK, or built by Go; which one, is said and never matters to the rest.
"""

from .environment import environment
from .find import Engine, NoEngine, find

__all__ = ["Engine", "NoEngine", "environment", "find"]
