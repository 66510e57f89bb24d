"""The messages of recipes."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "recipe.file": ("the file cannot be read: {reason}", "无法读取该文件：{reason}"),
        "recipe.none": (
            "the file declares no model; allowed: a table [name] for each model",
            "文件中没有声明模型；允许：每个模型一个 [名称] 表",
        ),
        "recipe.table": (
            "{model!r} is not a model; allowed: a table whose name is letters, digits and _",
            "{model!r} 不是模型；允许：名称由字母、数字和 _ 组成的表",
        ),
        "recipe.section": (
            "model {model}: {key} must be a table [{model}.{key}]",
            "模型 {model}：{key} 必须是表 [{model}.{key}]",
        ),
        "recipe.key": (
            "model {model}: {key!r} is not a key; did you mean {near}?",
            "模型 {model}：{key!r} 不是有效的键；是否指 {near}？",
        ),
        "recipe.choice": (
            "model {model}: {key} = {given} is refused; allowed: {allowed}",
            "模型 {model}：{key} = {given} 被拒绝；允许：{allowed}",
        ),
        "recipe.value": (
            "model {model}: {key} = {given} is refused: {reason}",
            "模型 {model}：{key} = {given} 被拒绝：{reason}",
        ),
        "recipe.needed": (
            "model {model}: {key} is needed and may not be empty",
            "模型 {model}：必须给出 {key}，且不能为空",
        ),
        "recipe.cut": (
            'model {model}: cut {given!r} needs kind = "time"; one cohort has no later sample',
            '模型 {model}：cut {given!r} 需要 kind = "time"；单一批次没有之后的样本',
        ),
        "recipe.twice": ("model {model}: label {given} is named twice", "模型 {model}：标签 {given} 重复"),
        "recipe.layer": (
            "model {model}: layer {given!r} is not known; allowed: {allowed}",
            "模型 {model}：未知的层 {given!r}；允许：{allowed}",
        ),
        "recipe.monotone": (
            "model {model}: monotone names {given!r}, which is not among its labels; did you mean {near}?",
            "模型 {model}：monotone 中的 {given!r} 不在其标签中；是否指 {near}？",
        ),
        "recipe.target": (
            "model {model}: target {given!r} is not known; allowed: stream.field, such as statements.default_next",
            "模型 {model}：目标 {given!r} 无效；允许：流.字段，如 statements.default_next",
        ),
        "recipe.label": (
            "model {model}: label {given!r} is not in the library; did you mean {near}?",
            "模型 {model}：标签库中没有 {given!r}；是否指 {near}？",
        ),
        "recipe.type": (
            "model {model}: label {given} is {type}; a model reads {allowed}",
            "模型 {model}：标签 {given} 的类型为 {type}；模型可读取 {allowed}",
        ),
        "recipe.protected": (
            "model {model}: label {given} is protected and may not enter",
            "模型 {model}：标签 {given} 受保护，不得进入模型",
        ),
        "recipe.lineage": (
            "model {model}: label {given} reads the protected column {column} and may not enter",
            "模型 {model}：标签 {given} 读取受保护的列 {column}，不得进入模型",
        ),
        "split.cut": (
            "a split by time needs cut_at, an instant; given: {given!r}",
            "按时间切分需要 cut_at（时刻）；给出：{given!r}",
        ),
        "recipe.both": (
            "model {model}: layers and parts exclude each other; keep one of them",
            "模型 {model}：layers 与 parts 互斥；请只保留其一",
        ),
        "recipe.part": (
            "model {model}: layer {part} reads {given!r}, which is not among its labels; did you mean {near}?",
            "模型 {model}：层 {part} 读取的 {given!r} 不在其标签中；是否指 {near}？",
        ),
        "recipe.special": (
            "model {model}: specials name {given!r}, which is not among its labels; did you mean {near}?",
            "模型 {model}：specials 中的 {given!r} 不在其标签中；是否指 {near}？",
        ),
        "recipe.windows": (
            'model {model}: {key} needs [{model}.split] kind = "time"; one cohort has no order',
            '模型 {model}：{key} 需要 [{model}.split] kind = "time"；单一批次没有先后',
        ),
        "recipe.bounds": (
            "bounds need the names of the grades; given: grades = {given}",
            "bounds 需要等级名称；给出：grades = {given}",
        ),
        "recipe.terms": (
            "model {model}: terms need a declared rating of as many grades: {given} for {grades}",
            "模型 {model}：terms 需要已声明且等级数相同的 rating：{given} 对 {grades}",
        ),
        "recipe.refused_field": (
            "model {model}: field {given!r} is refused; allowed: {points}.field, a flag other than the target",
            "模型 {model}：field {given!r} 被拒绝；允许：{points}.字段，且为目标以外的标志",
        ),
        "recipe.refused": (
            "model {model}: rejects.field {given!r} is not a field; did you mean {near}?",
            "模型 {model}：rejects.field {given!r} 不是字段；是否指 {near}？",
        ),
        "recipe.refused_type": (
            "model {model}: rejects.field {given!r} is {type}; allowed: flag",
            "模型 {model}：rejects.field {given!r} 的类型为 {type}；允许：flag",
        ),
    }
)
