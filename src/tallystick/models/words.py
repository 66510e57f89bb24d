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
        "calibration.kind": (
            "calibration {given!r} is not known; allowed: platt, isotonic, beta",
            "未知的校准方法 {given!r}；允许：platt、isotonic、beta",
        ),
        "score.absent": (
            "the row has no {name}; a model needs every label, null allowed: {needed}",
            "该行缺少 {name}；模型需要每个标签（可为空值）：{needed}",
        ),
        "train.column": (
            "model {model}: the training data have no column {name}; given: {given}",
            "模型 {model}：训练数据没有列 {name}；已有：{given}",
        ),
        "train.one_cohort": ("one cohort: there is no later sample to test on", "单一批次：没有之后的样本可供检验"),
        "train.nothing_later": (
            "no training point with a known outcome lies after the cut",
            "切分时点之后没有结果已知的训练点",
        ),
        "store.absent": (
            "no model is stored here; allowed: a file *{suffix} that was written by tally",
            "此处没有保存的模型；允许：由 tally 写入的 *{suffix} 文件",
        ),
        "store.older": (
            "this folder holds a model of an older release, whose reasons meant something else; train it again",
            "此文件夹保存的是旧版本的模型，其理由的含义已不同；请重新训练",
        ),
        "store.size": (
            "the model does not fit a file; allowed: at most {most} bytes",
            "模型超出文件大小；允许：最多 {most} 字节",
        ),
        "store.array": (
            "array {name!r} is {given}; allowed: one or two dimensions of whole or floating numbers, up to 60000 arrays",
            "数组 {name!r} 为 {given}；允许：一维或二维的整数或浮点数，最多 60000 个数组",
        ),
        "store.kind": (
            "the file holds a model of kind {given!r}; allowed: {allowed}",
            "文件中的模型种类为 {given!r}；允许：{allowed}",
        ),
        "store.semantics": (
            "the model was stored with meaning {given}; this release knows {known}",
            "该模型以语义 {given} 保存；本版本只识别 {known}",
        ),
        "store.tampered": ("the stored model is not what was written ({what})", "保存的模型与写入时不一致（{what}）"),
        "frame.sparse": (
            "a sparse matrix is not supported; give a frame, a mapping of columns, or a dense array",
            "不支持稀疏矩阵；请给出数据框、列的映射或稠密数组",
        ),
        "frame.complex": (
            "Complex data not supported: column {name} is {given}",
            "不支持复数（Complex data not supported）：列 {name} 的类型为 {given}",
        ),
        "frame.column_type": (
            "column {name} cannot be read as one type: {reason}",
            "列 {name} 无法按单一类型读取：{reason}",
        ),
        "frame.rows": (
            "Found array with 0 sample(s) while a minimum of 1 is required",
            "数据没有任何行；至少需要 1 行",
        ),
        "frame.width": (
            "Found array with 0 feature(s) (shape=({rows}, 0)) while a minimum of 1 is required.",
            "数据有 {rows} 行但没有任何列；至少需要 1 列",
        ),
        "frame.flat": (
            "the data have one dimension. Reshape your data: allowed are rows × columns",
            "数据只有一维；请改为 行×列",
        ),
        "frame.features": (
            "X has {given} features, but {name} is expecting {needed} features as input",
            "X 有 {given} 列，但 {name} 需要 {needed} 列",
        ),
        "frame.unseen": (
            "The feature names should match those that were passed during fit.\nFeature names unseen at fit time:\n{names}",
            "列名应与训练时一致。\n训练时未出现的列：\n{names}",
        ),
        "frame.missing": (
            "The feature names should match those that were passed during fit.\n"
            "Feature names seen at fit time, yet now missing:\n{names}",
            "列名应与训练时一致。\n训练时有、现在缺少的列：\n{names}",
        ),
        "frame.order": (
            "The feature names should match those that were passed during fit.\n"
            "Feature names must be in the same order as they were in fit.\ngiven: {given}",
            "列名应与训练时一致。\n列的顺序必须与训练时相同；给出：{given}",
        ),
        "target.none": (
            "{name} requires y to be passed, but the target y is None",
            "{name} 需要结果 y，但 y 为 None",
        ),
        "target.missing": (
            "{given} outcomes are missing: the target y contains NaN; leave out the rows whose outcome is not known",
            "有 {given} 个结果缺失；请去掉结果未知的行",
        ),
        "target.infinite": (
            "{given} outcomes are infinity; allowed: two classes",
            "有 {given} 个结果为无穷；允许：两个类别",
        ),
        "target.binary": (
            "Only binary classification is supported. The type of the target is {kind}; allowed: two classes, the second is bad",
            "仅支持二分类；目标类型为 {kind}；允许：两个类别，第二个为坏",
        ),
        "target.kind": (
            "Unknown label type: {given}; allowed: two classes such as 0 and 1, the second is bad",
            "未知的标签类型：{given}；允许：两个类别（如 0 与 1），第二个为坏",
        ),
        "target.one": (
            "all {rows} outcomes are {given!r}: one class; both good and bad must occur",
            "{rows} 个结果全为 {given!r}，只有一个类别；好与坏都必须出现",
        ),
        "weights.some": (
            "the weights must be {rows} finite numbers, none below 0",
            "权重必须是 {rows} 个不小于 0 的有限数",
        ),
        "weights.zero": (
            "every sample weight is zero: no row is left; allowed: at least one weight above zero",
            "所有样本权重都为零，没有可用的行；至少需要一个正权重",
        ),
        "frame.lengths": ("the columns differ in length: {given}", "各列长度不一致：{given}"),
        "design.option": (
            "{name} = {given} is refused; allowed: {allowed}",
            "{name} = {given} 被拒绝；允许：{allowed}",
        ),
        "design.constant": (
            "the outcome has one value on all of the {rows} rows; two at least are needed to learn from",
            "{rows} 行的结果只有一个值；至少需要两个值才能学习",
        ),
        "rejects.option": (
            "{name} = {given} is refused; allowed: {allowed}",
            "{name} = {given} 被拒绝；允许：{allowed}",
        ),
        "rejects.columns": (
            "the refused have the columns {given}; allowed: those of the accepted, in order: {needed}",
            "被拒申请的列为 {given}；允许：与通过申请相同且同序的列：{needed}",
        ),
        "frame.option": (
            "{option} names {given!r}, which is not among the columns; allowed: {allowed}",
            "{option} 中的 {given!r} 不在各列之中；允许：{allowed}",
        ),
        "rejects.none": (
            "nobody was refused, so nothing is unknown; allowed: one refused row at least",
            "没有被拒申请，因此没有未知；允许：至少一行被拒申请",
        ),
        "rejects.unknown": (
            "the outcomes of {rows} refused applicants ({share}% of all) were never seen; figures for them rest on the factor supposed, and only the bounds rest on nothing; to narrow the bounds, approve a small random sample of those who would be refused",
            "{rows} 位被拒申请人（占全部的 {share}%）的结果从未被观察到；对他们的数字取决于所设的系数，只有上下界不依赖任何假设；若要缩小上下界，请随机批准一小部分本应拒绝的申请",
        ),
        "train.refused": (
            "model {model}: {given} rows are refused by {name} and yet have an outcome in {target}; allowed: none; "
            "an outcome of somebody refused cannot have been observed",
            "模型 {model}：{given} 行按 {name} 已被拒绝，却在 {target} 中有结果；不允许：被拒者的结果不可能被观察到",
        ),
        "train.refused_type": (
            "model {model}: {name}, which says who was refused, is {given}; allowed: true, false or null",
            "模型 {model}：{name}（标明谁被拒绝）的类型为 {given}；允许：true、false 或空",
        ),
    }
)
