"""Write the reference pages that follow from the code: docs/commands.md, http.md, settings.md.

    make docs

A test compares the committed pages with what this makes.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

from typer.main import get_command

from api import consumer, custody, inner
from api.app import create_app
from api.limits import MAX_BODY, PER_MINUTE, Limited
from api.problems import PLAIN, STATUSES
from ledger.services.settings import Settings
from scripts.cli import COMMANDS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def pages() -> dict[str, str]:
    """Return the text of each page by its file's name."""
    return {"commands.md": commands(), "http.md": http(), "settings.md": settings()}


def commands() -> str:
    """Return docs/commands.md: each command of `touchstone` with its arguments and options."""
    parts = [
        "# Commands",
        "Written by `make docs` from the commands' own help. Each prints its result as JSON with "
        "`--json` where it has one, ends with status 0 only on success, and says what is wrong in "
        "one line: [errors.md](errors.md). Settings that are no options: "
        "[settings.md](settings.md).",
    ]
    for name, (module, text) in sorted(COMMANDS.items()):
        command = get_command(importlib.import_module(module).app)
        parts += [f"## touchstone {name}", f"{text[0].upper()}{text[1:]}."]
        parts += _command(f"touchstone {name}", command)
    return "\n\n".join(parts) + "\n"


def settings() -> str:
    """Return docs/settings.md: each setting with its variable, default and meaning."""
    rows = [
        f"| `{Settings.model_config['env_prefix']}{name.upper()}` | {_default(field.default)} | "
        f"{field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Written by `make docs` from `ledger/services/settings.py`. Environment variables; an "
            "option of a command comes before its variable.",
            "",
            "| variable | default | meaning |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def http() -> str:
    """Return docs/http.md: each endpoint with what it takes, and each body with its members."""
    schema = create_app().openapi()
    bodies = schema["components"]["schemas"]
    parts = [
        "# HTTP",
        "Written by `make docs` from the application's own OpenAPI, which a running installation "
        "serves at `/openapi.json`.",
        "Everything under `/v1` needs an API key with a scope: `Authorization: Bearer KEY`. "
        "A key belongs to one party, for which alone it acts and of whose goods alone it is told; "
        "the keys of the installation itself act for any. The scope `admin` includes all others.",
        "What goes to the chain or into the scan log takes an `Idempotency-Key`: sent again "
        "with the same one, a request is answered as before and done once. Keys of different "
        "parties never meet. What goes to the chain answers 202 with the number of a `submission`, "
        "to be asked for until it is CONFIRMED.",
        f"Bodies are JSON of at most {', '.join(_sizes())}. A verdict is no error "
        "([verdicts.md](verdicts.md)). An error is `application/problem+json` (RFC 9457): a code "
        "of [errors.md](errors.md) as its `title`, the sentence as its `detail`. A person's "
        "browser gets a page instead.",
        f"Without an API key one address (of IPv6 one /64) may ask so much a minute: {_calls()}. "
        "What is beyond is 429 with `Retry-After`. Behind a proxy that is not on this machine, "
        "name it in `FORWARDED_ALLOW_IPS` (as uvicorn reads it) and let it set `X-Forwarded-For`, "
        "else all whom it serves are one address.",
        _statuses(),
    ]
    for tag in dict.fromkeys(o["tags"][0] for _, _, o in _operations(schema)):
        parts.append(f"## {tag.capitalize()}")
        for method, path, operation in _operations(schema):
            if operation["tags"][0] == tag:
                parts += [f"### {method.upper()} {path}", cleandoc(operation["description"])]
                parts += _takes(operation)
    parts.append("## Bodies")
    for name, body in bodies.items():
        if not name.endswith("ValidationError"):
            parts += [f"### {name}", cleandoc(body.get("description", "")), _members(body)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sizes() -> Iterator[str]:
    for start, size in MAX_BODY:
        power = (size.bit_length() - 1) // 10
        shown = f"{size >> 10 * power} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
        yield f"{shown} {'under `' + start + '`' if start else 'elsewhere'}"


def _calls() -> str:
    """Say how often each limited route may be asked."""
    routes: dict[str, list[str]] = {name: [] for name in PER_MINUTE}
    for router in (consumer.router, inner.router, custody.relay_router):
        for route in router.routes:
            for each in getattr(route, "dependencies", ()):
                if isinstance(each.dependency, Limited) and route.include_in_schema:
                    routes[each.dependency.name].append(f"`{min(route.methods)} {route.path}`")
    return "; ".join(f"{most:,} of {', '.join(routes[name])}" for name, most in PER_MINUTE.items())


def _statuses() -> str:
    """Return the table of error statuses, each with the codes that have it."""
    codes: dict[int, list[str]] = {422: ["INVALID_REQUEST", "any other code of a rejection"]}
    for status, (code, _) in PLAIN.items():
        codes.setdefault(status, []).append(code)
    for code, status in STATUSES.items():
        codes.setdefault(status, []).append(code)
    codes |= {500: ["INTERNAL", "codes of what is broken"], 503: ["codes of what is unavailable"]}
    rows = [f"| {status} | {', '.join(map(_quoted, codes[status]))} |" for status in sorted(codes)]
    return "\n".join(["| status | codes |", "| --- | --- |", *rows])


def _quoted(code: str) -> str:
    return code if " " in code else f"`{code}`"


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _takes(operation: dict[str, Any]) -> Iterator[str]:
    """Say what an endpoint takes beside its path."""
    given = [
        part
        for part in operation.get("parameters", [])
        if part["in"] == "query" or part["name"] == "Idempotency-Key"
    ]
    if given:
        shown = (f"`{p['name']}` ({p['in']}{', required' if p['required'] else ''})" for p in given)
        yield f"Takes {', '.join(shown)}."
    if content := operation.get("requestBody", {}).get("content"):
        yield f"Body: {_kind(next(iter(content.values()))['schema'])}."
    yield f"Status {' or '.join(s for s in operation['responses'] if s.isdigit())}."


def _members(body: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_kind(member)} | {'required' if name in body.get('required', []) else ''} |"
        for name, member in body.get("properties", {}).items()
    ]
    return "\n".join(["| member | type | |", "| --- | --- | --- |", *rows])


def _kind(schema: dict[str, Any]) -> str:
    """Say a JSON schema's type in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(_kind(part) for part in schema[word])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = str(schema.get("type", "any"))
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None:
        return f"{kind} {low:g} to {high:g}" if high < 1e5 else f"{kind} from {low:g}"
    longest = schema.get("maxLength")
    return f"{kind}, {longest} characters at most" if longest else kind


def _command(usage: str, command: Any) -> Iterator[str]:
    if help_text := cleandoc(command.help or ""):
        yield help_text
    for name, part in sorted(getattr(command, "commands", {}).items()):
        yield f"### {usage} {name}"
        yield from _command(f"{usage} {name}", part)
    rows = [_row(param) for param in command.params if param.name != "help"]
    if rows:
        yield "\n".join(["| | default | meaning |", "| --- | --- | --- |", *rows])


def _row(param: Any) -> str:
    name = " / ".join([*param.opts, *param.secondary_opts])
    if param.param_type_name == "argument":
        name = param.name.upper()
    default = "required" if param.required else _default(param.default)
    return f"| `{name}` | {default} | {(param.help or '').replace('|', '/')} |"


def _default(value: Any) -> str:
    if value is None or value is False or value == frozenset():
        return ""
    return f"`{value}`"


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
