"""The settings of a stage: one frozen dataclass whose fields declare all that is known of its flags.

The command line, the form of the Lab page and the list of what a browser may set are derived from it. To add a flag,
add a field:

    kl_weight: float = flag(1e-5, "lambda_KL of eq. (3)", bounds=Number(float, 0, 1))

and read `settings.kl_weight`. With `bounds` a browser may set it, without them only the command line. With
`page=Page("Weight of KL")` it also stands in the form.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from maskgan.editing.pipeline import WEIGHTS
from maskgan.run_requests import Bounds, Choice, FormField, NetworkField, Number, StageForm, Switch, checked

SCHEDULERS = ("cosine", "linear", "constant")
PRECISIONS = ("no", "bf16", "fp16")

#: Sizes of networks, the usual one first.
PRESETS = ("studio", "published", "tiny")
_PRESET_TITLES = ("this app's", "published", "tiny")


class Page(NamedTuple):
    """How a flag stands in the form; see `FormField` for the attributes.

    A field that sets several flags stands at the first of them, with `name`, `bounds`, `usual` and `sets` of its own.
    """

    label: str
    place: int | None = None
    trial: Any = None  # None: as usual
    titles: tuple[str, ...] = ()
    name: str | None = None
    bounds: Bounds | None = None
    usual: Any = None
    random_only: bool = False
    sets: Callable[[Any], Mapping[str, Any]] | None = None


class Network(NamedTuple):
    """That a flag names a folder with a network; see `NetworkField` for the attributes."""

    label: str
    stages: tuple[str, ...]
    bundled: bool = True
    random: bool = False


class Flag(NamedTuple):
    """What a field tells of its flag, beside its name, type and default.

    Attributes:
        help: for the command line.
        choices: the only values there are.
        bounds: what a browser may set; None when only the command line may.
        page, network: how it stands in the form, if it does.
        metavar, parse: as `argparse` has them; `parse` is the field's type by default.
    """

    help: str | None = None
    choices: tuple[str | int, ...] = ()
    bounds: Bounds | None = None
    page: Page | None = None
    network: Network | None = None
    metavar: str | None = None
    parse: Callable[[str], Any] | None = None


def flag(default: Any = MISSING, help: str | None = None, **more: Any) -> Any:
    """A field of settings; see `Flag` for what can be told of it. Without a default the command line must give it."""
    return field(default=default, metadata={"flag": Flag(help, **more)})


def common(name: str, default: Any, trial: Any = None) -> Any:
    """The flag `name` of `Settings` with a stage's own default, and its own value for a trial."""
    inherited = flag_of(next(each for each in fields(Settings) if each.name == name))
    page = inherited.page and inherited.page._replace(trial=trial)
    return field(default=default, metadata={"flag": inherited._replace(page=page)})


def preset_flag(default: str | None, names: Sequence[str], help: str | None = None) -> Any:
    """The flag that chooses the size of a network with random weights."""
    page = Page("Network size", name="preset", place=1, titles=_PRESET_TITLES, usual="studio", random_only=True)
    return flag(default, help, choices=tuple(names), bounds=Choice(PRESETS), page=page)


def flag_of(each: Field) -> Flag:
    """What a field of settings tells of its flag."""
    return each.metadata["flag"]


def data_source(text: str) -> Path | str:
    """A folder, or a URL as it is."""
    return text if "://" in text else Path(text)


