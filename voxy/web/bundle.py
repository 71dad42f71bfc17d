"""Bundle: the modules that every desktop needs as one file.

A browser asks for six files at a time, and each six take a round trip, also where it has them and just asks whether
they are still the same. Whoever asks for one of the modules by its name gets one that takes it from the bundle.
"""

import json
import posixpath
import re
from collections.abc import Mapping, Set

BUNDLE = "js/bundle.js"

_VIEWER = "js/viewer.js"
"""What a page imports by its name when it has words; all else that is bundled it takes from the bundle."""

_THREAD = "js/line_worker.js"
"""What does something as soon as it is read, and so isn't bundled itself."""

_ENTRIES = (_VIEWER, "js/stage.js", _THREAD)
"""Modules that need all that is bundled."""

BROUGHT = ("desktop.html", "i18n/en.json", "i18n/ja.json")
"""Files that come along: every desktop fetches the first and one of the others before it begins."""

_BRINGER = "js/brought.js"
"""The module that has them."""

_IMPORT = re.compile(r"^import \{([^}]*)\} from '(\.[^']+)';$", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.MULTILINE)
_LATER = re.compile(r"\bimport\('(\.[^']+)'\)")
_PRELOAD = re.compile(r' *<link rel="modulepreload" href="([^"]+)">\n')

# Each is made when it is first asked for, as a module is: some look at the page, or say words, when they are.
_WHOLE = """const makers = {{
{makers}
}};
const made = {{}};
const $ = (name) => made[name] ??= makers[name]();
export {{ $ as fromBundle }};
"""


def needed(modules: Mapping[str, str]) -> set[str]:
    """The names of those that every desktop needs."""
    found: set[str] = set()
    waiting = list(_ENTRIES)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [_path(name, target) for _, target in _IMPORT.findall(modules[name])]
    return found - {_THREAD}


def bundle(modules: Mapping[str, str], names: Set[str], brought: Mapping[str, str]) -> dict[str, str]:
    """The same modules by path, and `BUNDLE`, which has those of these names, and files that are `brought` along."""
    texts = {**modules, _BRINGER: f"export const BROUGHT = {json.dumps(brought, ensure_ascii=False)};"}
    makers = ",\n".join(f"'{_short(name)}': () => {{\n{_maker(name, texts[name])}\n}}" for name in sorted(names))
    others = {name: _by_bundle(name, text, names) for name, text in modules.items() if name not in names}
    return {BUNDLE: _WHOLE.format(makers=makers), **others, **{name: _stub(name, modules[name]) for name in names}}


def preload(page: str, names: Set[str]) -> str:
    """The page with the bundle loaded in the place of what is in it, but for what is imported by its name later on."""
    replaced = names - {_VIEWER}
    kept = _PRELOAD.sub(lambda link: "" if link[1] in replaced else link[0], page)
    return kept.replace("<link", f'<link rel="modulepreload" href="{BUNDLE}">\n  <link', 1)


def _path(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


def _relative(name: str, target: str) -> str:
    """How the module `name` calls the path `target`."""
    path = posixpath.relpath(target, posixpath.dirname(name))
    return path if path.startswith(".") else f"./{path}"


def _short(name: str) -> str:
    """What the bundle calls a module: not by a number, since a page may take others from a newer server."""
    return name.removeprefix("js/").removesuffix(".js")


def _taken(names: str, path: str, take: str = "fromBundle") -> str:
    return f"const {{{names.replace(' as ', ': ')}}} = {take}('{_short(path)}');"


def _maker(name: str, text: str) -> str:
    """The body of a function that returns what the module exports."""
    body = _IMPORT.sub(lambda match: _taken(match[1], _path(name, match[2]), "$"), text)
    body = _LATER.sub(lambda match: f"import('{_relative(BUNDLE, _path(name, match[1]))}')", body)
    body = _EXPORT.sub(r"\1 \2", body)
    return f"{body}\nreturn {{ {', '.join(_exported(text))} }};"


def _exported(text: str) -> list[str]:
    return [name for _, name in _EXPORT.findall(text)]


def _stub(name: str, text: str) -> str:
    names = ", ".join(_exported(text))
    return f"{_import_bundle(name)}export const {{ {names} }} = fromBundle('{_short(name)}');\n"


def _import_bundle(name: str) -> str:
    return f"import {{ fromBundle }} from '{_relative(name, BUNDLE)}';\n"


def _by_bundle(name: str, text: str, names: Set[str]) -> str:
    """The module with what it imports of those in the bundle taken from there."""

    def take(match: re.Match[str]) -> str:
        path = _path(name, match[2])
        return _taken(match[1], path) if path in names else match[0]

    body = _IMPORT.sub(take, text)
    return body if body == text else _import_bundle(name) + body
