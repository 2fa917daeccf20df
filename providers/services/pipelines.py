"""What ingest and search pipelines have in common: one request writes them whole, with the owner in the description."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from providers.kit import NamedInputs, Refused, State, read_description

from .index_settings import flat_settings
from .inventory import Inventory
from .kind import NamedKind
from .orphans import delete_indexes_of

PIPELINE_NAME = r"^[^\s*,/\\?#\"<>|]+$"
"""A `*` or `,` in a pipeline's id makes GET and DELETE act on several."""

N = TypeVar("N", bound=NamedInputs)
S = TypeVar("S", bound=State)


class PipelineKind(NamedKind[N, S]):
    """Writes, shows and deletes pipelines at a `path`. The id is the pipeline's name."""

    path: ClassVar[str]
    """Such as `/_ingest/pipeline`."""
    setting: ClassVar[str]
    """The setting by which an index names one."""
    without_it: ClassVar[str]
    """What fails for an index whose pipeline is gone."""

    @staticmethod
    @abstractmethod
    def definition(inputs: Any, uid: str) -> dict[str, Any]:
        """Returns the request's body."""

    @staticmethod
    @abstractmethod
    def shown(name: str, pipeline: Any) -> Any:
        """Returns the state of a pipeline that the service shows."""

    def require_version(self, inputs: N) -> None:
        """Raises Refused where the cluster's version lacks what `inputs` need."""

    def read(self, id: str, declared: N) -> S:
        state: S = self.shown(id, self.search.get(f"{self.path}/{id}")[id])
        return state

    def bring_up(self, id: str, inputs: N, uid: str) -> S:
        """A pipeline is usable, and stored as it was sent, once its write is acknowledged."""
        state: S = self.shown(id, self.definition(inputs, uid))
        return state

    def is_ours(self, inputs: N, inventory: Inventory) -> bool:
        if (pipeline := inventory.pipelines(self.path).get(inputs.name)) is None:
            return False
        self.require_owned(inputs, read_description(pipeline.get("description", ""))[1])
        return True

    def require_possible(self, inputs: N, inventory: Inventory) -> None:
        self.require_version(inputs)

    def write(self, inputs: N, uid: str) -> None:
        self.require_version(inputs)
        self.search.put(f"{self.path}/{inputs.name}", self.definition(inputs, uid))

    def delete(self, id: str, state: S) -> None:
        """OpenSearch deletes a pipeline that indexes still use, so we look first, where a guard has not looked yet."""
        using = [] if state.owner in self.services.judged else self._indexes_that_use(id)
        if used := delete_indexes_of(self.services, state.owner, using):
            raise Refused(
                f"{self.noun} {id} is the {self.setting} of {', '.join(used)}: without it every {self.without_it} them "
                f"fails; give them another pipeline first; an index of this stack is put right by `pulumi up --refresh`"
            )
        self.search.delete(f"{self.path}/{id}")

    def _indexes_that_use(self, name: str) -> list[str]:
        shown = self.search.get(f"/_all/_settings?filter_path=*.settings.index.{self.setting}")
        named = {index: flat_settings(each["settings"]["index"]) for index, each in shown.items()}
        return [index for index, settings in named.items() if settings[self.setting] == name]
