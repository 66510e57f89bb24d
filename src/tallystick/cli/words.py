"""The messages of the command line."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "step.simulate": ("Simulating a bank", "模拟银行"),
        "step.load": ("Loading sources", "加载数据源"),
        "step.labels": ("Computing labels", "计算标签"),
        "step.train": ("Training models", "训练模型"),
        "step.backtest": ("Backtesting decisions", "回测决策"),
        "step.decide": ("Deciding live", "实时决策"),
        "step.verify": ("Replaying and proving", "重放与证明"),
        "step.report": ("Drawing the report", "生成报告"),
        "check.ok": (
            "{name}: {sources} sources, {labels} labels, {models} models, {decisions} decisions, {flows} flows: no fault",
            "{name}：{sources} 个数据源、{labels} 个标签、{models} 个模型、{decisions} 个决策、{flows} 个流程：无错误",
        ),
        "load.table": ("table", "表"),
        "load.rows": ("loaded", "已加载"),
        "load.unchanged": ("unchanged", "未变"),
        "load.quarantined": ("quarantined", "隔离"),
        "load.version": ("version", "版本"),
        "load.ignored": (
            "{table}: columns that no field reads: {columns}",
            "{table}：未被任何字段读取的列：{columns}",
        ),
        "labels.name": ("label", "标签"),
        "labels.kind": ("kind", "类别"),
        "labels.type": ("type", "类型"),
        "labels.window": ("window", "窗口"),
        "labels.version": ("version", "版本"),
        "replay.same": (
            "{decisions} decisions replayed from {source}: {values} values, no bit differs",
            "由 {source} 重放 {decisions} 项决策：{values} 个值，无一位不同",
        ),
        "replay.differs": (
            "{decisions} decisions replayed from {source}: {values} values, {differing} differ",
            "由 {source} 重放 {decisions} 项决策：{values} 个值，{differing} 个不同",
        ),
        "replay.erased": (
            "{erased} decisions were erased and are counted apart",
            "{erased} 项决策已被抹除，另行计数",
        ),
        "alerts.caught": (
            "{flow}: at an alert budget of {budget} the model catches {model} of the bad cases, rules alone {rules}",
            "{flow}：告警预算为 {budget} 时，模型捕获坏案例的 {model}，仅规则为 {rules}",
        ),
        "report.at": ("Report: {path}", "报告：{path}"),
        "model.failed": (
            "{model}: a gate failed ({gates}); the model is stored, the champion stays as it was",
            "{model}：未通过门槛（{gates}）；模型已保存，现任模型不变",
        ),
        "proof.written": ("Proof: {path}\nVerify it with: {key}", "证明：{path}\n验证密钥：{key}"),
        "proof.ok": (
            "VERIFIED: leaf {index} of {size} in the log {origin}; held: {checks}",
            "已验证：日志 {origin} 的第 {index} 个叶子（共 {size} 个）；成立：{checks}",
        ),
        "proof.failed": ("NOT VERIFIED: {fault}", "未通过验证：{fault}"),
        "file.read": ("{given} cannot be read: {why}", "无法读取 {given}：{why}"),
    }
)
