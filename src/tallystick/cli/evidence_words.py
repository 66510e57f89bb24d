"""The messages of the commands about evidence: proofs, the log, witnesses, forgetting and holding."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "proof.written": ("Proof: {path}\nVerify it with: {key}", "证明：{path}\n验证密钥：{key}"),
        "witness.listens": (
            "Witness {name} listens at {url}; it witnesses: {logs}",
            "见证人 {name} 在 {url} 监听；见证：{logs}",
        ),
        "witness.fork": (
            "PROVEN: the log {origin} signed two trees that cannot both be true: {first} entries with root {one}, "
            "{second} entries with root {other}",
            "已证明：账本 {origin} 签署了两棵不可能同时为真的树：{first} 个条目，根 {one}；{second} 个条目，根 {other}",
        ),
        "witness.address": ("cannot listen at {given}: {why}", "无法在 {given} 监听：{why}"),
        "witness.keys": (
            "{given} holds no key; make one with: tally witness key NAME --folder DIR",
            "{given} 中没有密钥；用以下命令生成：tally witness key NAME --folder DIR",
        ),
        "rescore.same": (
            "TAKEN AGAIN: {outcome}; {compared} values compared, no bit differs",
            "重新作出：{outcome}；比较了 {compared} 个值，无一位不同",
        ),
        "rescore.differs": (
            "NOT THE SAME: taken again, {differing} values differ from the record",
            "结果不同：重新作出后有 {differing} 个值与记录不符",
        ),
        "rescore.fault": ("NOT TAKEN AGAIN: {fault}", "无法重新作出：{fault}"),
        "ledger.sound": (
            "SOUND: {size} leaves in the log {origin}, {frames} frames in the journal; root {root}",
            "完好：账本 {origin} 有 {size} 个叶，日志有 {frames} 帧；根 {root}",
        ),
        "ledger.waiting": (
            "{waiting} leaves wait for the next checkpoint",
            "{waiting} 个叶等待下一个检查点",
        ),
        "ledger.days": (
            "{days} days reconciled; {open} days with decisions that no reconciliation counted",
            "已对账 {days} 天；{open} 天有未经对账的决策",
        ),
        "ledger.missing": ("NOT RECONCILED: {fault}", "对账不符：{fault}"),
        "ledger.count": (
            "{day}, {stream}: {received} requests received, {decisions} decisions, {leaves} leaves",
            "{day}，{stream}：收到 {received} 个请求，{decisions} 项决策，{leaves} 个叶",
        ),
        "ledger.differs": ("NOT RECONCILED: recorded as it is", "对账不符：已如实记录"),
        "ledger.received": (
            "{given!r} is not a count of requests; allowed: STREAM=N, as in payments=1200",
            "{given!r} 不是请求计数；允许：STREAM=N，如 payments=1200",
        ),
        "ledger.twice": (
            "stream {given} is counted twice: {first} and {second}; give each stream once",
            "流 {given} 给出了两次计数：{first} 和 {second}；每个流只给一次",
        ),
        "ledger.exported": (
            "{size} leaves of the log {origin} are in {path}, with their checkpoint and key",
            "账本 {origin} 的 {size} 个叶及其检查点与密钥已导出到 {path}",
        ),
        "ledger.cosigned": (
            "COSIGNED: the quorum {quorum} holds; {names}",
            "已联署：法定数 {quorum} 成立；{names}",
        ),
        "ledger.uncosigned": (
            "NOT COSIGNED: the quorum {quorum} does not hold for the last checkpoint; cosigned by: {names}",
            "未联署：最近检查点未满足法定数 {quorum}；已联署：{names}",
        ),
        "ledger.held": ("  it held last at {size} leaves", "  最近一次满足时为 {size} 个叶"),
        "ledger.never": ("  it never held", "  从未满足"),
        "ledger.unasked": ("it was not asked for this checkpoint", "尚未就此检查点询问"),
        "ledger.open": (
            "  not reconciled: {days} (tally ledger reconcile DAY)",
            "  尚未对账：{days}（tally ledger reconcile DAY）",
        ),
        "ledger.open_more": (
            "  not reconciled: {days} and {more} more (tally ledger reconcile DAY)",
            "  尚未对账：{days}，另有 {more} 天（tally ledger reconcile DAY）",
        ),
        "ledger.silent": ("  {name} has not cosigned: {why}", "  {name} 未联署：{why}"),
        "ledger.fork": (
            "FORKED: this log's key has signed another tree; the proof is {path} (`tally witness fork`)",
            "已分叉：本账本密钥签署了另一棵树；证明见 {path}（`tally witness fork`）",
        ),
        "ledger.ahead": ("NOT THIS LOG: {fault}", "不属本账本：{fault}"),
        "ledger.unwitnessed": (
            "the project names no witnesses: [ledger] policy in tallystick.toml",
            "项目未指定见证人：见 tallystick.toml 的 [ledger] policy",
        ),
        "forget.count": ("{place}: {count}", "{place}：{count}"),
        "forget.journal.decisions": ("decisions in the journal", "日志中的决策"),
        "forget.journal.facts": ("facts in the journal", "日志中的事实"),
        "forget.lake.rows": ("rows in the lake", "数据湖中的行"),
        "forget.lake.quarantine": ("rejected rows of the lake", "数据湖隔离区的行"),
        "forget.feed.quarantine": ("rejected deliveries of feeds", "事件流隔离区的消息"),
        "forget.labels.rows": ("rows of label values", "标签值的行"),
        "forget.segments.keys": ("keys in segments", "客群中的键"),
        "forget.keys": ("keys that sealed", "用于加密的密钥"),
        "forget.state.table": ("rows of the state table", "状态表的行"),
        "forget.shared": (
            "{count} decisions about others were taken by a personal key in common with the subject; replay lists them",
            "{count} 项关于他人的决策使用了与该主体共有的个人键；重放时会列出",
        ),
        "forget.exposed": (
            "STILL THERE: column {column} holds the subject's id and is not declared personal in sources.toml",
            "仍然存在：列 {column} 含有主体编号，且未在 sources.toml 中声明为个人字段",
        ),
        "forget.left": ("STILL THERE: {file} names the subject", "仍然存在：{file} 含有主体信息"),
        "forget.dry": ("nothing was written", "未写入任何内容"),
        "forget.done": (
            "FORGOTTEN: erasure {id}, a leaf at position {position}",
            "已遗忘：擦除编号 {id}，叶位于位置 {position}",
        ),
        "forget.nothing": ("nothing was begun and left unfinished", "没有未完成的遗忘"),
        "forget.reason": ("forgetting needs --reason: the leaf says why", "遗忘必须写明 --reason：叶子会记录理由"),
        "hold.reason": ("a hold needs --reason, and so does its end", "保全及其解除均需 --reason"),
        "hold.lift": ("--lift needs SUBJECT and takes no --until", "--lift 需要 SUBJECT，且不能与 --until 同用"),
        "hold.day": ("{given!r} is not a day; allowed: YYYY-MM-DD", "{given!r} 不是日期；允许：YYYY-MM-DD"),
        "hold.open": ("it is lifted", "解除为止"),
        "hold.line": ("hold {id} since {since}, until {until}: {why}", "保全 {id}，自 {since} 起，至 {until}：{why}"),
        "hold.lifted": (
            "lifted: hold {id} since {since}, until {until}: {why}",
            "已解除：保全 {id}，自 {since} 起，至 {until}：{why}",
        ),
        "hold.nobody": ("nobody is held", "没有保全"),
        "proof.cosigned": ("Cosigned by: {names}", "联署人：{names}"),
        "proof.uncosigned": (
            "NOT COSIGNED: it proves the decision to whoever trusts the log's key alone; prove it again later "
            "({fault})",
            "未联署：仅对只信任账本密钥者构成证明；请稍后重新生成（{fault}）",
        ),
        "proof.noted": (
            "NOTED: who reads this record, and when; it becomes a leaf of the log when somebody next writes here "
            "(a decision, a run)",
            "已登记：由谁、何时读取此记录；下一次写入（决策或运行）时成为账本的叶",
        ),
        "proof.erased": (
            "WITHOUT RECORD: the subject was forgotten; the proof shows that a decision was taken, and at which place",
            "无记录：其主体已被遗忘；证明仅表明曾作出决策及其位置",
        ),
    }
)
