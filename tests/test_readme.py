"""What the documentation promises holds: its programs run, and its commands, options, links and names exist."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytest.importorskip("gradio")

import app
from maskgan.ui.api import Api

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = ("README.md", "examples/README.md", "maskgan/weights/README.md")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, as they stand."""
    return [block for name, block in _FENCE.findall(text) if name == language]


def spans(text: str) -> list[str]:
    """The `code` within sentences and tables, on one line each."""
    found = re.findall(r"`([^`]+)`", _FENCE.sub("", text))
    return [" ".join(span.replace(r"\|", "|").split()) for span in found]


# ---------------------------------------------------------------- programs


@pytest.mark.parametrize(("language", "program"), [("python", "client.py"), ("js", "client.mjs")])
def test_snippets_for_clients_are_parts_of_the_example_programs(language: str, program: str) -> None:
    """Those programs are run against a server, by the tests of the endpoints."""
    snippets = [block for block in blocks(README, language) if "client.predict(" in block]
    assert snippets and f"examples/programs/{program}" in README
    for snippet in snippets:
        assert snippet in (ROOT / "examples" / "programs" / program).read_text()


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block after another, for later ones go on with what earlier ones made."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    programs = [block for block in blocks(README, "python") if "client.predict(" not in block]
    assert programs
    names: dict[str, object] = {}
    for number, block in enumerate(programs):
        exec(compile(block, f"python block {number} of README.md", "exec"), names)


# ---------------------------------------------------------------- commands


class Parsed(Exception):  # noqa: N818
    """Stops a program once its parser, the exception's only value, has read the arguments."""


Read = Callable[..., argparse.ArgumentParser]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Let a program read a command's arguments, and no more; `part`: those that it needs may be missing."""
    parse = argparse.ArgumentParser.parse_args

    def read(module: str, arguments: list[str], part: bool = False) -> argparse.ArgumentParser:
        def parse_and_stop(parser: argparse.ArgumentParser, argv: list[str] | None = None) -> None:
            for action in parser._actions if part else ():
                action.required = False
            parse(parser, argv)
            raise Parsed(parser)

        with monkeypatch.context() as patch, pytest.raises(Parsed) as stopped:
            patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
            patch.setattr("sys.argv", [module, *arguments])
            importlib.import_module(module).main()
        return stopped.value.args[0]

    return read


def program_of(command: str) -> tuple[str, list[str]] | None:
    """The module of this project that a command runs, and what it gets; None for other programs."""
    words = shlex.split(command)
    for place, word in enumerate(words):
        if word.endswith(".py") and (path := next((p for p in (word, f"lab/{word}") if (ROOT / p).is_file()), None)):
            return path.removesuffix(".py").replace("/", "."), words[place + 1 :]
        if word == "-m" and re.fullmatch(r"(maskgan|lab|tests)(\.\w+)?", words[place + 1]):
            module = "maskgan.__main__" if words[place + 1] == "maskgan" else words[place + 1]
            return module, words[place + 2 :]
    return None


def commands(text: str) -> list[tuple[str, list[str]]]:
    """What the shell blocks run of this project."""
    lines = [line for block in blocks(text, "bash") for line in block.replace("\\\n", " ").splitlines()]
    single = [command for line in lines for command in line.split("&&")]
    return [program for command in single if (program := program_of(command)) is not None]


def mentioned(text: str) -> list[tuple[str, list[str]]]:
    """What sentences name of commands, often a part of one."""
    named = [span for span in spans(text) if re.match(r"(python|accelerate launch|\w+\.py --)", span)]
    return [program for span in named if (program := program_of(span)) is not None]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_programs_understand_their_commands(document: str, read: Read) -> None:
    text = (ROOT / document).read_text()
    for module, arguments in commands(text):
        read(module, arguments)
    for module, arguments in mentioned(text):
        read(module, arguments, part=True)


def test_commands_are_found() -> None:
    """Without this, an empty list would pass."""
    modules = {module for module, _ in commands(README)}
    assert {"app", "maskgan.__main__", "lab.evaluate", "lab.train_ebst"} <= modules
    assert "maskgan.benchmark" in {module for module, _ in mentioned(README)}


def test_flags_that_sentences_name_exist(read: Read) -> None:
    known = {"--config_file"}  # Accelerate's own
    for module, arguments in commands(README) + mentioned(README):
        parser = read(module, arguments, part=True)
        groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for one in (parser, *(command for group in groups for command in group.choices.values())):
            known |= set(one._option_string_actions)
    named = {span.split()[0] for span in spans(README) if span.startswith("--")}
    assert named and named <= known, named - known


def test_a_wrong_command_would_be_seen(read: Read) -> None:
    with pytest.raises(SystemExit):
        read("lab.train_parser", ["--data", "DATA", "--out", "OUT", "--no-such-flag"])
    with pytest.raises(SystemExit):
        read("lab.train_parser", ["--data", "DATA"])


# ---------------------------------------------------------------- options


def test_the_table_of_options_is_the_app_s_own() -> None:
    """The same names in both, a value where one is shown, and the default where its value is told."""
    rows = re.findall(r"^\| (`--.*?`) \| (.*) \|$", README, re.MULTILINE)
    actions = {action.option_strings[-1]: action for action in app.build_parser()._actions if action.dest != "help"}
    shown: list[str] = []
    for first, meaning in rows:
        for option, _, value in (span.partition(" ") for span in spans(first)):
            shown.append(option)
            assert option in actions, f"app.py has no {option}"
            assert not value or actions[option].nargs != 0, f"{option} takes no value"
            for default in re.findall(r"default:? `([^`]+)`", meaning):
                assert str(actions[option].default) == default, option
    assert sorted(shown) == sorted(actions)


def test_endpoints_and_names_exist() -> None:
    named = spans(README)
    endpoints = {span for span in named if re.fullmatch(r"/[a-z_]+", span)}
    assert endpoints == {f"/{name}" for name, method in vars(Api).items() if hasattr(method, "__wrapped__")}
    for span in named:
        if re.fullmatch(r"(maskgan|lab)(\.[a-z]\w*)+", span):
            importlib.import_module(span)
        elif re.fullmatch(r"(maskgan|lab|examples|tests)/[\w./]+", span):
            assert (ROOT / span).exists(), span


# ---------------------------------------------------------------- what is fetched


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-onnx.txt"])
def test_no_package_is_fetched_in_a_version_that_nobody_has_tried(name: str) -> None:
    """The next major version of one may be anything."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    for line in filter(None, lines):
        if not line.startswith("-r "):
            operators = {each.operator for each in Requirement(line).specifier}
            assert operators & {"<", "==", "~="}, line


def test_what_npm_fetches_has_a_version() -> None:
    said = [(ROOT / ".ci" / "run").read_text(), README, (ROOT / "examples/programs/client.mjs").read_text()]
    fetched = [found for text in said for found in re.findall(r"npm install.*?(@gradio/client\S*)", text)]
    assert len(fetched) == 3 and all(re.match(r"@gradio/client@\d", found) for found in fetched)


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" not in link and not link.startswith("#"):
            assert (path.parent / link.partition("#")[0]).exists(), f"{document} links to {link}"
