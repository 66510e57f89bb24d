"""The messages of the desk."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "project.none": (
            "{given} is not a project: it has no tallystick.toml; `tally init {given}` makes one, `tally -p DIR` names another",
            "{given} 不是项目：没有 tallystick.toml；可用 `tally init {given}` 新建，或用 `tally -p DIR` 指定",
        ),
        "project.exists": (
            "{given} already holds a project; nothing was written. Allowed: a new or an empty folder",
            "{given} 已有项目，未写入任何内容。允许：新的或空的文件夹",
        ),
        "project.path": (
            "{given!r} names the folder {name!r}, which [paths] of tallystick.toml does not define; defined: {allowed}",
            "{given!r} 使用了文件夹 {name!r}，但 tallystick.toml 的 [paths] 未定义；已定义：{allowed}",
        ),
        "flow.model": (
            "flow {flow}: unknown model {given!r}; models.toml has: {allowed}",
            "流程 {flow}：未知模型 {given!r}；models.toml 中有：{allowed}",
        ),
        "flow.stream": (
            "flow {flow}: {given!r} is no stream of labels.py; allowed: {allowed}",
            "流程 {flow}：{given!r} 不是 labels.py 的事件流；允许：{allowed}",
        ),
        "flow.source": (
            "stream {given!r} of labels.py is no source of sources.toml; allowed: {allowed}",
            "labels.py 的事件流 {given!r} 不在 sources.toml 中；允许：{allowed}",
        ),
        "flow.decision": (
            "flow {flow}: {given!r} is no decision; allowed: {allowed}",
            "流程 {flow}：{given!r} 不是决策；允许：{allowed}",
        ),
        "flow.input": (
            "flow {flow}: decision {decision} reads {given!r}, which is no label, no field of {stream}, nor score or pd; nearest: {allowed}",
            "流程 {flow}：决策 {decision} 读取 {given!r}，它既非标签、也非 {stream} 的字段、score 或 pd；最接近：{allowed}",
        ),
        "flow.ambiguous": (
            "flow {flow}: {given!r} is both a label and a field of {stream}; rename the label",
            "流程 {flow}：{given!r} 既是标签又是 {stream} 的字段；请重命名标签",
        ),
        "flow.unknown": (
            "no flow answers an event of stream {given!r}; allowed: {allowed}",
            "没有流程处理事件流 {given!r}；允许：{allowed}",
        ),
        "model.gates": (
            "model {given!r} failed its gates ({detail}) and has no earlier champion to answer in its place",
            "模型 {given!r} 未通过门槛（{detail}），且没有可代为答复的现任模型",
        ),
        "protected.unknown": (
            "model {model}: protected {given!r} is neither a label nor a column of a source; nearest: {near}",
            "模型 {model}：受保护的 {given!r} 既不是标签，也不是数据源的列；最接近：{near}",
        ),
        "target.field": (
            "model {model}: target {given!r} is not stream.field; allowed: {allowed}",
            "模型 {model}：目标 {given!r} 不是“流.字段”；允许：{allowed}",
        ),
        "event.stream": (
            "an event needs a stream; given {given!r}, allowed: {allowed}",
            "事件必须有 stream；给出 {given!r}，允许：{allowed}",
        ),
        "event.json": (
            '{given} is not one JSON object in UTF-8; allowed: one event, such as {{"stream": …, …}}',
            '{given} 不是一个 UTF-8 的 JSON 对象；允许：一个事件，如 {{"stream": …, …}}',
        ),
        "event.long": (
            "{given} is longer than {allowed} bytes; an event is one JSON object",
            "{given} 超过 {allowed} 字节；事件是一个 JSON 对象",
        ),
        "event.file": (
            "{given} cannot be read: {why}; allowed: a file with one event as a JSON object, or - for standard input",
            "无法读取 {given}：{why}；允许：含一个事件（JSON 对象）的文件，或 - 表示标准输入",
        ),
        "event.known": (
            "event {given!r} of stream {stream} is already recorded as a fact; it asks for a decision only once",
            "事件流 {stream} 的事件 {given!r} 已作为事实记录；只能请求一次决策",
        ),
        "event.refused": (
            "event {given!r} of stream {stream} was refused: {reason}; nothing was written",
            "事件流 {stream} 的事件 {given!r} 被拒绝：{reason}；未写入任何内容",
        ),
        "request.id": (
            "request_id {given} is not a name; allowed: text of 1 to {allowed} printable characters, or none at all",
            "request_id {given} 不是名称；允许：1 到 {allowed} 个可打印字符的文本，或不给出",
        ),
        "event.revised": (
            "event {given!r} of stream {stream} is a correction or retraction; only a first revision asks for a decision",
            "事件流 {stream} 的事件 {given!r} 是更正或撤回；只有首个版本可请求决策",
        ),
        "event.future": (
            "an event of stream {stream} happened at {given}, which is still to come; nothing was written",
            "事件流 {stream} 的事件发生时间 {given} 尚未到来；未写入任何内容",
        ),
        "request.reserved": (
            "request id {given!r} begins with {allowed!r}, which names requests without an id of their own",
            "请求编号 {given!r} 以 {allowed!r} 开头，该前缀用于没有自带编号的请求",
        ),
        "request.conflict": (
            "request {given!r} was answered before with another body; the first answer stands, this one is refused",
            "请求 {given!r} 之前以不同内容得到过答复；首次答复有效，本次拒绝",
        ),
        "decision.none": (
            "no decision {given!r} in the journal; nearest recorded: {allowed}",
            "日志中没有决策 {given!r}；最接近的记录：{allowed}",
        ),
        "decision.erased": (
            "decision {given!r} was erased: its subject was forgotten; the proof of its leaf still verifies",
            "决策 {given!r} 已被抹除：其主体已被遗忘；叶子的证明仍可验证",
        ),
        "lake.empty": (
            "the lake has no table {given!r}; run `tally load` first",
            "湖中没有表 {given!r}；请先运行 `tally load`",
        ),
        "labels.stale": (
            "label values of {given!r} are not computed for the loaded data; run `tally labels compute` first",
            "{given!r} 的标签值尚未按已加载数据计算；请先运行 `tally labels compute`",
        ),
        "model.stale": (
            "model {given!r} was trained on another meaning of label {label!r}; run `tally train` first",
            "模型 {given!r} 训练时标签 {label!r} 的含义不同；请先运行 `tally train`",
        ),
        "replay.version": (
            "decision {given!r} was taken by {what} {version}, which this project no longer has; nothing was replayed",
            "决策 {given!r} 由 {what} {version} 作出，项目中已无该版本；未重放任何内容",
        ),
        "run.step": ("unknown step {given!r}; allowed: {allowed}", "未知步骤 {given!r}；允许：{allowed}"),
        "run.none": ("nothing was run here yet; run `tally run` first", "此处尚未运行；请先运行 `tally run`"),
        "catalogue.unknown": (
            "{given!r} is no label or model of this project; nearest: {allowed}",
            "{given!r} 不是本项目的标签或模型；最接近：{allowed}",
        ),
        "catalogue.no_point": (
            "no model or flow looks at points that have values of {given}; allowed: labels of the entities of their streams",
            "没有模型或流程的观测点具有 {given} 的值；允许：其事件流所含实体的标签",
        ),
        "catalogue.month": (
            "{given!r} is no month of the data; allowed: {allowed}",
            "{given!r} 不是数据中的月份；允许：{allowed}",
        ),
        "lineage.aggregate": (
            "{what} of {stream} per {entity} over {window}{more}",
            "{stream} 按 {entity} 的 {what}，窗口 {window}{more}",
        ),
        "lineage.own": ("{column} of the own {stream} event", "{stream} 自身事件的 {column}"),
        "lineage.column": ("{type}  {description}", "{type}  {description}"),
        "lineage.joined": ("a joined label", "关联的标签"),
        "lineage.note": ("{text}", "{text}"),
        "lineage.kind_label": ("label", "标签"),
        "lineage.kind_aggregate": ("aggregate", "聚合"),
        "lineage.kind_column": ("column", "列"),
        "lineage.kind_file": ("file", "文件"),
        "lineage.kind_model": ("model", "模型"),
        "lineage.kind_flow": ("flow", "流程"),
        "lineage.kind_decision": ("decision", "决策"),
        "lineage.kind_segment": ("segment", "客群"),
        "diff.part": ("{part}: {old} → {new}", "{part}：{old} → {new}"),
        "diff.none": (
            "{given!r} is no file and begins no one kept version; kept: {allowed}",
            "{given!r} 既不是文件，也不是唯一一个已保存版本的开头；已保存：{allowed}",
        ),
        "segments.meaning": (
            "segment {given!r} was never built here; allowed: give its entity and its condition",
            "客群 {given!r} 尚未构建；允许：给出其实体和条件",
        ),
        "segments.expression": (
            "{given!r} is no expression over segments; allowed: names, &, |, -, ~ and brackets",
            "{given!r} 不是客群表达式；允许：名称、&、|、-、~ 和括号",
        ),
        "segments.output": (
            "{given!r} is no file for keys; allowed: a name that ends in .csv or .parquet",
            "{given!r} 不能作为键的输出文件；允许：以 .csv 或 .parquet 结尾的名称",
        ),
        "event.key_empty": (
            "field {name} of stream {stream} is a key and required, and was given as empty text",
            "事件流 {stream} 的字段 {name} 是必填的键，却给出了空文本",
        ),
        "live.compacted": (
            "fact {given} of stream {stream} is older than the kept label state allows; allowed: a state made anew from lake and journal",
            "事件流 {stream} 的事实 {given} 早于已保存标签状态所允许的时间；允许：由数据湖与日志重新生成状态",
        ),
        "export.name": (
            "{given} is no name of a model; allowed: letters, digits and _, a digit not first",
            "{given} 不是模型名称；允许：字母、数字和 _，且不以数字开头",
        ),
        "export.form": ("{given} is no form of export; allowed: {allowed}", "{given} 不是导出形式；允许：{allowed}"),
        "export.suffix": (
            "{given} is no scorecard file; allowed: {allowed}",
            "{given} 不是评分卡文件；允许：{allowed}",
        ),
        "export.parts": (
            "model {model} is made of {given}; allowed: one scorecard for each branch, and nothing beside it",
            "模型 {model} 由 {given} 组成；允许：每个分支一张评分卡，别无其他",
        ),
        "export.branches": (
            "model {model} has {given} branches, which this form cannot hold; allowed: {allowed}",
            "模型 {model} 有 {given} 个分支，该形式无法表示；允许：{allowed}",
        ),
        "export.calibrated": (
            "model {model}: its final points are not those of its scorecard, because it was calibrated; allowed: {allowed}",
            "模型 {model}：经过校准，最终分值不等于评分卡分值；允许：{allowed}",
        ),
        "export.totals": (
            "model {model} has {given} different totals; allowed: {allowed}; take a smaller pdo",
            "模型 {model} 有 {given} 个不同总分；允许：{allowed}；请减小 pdo",
        ),
        "export.text": ("the text {given!r} cannot be written in this form", "文本 {given!r} 无法以该形式写出"),
        "export.label": (
            "the label {given!r} cannot have its name in this form: it is no name there, or that of a result; rename it",
            "标签 {given!r} 在该形式中不能用此名称：不是合法名称，或与结果同名；请改名",
        ),
        "export.write": ("the file cannot be written: {given}", "无法写入该文件：{given}"),
        "model.waiting": (
            "model {given!r} waits for {missing} approvals and has no earlier champion to answer in its place; `tally models approve`, then `tally models promote`",
            "模型 {given!r} 还需 {missing} 个审批，且没有可代为答复的现任模型；请用 `tally models approve` 审批，再用 `tally models promote` 晋升",
        ),
        "validate.model": (
            "model {given!r} is not in models.toml; allowed: {allowed}",
            "models.toml 中没有模型 {given!r}；允许：{allowed}",
        ),
        "validate.segment": (
            "segment {given!r} is neither a label of the model nor a column of its stream; given: {allowed}",
            "分段 {given!r} 既不是模型标签也不是其流的列；已有：{allowed}",
        ),
        "validate.file": ("the overrides {given} cannot be read: {reason}", "无法读取人工干预文件 {given}：{reason}"),
    }
)
