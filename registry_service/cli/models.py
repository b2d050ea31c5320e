from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from registry_service.cli import cards, completing, options
from registry_service.cli.facets import facet_options, facets_text
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, section, table
from registry_service.client import CreateModel, MetadataField, RegisteredModel, RenameModel, UpdateModel
from registry_service.domain.metadata import FieldType

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group)
def models() -> None:
    """Registered models."""


models.add_command(cards.card)


@models.command("list")
@options.listing
@click.option("--deleted", is_flag=True, help="Tombstones too (admins).")
@pass_state
def list_models(state: State, where: str | None, order_by: str | None, limit: int, *, deleted: bool) -> None:
    """Models that you may read."""

    found = state.client.iterate_models(include_deleted=deleted or None, **options.paging(where, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["name", "latest", "stages", "owners", "updated", "status"],
            [
                (item.name, item.latest_version, _stages(item), joined(item.owners), item.updated_at, _status(item))
                for item in items
            ],
            empty="No models. Make one: model-registry versions register NAME PATH",
        ),
    )


@models.command("facets")
@facet_options
@pass_state
def count_model_facets(state: State, fields: tuple[str, ...], where: str | None, limit: int) -> None:
    """Which values FIELDS such as owner, tags.team and stage have, and how many models have each."""

    found = state.client.count_model_facets(fields, filter=where, limit=limit)
    state.show(found, lambda: facets_text(found, "model"))


@models.command("show")
@options.model
@pass_state
def show_model(state: State, model: str) -> None:
    """One model."""
    found = state.client.get_model(model)
    state.show(found, lambda: model_text(found))


def _fields(function: F) -> F:
    for option in (
        click.option(
            "--recommend",
            "recommended",
            type=options.Field(),
            multiple=True,
            help="A field whose lack is reported when a version is registered.",
        ),
        click.option(
            "--require",
            "required",
            type=options.Field(),
            multiple=True,
            help="A field that every new version must bring, such as metrics.auc:number or extra.country:string.",
        ),
    ):
        function = option(function)
    return function


@models.command("create")
@click.argument("name")
@click.option("--description", default="", help="Markdown.")
@click.option(
    "--owner",
    "owners",
    multiple=True,
    shell_complete=completing.people,
    help="Who answers for it, may be given again; else you.",
)
@click.option("--tag", "tags", type=options.Pair(), multiple=True)
@click.option("--stage", "stages", multiple=True, help="In their order; else staging, production.")
@_fields
@pass_state
def create_model(
    state: State,
    name: str,
    description: str,
    owners: tuple[str, ...],
    tags: tuple[tuple[str, str], ...],
    stages: tuple[str, ...],
    required: tuple[tuple[str, FieldType], ...],
    recommended: tuple[tuple[str, FieldType], ...],
) -> None:
    """Make a model."""

    body = CreateModel(
        name=name,
        description=description,
        owners=list(owners),
        tags=dict(tags),
        metadata_fields=_demands([], required, recommended),
        stages=list(stages) if stages else None,
    )
    made = state.client.create_model(body)
    state.show(made, lambda: model_text(made))


@models.command("update")
@options.model
@click.option("--description")
@click.option(
    "--owner",
    "owners",
    multiple=True,
    shell_complete=completing.people,
    help="All who answer for it, in place of those now.",
)
@click.option("--tag", "tags", type=options.Pair(), multiple=True, help="Set a tag; the others stay.")
@click.option("--remove-tag", "removed", multiple=True, metavar="KEY")
@_fields
@click.option("--remove-field", "removed_fields", multiple=True, metavar="KEY", help="Demand a field no longer.")
@pass_state
def update_model(
    state: State,
    model: str,
    description: str | None,
    owners: tuple[str, ...],
    tags: tuple[tuple[str, str], ...],
    removed: tuple[str, ...],
    required: tuple[tuple[str, FieldType], ...],
    recommended: tuple[tuple[str, FieldType], ...],
    removed_fields: tuple[str, ...],
) -> None:
    """Change what is given."""

    kept, fields, revision = None, None, None
    if tags or removed or required or recommended or removed_fields:
        before = state.client.get_model(model)
        # Tags and fields are replaced as a whole, so only as long as nobody else has changed them.
        revision = before.revision
        if tags or removed:
            kept = {key: value for key, value in before.tags.items() if key not in removed} | dict(tags)
        if required or recommended or removed_fields:
            staying = [field for field in before.metadata_fields if field.key not in removed_fields]
            fields = _demands(staying, required, recommended)
    body = UpdateModel(
        description=options.given(description),
        owners=options.given(list(owners) or None),
        tags=options.given(kept),
        metadata_fields=options.given(fields),
    )
    changed = state.client.update_model(model, body, revision=revision)
    state.show(changed, lambda: model_text(changed))


