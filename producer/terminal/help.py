"""The help pages of both programs: plain text in which nothing is cut off, because rich, which cuts, loads slowly."""

from inspect import cleandoc
from textwrap import wrap
from typing import Any

from typer.core import TyperCommand, TyperGroup


class _Plain:
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]  # Typer's
        return [piece.replace("{", "").replace("}", "") for piece in pieces]  # {ACTION} has to be given

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_page(self, ctx, formatter.width))


class Command(_Plain, TyperCommand):
    pass


class Group(_Plain, TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Of the command, its options, or the settings file, which is read before.
            if tell := getattr(self.commands.get(ctx.invoked_subcommand), "tell", None):
                tell(error)
            raise


def _page(command: Any, context: Any, width: int) -> str:
    """Usage, text, arguments, options, commands under the headings of their groups (`rich_help_panel`), epilog."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            is_argument = parameter.param_type_name == "argument"
            heading = getattr(parameter, "rich_help_panel", None) or ("Arguments" if is_argument else "Options")
            name = record[0].partition(" <")[0] if is_argument else record[0]  # without its type: ACTION <str>
            sections.setdefault(heading, []).append((name, record[1]))
    members = getattr(command, "commands", {}).items()
    # Typer lists groups of commands behind the commands; what repairs comes last.
    for name, member in sorted(members, key=lambda found: found[1].rich_help_panel == "Repair"):
        sections.setdefault(member.rich_help_panel or "Commands", []).append(
            (name, member.get_short_help_str(10_000))
        )
    lines = [command.get_usage(context)]
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        lines += ["", *_wrapped(paragraph, width, first="  ", rest="  ")]
    for heading, rows in sections.items():
        lines += ["", f"{heading}:", *_table(rows, width)]
    return "\n".join([*lines, "", *_wrapped(command.epilog or "", width, first="", rest=""), ""])


def _table(rows: list[tuple[str, str]], width: int) -> list[str]:
    """Two columns; a name that is wider than two fifths of the page stands in a line of its own."""
    edge = max(len(name) for name, _ in rows if len(name) <= width * 2 // 5) + 4
    lines = []
    for name, text in rows:
        label = f"  {name}"
        if len(label) > edge - 2:
            lines.append(label)
            label = ""
        lines += _wrapped(text, width, first=label.ljust(edge), rest=" " * edge)
    return lines


def _wrapped(text: str, width: int, *, first: str, rest: str) -> list[str]:
    # Neither an option nor a path is torn: it could not be copied.
    return wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
