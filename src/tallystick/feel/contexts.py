"""The built-in functions of contexts; a wrong type or number of arguments gives null."""

from __future__ import annotations

from typing import Any

from tallystick.feel.registry import Registrar

_builtin = Registrar()
BUILTINS = _builtin.found


@_builtin("get value", "m, key", "context, key", types=(dict, str))
def _get_value(context: dict[str, Any], key: str) -> Any:
    return context.get(key)


@_builtin("get value", "m, keys", "context, keys", types=(dict, list))
def _get_value_by_path(context: dict[str, Any], keys: list[Any]) -> Any:
    value: Any = context if keys else None
    for key in keys:
        if type(value) is not dict or type(key) is not str:
            return None
        value = value.get(key)
    return value


@_builtin("get entries", "m", "context", types=(dict,))
def _get_entries(context: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in context.items()]


@_builtin("context", "entries", types=(list,))
def _context(entries: list[Any]) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    for entry in entries:
        if type(entry) is not dict or "value" not in entry or type(entry.get("key")) is not str:
            return None
        if entry["key"] in made:
            return None
        made[entry["key"]] = entry["value"]
    return made


@_builtin("context put", "context, key, value", types=(dict, str, Any))
def _context_put(context: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**context, key: value}


@_builtin("context put", "context, keys, value", types=(dict, list, Any))
def _context_put_by_path(context: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any] | None:
    if not path or any(type(key) is not str for key in path):
        return None
    changed = context.copy()
    inner = changed
    for key in path[:-1]:
        below = inner.get(key)
        if type(below) is not dict:
            return None
        inner[key] = below.copy()
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@_builtin("context merge", "contexts", types=(list,))
def _context_merge(contexts: list[Any]) -> dict[str, Any] | None:
    if any(type(context) is not dict for context in contexts):
        return None
    return {key: value for context in contexts for key, value in context.items()}
