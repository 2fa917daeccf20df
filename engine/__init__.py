"""Finds a real `pulumi`, installs it with Pulumi's own SDK, or builds it with Go. The rest of the project uses any."""

from .environment import environment
from .find import Engine, NoEngine, find

__all__ = ["Engine", "NoEngine", "environment", "find"]
