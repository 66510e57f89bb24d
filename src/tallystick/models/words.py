"""The messages of models."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "frame.shape": (
            "the data have {given}; allowed: a frame, a mapping of columns, or an array of rows × columns",
            "数据为 {given}；允许：数据框、列的映射，或 行×列 的数组",
        ),
        "frame.names": ("{given} names were given for {columns} columns", "给出 {given} 个名称，但有 {columns} 列"),
        "frame.empty": ("the data have no column to learn from", "数据中没有可供学习的列"),
        "frame.type": (
            "column {name} is {given}; allowed: numbers, flags and text",
            "列 {name} 的类型为 {given}；允许：数值、标志与文本",
        ),
        "frame.column": ("column {name} is not in the data; given: {given}", "数据中没有列 {name}；已有：{given}"),
        "frame.number": (
            "{name} is {given}, but the model learnt numbers there",
            "{name} 为 {given}，但模型在此处学习的是数值",
        ),
        "frame.text": (
            "{name} is {given}, but the model learnt text there",
            "{name} 为 {given}，但模型在此处学习的是文本",
        ),
        "target.shape": (
            "the outcomes have shape {given}; allowed: one for each of the {rows} rows",
            "结果的形状为 {given}；允许：{rows} 行各一个",
        ),
        "target.values": (
            "{given} outcomes are neither 0 nor 1; leave out the rows whose outcome is not known",
            "{given} 个结果既非 0 也非 1；请去掉结果未知的行",
        ),
        "target.classes": (
            "{events} of {rows} outcomes are 1; both 0 and 1 must occur",
            "{rows} 个结果中有 {events} 个为 1；0 与 1 都必须出现",
        ),
        "weights.values": ("the weights must be {rows} positive finite numbers", "权重必须是 {rows} 个有限正数"),
        "bins.monotone": (
            "column {name}: monotone {given!r} is not known; allowed: none, ascending, descending, auto",
            "列 {name}：未知的单调方向 {given!r}；允许：none、ascending、descending、auto",
        ),
        "trees.kind": (
            "the trees hold a split of kind {given}; allowed: comparisons of numbers, NaN or none as missing",
            "树中含有类型 {given} 的分裂；允许：数值比较，缺失为 NaN 或无",
        ),
        "calibration.kind": (
            "calibration {given!r} is not known; allowed: platt, isotonic",
            "未知的校准方法 {given!r}；允许：platt、isotonic",
        ),
        "layers.unknown": (
            "layers {given!r} are not known; allowed: one or both of {allowed}",
            "未知的层 {given!r}；允许：{allowed} 中的一个或两个",
        ),
        "folds.few": (
            "{folds} folds cannot all hold both outcomes: the rarer has {given} rows; take fewer folds or more data",
            "{folds} 折无法都包含两种结果：较少的一种只有 {given} 行；请减少折数或增加数据",
        ),
        "score.absent": (
            "the row has no {name}; a model needs every label, null allowed: {needed}",
            "该行缺少 {name}；模型需要每个标签（可为空值）：{needed}",
        ),
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
        "train.column": (
            "model {model}: the training data have no column {name}; given: {given}",
            "模型 {model}：训练数据没有列 {name}；已有：{given}",
        ),
        "split.cut": (
            "a split by time needs cut_at, an instant; given: {given!r}",
            "按时间切分需要 cut_at（时刻）；给出：{given!r}",
        ),
        "train.one_cohort": ("one cohort: there is no later sample to test on", "单一批次：没有之后的样本可供检验"),
        "train.nothing_later": (
            "no training point with a known outcome lies after the cut",
            "切分时点之后没有结果已知的训练点",
        ),
        "store.absent": (
            "no model is stored here; allowed: a folder with model.json, arrays.npz and card.json",
            "此处没有保存的模型；允许：含 model.json、arrays.npz 与 card.json 的文件夹",
        ),
        "store.semantics": (
            "the model was stored with meaning {given}; this release knows {known}",
            "该模型以语义 {given} 保存；本版本只识别 {known}",
        ),
        "store.tampered": ("the stored model is not what was written ({what})", "保存的模型与写入时不一致（{what}）"),
        "store.champion": (
            "model {name} has no champion yet; train and promote a version first",
            "模型 {name} 还没有冠军版本；请先训练并提升一个版本",
        ),
    }
)