@models.command("archive")
@options.model
@click.option("--undo", is_flag=True, help="Take it out of the archive.")
@pass_state
def archive_model(state: State, model: str, *, undo: bool) -> None:
    """Put a model aside: readable, and closed to new versions."""
    changed = state.client.update_model(model, UpdateModel(archived=not undo))
    state.show(changed, lambda: f"{model} is {'back in use' if undo else 'archived'}.")


@models.command("rename")
@options.model
@click.argument("name")
@click.option("--reason", default="", help="Why: it stays in the history.")
@click.option("--drop-policies", is_flag=True, help="Also where a policy no longer holds under the new name.")
@click.option(
    "--keep-current",
    is_flag=True,
    help="Also where what is current was never judged by a policy that holds under the new name.",
)
@options.yes
@pass_state
def rename_model(
    state: State, model: str, name: str, reason: str, *, drop_policies: bool, keep_current: bool, yes: bool
) -> None:
    """Give MODEL another NAME. The old one leads there until an admin releases it; those who use it have to follow."""

    state.confirm(f"Rename '{model}' to '{name}'?", yes=yes)
    body = RenameModel(name=name, reason=reason, drop_policies=drop_policies, keep_current=keep_current)
    renamed = state.client.rename_model(model, body)
    state.show(renamed, lambda: model_text(renamed))


@models.command("delete")
@options.model
@click.option("--reason", default="", help="Why: it stays in the log.")
@options.yes
@pass_state
def delete_model(state: State, model: str, reason: str, *, yes: bool) -> None:
    """Delete a model. Its name stays taken until an admin restores or releases it."""
    state.confirm(f"Delete '{model}' with all its versions?", yes=yes)
    gone = state.client.delete_model(model, reason=reason)
    state.show(gone, lambda: f"{model} is deleted. An admin can bring it back: model-registry models restore {model!r}")


@models.command("restore")
@options.model
@pass_state
def restore_model(state: State, model: str) -> None:
    """Bring a deleted model back."""
    back = state.client.restore_model(model)
    state.show(back, lambda: model_text(back))


@models.command("release-name")
@options.model
@options.yes
@pass_state
def release_name(state: State, model: str, *, yes: bool) -> None:
    """Free the name of a deleted model, which can't be restored under it then; or a former name of a renamed one."""
    state.confirm(f"Free the name '{model}' for a new model?", yes=yes)
    freed = state.client.release_name(model)
    state.show(freed, lambda: f"The name '{model}' is free.")


def _demands(
    before: Sequence[MetadataField],
    required: Sequence[tuple[str, FieldType]],
    recommended: Sequence[tuple[str, FieldType]],
) -> list[MetadataField]:
    """The fields of before with those given over them, in their order; descriptions stay."""

    fields = {field.key: field for field in before}
    given = [(key, kind, True) for key, kind in required] + [(key, kind, False) for key, kind in recommended]
    if len({key for key, _, _ in given}) < len(given):
        raise click.UsageError("Require or recommend a field once.")
    for key, kind, is_required in given:
        description = fields[key].description if key in fields else ""
        fields[key] = MetadataField(key=key, type=kind, required=is_required, description=description)
    return list(fields.values())


def model_text(model: RegisteredModel) -> str:
    text = facts(
        {
            "name": model.name,
            "owners": joined(model.owners),
            "latest version": model.latest_version,
            "stages": _stages(model),
            "aliases": joined({f"@{name}": number for name, number in model.aliases.items()}),
            "tags": joined(model.tags),
            "archived": model.archived or None,
            "deleted": model.deleted_at,
            "created": model.created_at,
            "created by": model.created_by,
            "updated": model.updated_at,
            "revision": model.revision,
            "url": model.url,
        }
    )
    if model.metadata_fields:
        fields = [
            (field.key, field.type, "required" if field.required else "recommended", field.description)
            for field in model.metadata_fields
        ]
        text += "\n" + section("metadata fields", table(["key", "type", "demand", "description"], fields, empty=""))
    return text + (("\n" + section("description", model.description)) if model.description else "")


def _stages(model: RegisteredModel) -> str | None:
    return joined({name: "-" if number is None else number for name, number in model.stages.items()})


def _status(model: RegisteredModel) -> str:
    if model.deleted_at is not None:
        return "deleted"
    return "archived" if model.archived else "in use"
