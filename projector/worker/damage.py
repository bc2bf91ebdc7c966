"""Damage: a value of the projection that is not what a commit wrote, named by its key and field."""

from projector.errors import Damaged, repair_of


class damage_in:  # noqa: N801 - reads as a statement
    """Turns the failure to parse a value in the block into Damaged, which names the key, and the field.

    A block that parses many fields says which one it is at: `with damage_in(key) as at: at.field = …`.
    """

    __slots__ = ("_key", "field")

    def __init__(self, key: bytes, field: str | bytes = "") -> None:
        self._key = key
        self.field = field

    def __enter__(self) -> "damage_in":
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ValueError | TypeError | KeyError | AttributeError):
            raise Damaged(
                f"{self._where()}: expected what the projector wrote, found something else; "
                f"somebody changed it: {repair_of(self._key)}"
            ) from error

    def _where(self) -> str:
        field = self.field.decode("utf-8", "replace") if isinstance(self.field, bytes) else self.field
        return self._key.decode("utf-8", "replace") + (f", field {field!r}" if field else "")