def saved_every(steps: int) -> dict[str, int]:
    """The flags of a run that saves and shows samples every so many steps."""
    return {"checkpointing_steps": steps, "sample_steps": steps, "log_steps": max(1, min(20, steps // 20))}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every stage has.

    Attributes of the class:
        stage: name of the script.
        title: for people.
        term: what the field calls it.
        starts_trained: whether a run usually goes on with trained weights rather than from random ones.
    """

    stage: ClassVar[str]
    title: ClassVar[str]
    term: ClassVar[str] = ""
    starts_trained: ClassVar[bool] = False

    data: tuple[Path | str, ...] = flag(
        help="folders in the plain format (images/, masks/, index.csv), or one folder or URL of shards",
        parse=data_source,
    )
    out: Path = flag(help="run folder; a disk that all machines share")
    base: Path = flag(WEIGHTS, "pipeline whose other networks complete the published snapshots")
    weights: Path | None = flag(None, "start from this network (a run's or pipeline folder), not from random weights")
    resolution: int = flag(
        256,
        bounds=Choice((64, 128, 256, 512)),
        page=Page("Picture size", place=2, titles=("64 px", "128 px", "256 px", "512 px")),
    )
    batch_size: int = flag(8, "per process", bounds=Number(int, 1, 512), page=Page("Faces at once", place=4, trial=4))
    gradient_accumulation_steps: int = flag(1, "batches per step", bounds=Number(int, 1, 256))
    max_steps: int = flag(20_000, bounds=Number(int, 1, 10_000_000), page=Page("Steps", place=3, trial=100))
    max_minutes: float | None = flag(
        None, "stop after so many minutes, whatever --max-steps; the learning rate falls to its end in this time"
    )
    learning_rate: float = flag(2e-4, bounds=Number(float, 1e-7, 0.1), page=Page("Learning speed", place=5, trial=1e-4))
    lr_scheduler: str = flag(
        "cosine",
        "down to a tenth, or not",
        choices=SCHEDULERS,
        bounds=Choice(SCHEDULERS),
    )
    warmup_steps: int = flag(100, bounds=Number(int, 0, 100_000))
    ema_decay: float = flag(0.998, bounds=Number(float, 0, 0.99999))
    mixed_precision: str = flag(
        "no",
        choices=PRECISIONS,
        bounds=Choice(PRECISIONS),
        page=Page("Precision", titles=("32 bit", "bf16", "fp16")),
    )
    channels_last: bool | None = flag(None, "memory layout (default: where it is faster)")
    compile: bool = flag(False, "torch.compile the trained networks")
    cpu: bool = flag(False, "train on the CPU though there is a GPU", bounds=Switch())
    checkpointing_steps: int = flag(
        500,
        bounds=Number(int, 1, 1_000_000),
        page=Page("Save every", name="every", place=6, trial=10, sets=saved_every),
    )
    checkpoints_total_limit: int = flag(2, bounds=Number(int, 1, 100))
    resume: str = flag("auto", "newest checkpoint of --out, none, or this one", metavar="auto|never|FOLDER")
    sample_steps: int = flag(500, bounds=Number(int, 1, 1_000_000))
    log_steps: int = flag(20, bounds=Number(int, 1, 100_000))
    num_workers: int = flag(1, bounds=Number(int, 0, 32))
    seed: int = flag(0, bounds=Number(int, 0, 2**31 - 1), page=Page("Seed"))
    report_to: str | None = flag(None, "trackers of Accelerate, e.g. tensorboard")
    push_to_hub: str | None = flag(None, "upload the last snapshot to this model repository", metavar="OWNER/NAME")
    dry_run: bool = flag(False, "two steps, then everything that a run writes")

    def to_json(self) -> dict[str, Any]:
        """The stage and all settings with plain values, for `config.json`."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
        return {"stage": self.stage, **values, "data": [str(source) for source in self.data]}


S = TypeVar("S", bound=Settings)

#: Flags that give networks their kind and size: a run goes on with those that it began with.
SIZES = (
    "resolution", "preset", "network", "style_scope", "encoder", "adversary", "discriminator_width",
    "discriminator_layers", "discriminator_unshuffle", "pixel_head", "blender_width",
)  # fmt: skip


def other_sizes(before: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str] = SIZES) -> str:
    """Which of the flags `names` differ between two `config.json`, in words; empty when none does."""
    changed = (name for name in names if name in before and name in now and before[name] != now[name])
    return ", ".join(f"{option(name)} was {before[name]} and is {now[name]}" for name in changed)


# ---------------------------------------------------------------- the command line


def command_line(stage: type[Settings], description: str | None) -> argparse.ArgumentParser:
    """The parser of a stage's script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    hints = get_type_hints(stage)
    for each in fields(stage):
        parser.add_argument(option(each.name), **_argument(each, hints[each.name]))
    return parser


def _argument(each: Field, hint: Any) -> dict[str, Any]:
    """The keywords of `add_argument` for a field of type `hint`."""
    told = flag_of(each)
    types = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    keywords: dict[str, Any] = {"help": told.help}
    keywords |= {"required": True} if each.default is MISSING else {"default": each.default}
    if hint is bool:
        return {**keywords, "action": "store_true"}
    if bool in types:
        return {**keywords, "action": argparse.BooleanOptionalAction}
    keywords |= {"type": told.parse or types[0], "metavar": told.metavar}
    if told.choices:
        keywords["choices"] = told.choices
    if get_origin(hint) is tuple:
        keywords["nargs"] = "+"
    return keywords


def read_command_line(stage: type[S], description: str | None) -> S:
    """The settings that a script was called with; ends the program with a sentence when they make no sense."""
    parser = command_line(stage, description)
    given = vars(parser.parse_args())
    try:
        settings = stage(**given | {"data": tuple(given["data"])})
    except ValueError as error:
        parser.error(str(error))
    if settings.dry_run:
        settings = replace(settings, max_steps=2, checkpointing_steps=1, sample_steps=2, log_steps=1)
    return settings


def option(name: str) -> str:
    """A flag as it stands in a command: "batch_size" -> "--batch-size"."""
    return "--" + name.replace("_", "-")


# ---------------------------------------------------------------- the page


def form_of(stage: type[Settings]) -> StageForm:
    """The form of a stage."""
    shown, networks = [], []
    for each in fields(stage):
        told = flag_of(each)
        if told.page:
            shown.append(_form_field(each, told, told.page))
        if told.network:
            networks.append(NetworkField(each.name, *told.network))
    return StageForm(stage.stage, stage.title, tuple(shown), tuple(networks), stage.starts_trained, stage.term)


def _form_field(each: Field, told: Flag, page: Page) -> FormField:
    bounds = page.bounds or told.bounds
    if bounds is None:
        raise TypeError(f"{each.name} stands on the page and has no bounds.")
    usual = each.default if page.usual is None else page.usual
    name, sets = page.name or each.name, page.sets
    if sets is None and name != each.name:
        sets = lambda value: {each.name: value}  # noqa: E731
    return FormField(
        name=name,
        label=page.label,
        bounds=bounds,
        usual=usual,
        trial=usual if page.trial is None else page.trial,
        place=page.place,
        titles=page.titles,
        random_only=page.random_only,
        sets=sets,
    )


def arguments_for(stage: type[Settings], flags: Mapping[str, Any]) -> list[str]:
    """The part of a command that sets `flags` (by name, with underscores), which may come from a browser.

    Raises:
        ValueError: for a flag that a browser may not set, or a value out of its bounds.
    """
    allowed = {each.name: flag_of(each).bounds for each in fields(stage)}
    arguments: list[str] = []
    for name, value in flags.items():
        bounds = allowed.get(name)
        if bounds is None:
            raise ValueError(f"{stage.stage} has no setting {name!r} that can be changed here; leave it out.")
        text = checked(name, bounds, value)
        if not isinstance(bounds, Switch):
            arguments += [option(name), text]
        elif value:
            arguments.append(option(name))
    return arguments
