"""The messages of segments and their directories of keys."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "segments.name": (
            "{given!r} cannot name a segment or entity; allowed: letters, digits and _, no digit first",
            "{given!r} 不能作为客群或实体的名称；允许：字母、数字和 _，首字符不为数字",
        ),
        "segments.unknown": (
            "no segment {given!r} is built here; built: {allowed}",
            "此处没有已构建的客群 {given!r}；已构建：{allowed}",
        ),
        "segments.none_by_then": (
            "segment {given!r} has no build for t ≤ {t} and k ≤ {k}; its first is for t = {first}",
            "客群 {given!r} 没有 t ≤ {t} 且 k ≤ {k} 的构建；最早的构建为 t = {first}",
        ),
        "segments.version": (
            "segment {given!r} has no version {version!r}; built: {allowed}",
            "客群 {given!r} 没有版本 {version!r}；已构建：{allowed}",
        ),
        "segments.label": (
            "segment {name}: {given!r} is no label; nearest: {allowed}",
            "客群 {name}：{given!r} 不是标签；最接近：{allowed}",
        ),
        "segments.condition": (
            "segment {name}: the condition {given!r} cannot be read: {detail}",
            "客群 {name}：条件 {given!r} 无法解析：{detail}",
        ),
        "segments.no_label": (
            "segment {name}: the condition {given!r} reads no label",
            "客群 {name}：条件 {given!r} 未读取任何标签",
        ),
        "segments.entity": (
            "segment {name}: label {label!r} is of {given}; allowed: labels of {entity} alone",
            "客群 {name}：标签 {label!r} 属于 {given}；允许：仅属于 {entity} 的标签",
        ),
        "segments.entity_none": (
            "segment {name}: {given!r} is no entity of the label file; allowed: {allowed}",
            "客群 {name}：{given!r} 不是标签文件的实体；允许：{allowed}",
        ),
        "segments.entity_other": (
            "segment {name} is built on {allowed}, the condition is of {given}; allowed: another name",
            "客群 {name} 建立在 {allowed} 之上，而该条件属于 {given}；允许：另取名称",
        ),
        "segments.flag": (
            "segment {name}: the condition {given!r} gives {value}; allowed: true, false or null",
            "客群 {name}：条件 {given!r} 的结果为 {value}；允许：true、false 或 null",
        ),
        "segments.stale": (
            "segment {name} was defined on label {label!r} of version {given}, the library has {allowed}; "
            "define it again",
            "客群 {name} 基于标签 {label!r} 的版本 {given} 定义，而标签库为 {allowed}；请重新定义",
        ),
        "segments.served": (
            "segment {name} was built for t = {t}, k = {k} with other members or keys ({given} then, {size} now); "
            "what was served stays; allowed: a later k",
            "客群 {name} 已按 t = {t}、k = {k} 构建，成员或键不同（当时 {given}，现在 {size}）；"
            "已提供的结果不变；允许：更晚的 k",
        ),
        "segments.keys": (
            "keys of {entity} are {given}; allowed: {allowed}, none missing",
            "{entity} 的键为 {given}；允许：{allowed}，且不可缺失",
        ),
        "segments.keys_max": (
            "{entity} would have {given} keys; allowed: {allowed}",
            "{entity} 将有 {given} 个键；允许：{allowed}",
        ),
        "segments.directory": (
            "these segments number other keys: {given} and {allowed}; allowed: segments of one entity in one folder",
            "这些客群的键编号不同：{given} 与 {allowed}；允许：同一文件夹中同一实体的客群",
        ),
        "segments.count": ("{given} members are asked for; allowed: 0 or more", "要求 {given} 个成员；允许：0 或更多"),
        "segments.file": (
            "this file of segments cannot be read: {detail}; bring it back from a copy",
            "客群文件无法读取：{detail}；请从副本恢复",
        ),
        "segments.busy": (
            "another process builds segments in {given}; try again when it has ended",
            "另一进程正在 {given} 中构建客群；请在其结束后重试",
        ),
    }
)
