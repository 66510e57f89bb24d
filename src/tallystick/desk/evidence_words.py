"""The messages of proofs that carry their decision, of daily reconciliation and of the check of a whole log."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "carried.none": (
            "this proof carries no files to take the decision again from; ask for one of `tally prove ID --rescore`",
            "此证明未携带可重新作出决策的文件；请索取由 `tally prove ID --rescore` 生成的证明",
        ),
        "carried.record": (
            "the proof is of a leaf that is no decision, or does not reveal it; there is nothing to compute again",
            "该证明的叶不是决策，或未披露决策；没有可重新计算的内容",
        ),
        "carried.form": (
            "{file} is not as it was packed, nothing is computed from it: {detail}",
            "{file} 并非打包时的原样，不据此计算：{detail}",
        ),
        "carried.files": (
            "the proof carries {given}; needed: {allowed}",
            "证明携带 {given}；需要：{allowed}",
        ),
        "carried.version": (
            "{file} has the version {given}, the decision was taken by {allowed}",
            "{file} 的版本为 {given}，而决策所用版本为 {allowed}",
        ),
        "carried.vector": (
            "the record does not hold what {file} reads: {detail}",
            "记录中没有 {file} 所读取的内容：{detail}",
        ),
        "reconcile.day": (
            "{given!r} is not a day; allowed: YYYY-MM-DD",
            "{given!r} 不是日期；允许：YYYY-MM-DD",
        ),
        "reconcile.stream": (
            "no flow answers the stream {given!r}; allowed: {allowed}",
            "没有流程应答事件流 {given!r}；允许：{allowed}",
        ),
        "reconcile.differs": (
            "{day}, {stream}: {received} requests received, {decisions} decisions, {leaves} leaves",
            "{day}，{stream}：收到 {received} 个请求，{decisions} 项决策，{leaves} 个叶",
        ),
        "reconcile.changed": (
            "{day}, {stream}: {expected} decisions were counted at position {position}, the journal now holds {given} "
            "of them",
            "{day}，{stream}：在位置 {position} 计得 {expected} 项决策，日志现有其中 {given} 项",
        ),
        "policy.none": (
            "[ledger] policy: there is no file {given!r} in the project",
            "[ledger] policy：项目中没有文件 {given!r}",
        ),
        "policy.log": (
            "no log line is of this project's log; needed: log {allowed}",
            "没有 log 行对应本项目的账本；需要：log {allowed}",
        ),
        "policy.addresses": (
            "the quorum {given!r} cannot be asked for: too few of its witnesses have an address",
            "无法请求法定数 {given!r}：有地址的见证人不足",
        ),
        "cosigned.lost": (
            "the checkpoint is not cosigned by the quorum {quorum}; without: {names}. Decisions go on",
            "检查点未获法定数 {quorum} 联署；缺少：{names}。决策继续",
        ),
        "cosigned.other": (
            "the cosigned checkpoint of {size} entries is not of this log's tree",
            "{size} 个条目的已联署检查点不属于此账本的树",
        ),
        "cosigned.ahead": (
            "a witness holds a checkpoint of {given} entries signed by this log's key, this log has {size}: it was set "
            "back, or somebody else signs with its key",
            "见证人持有由本账本密钥签署的 {given} 个条目的检查点，本账本为 {size} 个：账本被回退，或他人使用其密钥",
        ),
        "cosigned.fork": (
            "this log's key has signed another tree of {size} entries than this one; the proof is kept: {file}",
            "本账本密钥曾签署另一棵 {size} 个条目的树；证明已保存：{file}",
        ),
        "ledger.origin": (
            "the log here is {allowed}, not {given}: a log keeps its name. Give `[state] folder` "
            "a new one for another log, or put the name back",
            "此处账本名为 {allowed}，而非 {given}：账本名称不可更改。需要另一账本请使用新的状态文件夹，或恢复原名",
        ),
        "ledger.profile": (
            "the log here is of the profile {allowed}, not {given}: another profile is another log. "
            "Give `[state] folder` a new one, or put the profile back",
            "此处账本的算法配置为 {allowed}，而非 {given}：不同配置即为另一账本。"
            "请为 `[state] folder` 指定新文件夹，或恢复原配置",
        ),
        "carried.setting": (
            "decision {given!r} was recorded without its setting, by an earlier release: it can be proved, "
            "but the proof cannot carry what takes it again; leave out --rescore",
            "决策 {given!r} 由较早版本记录，未含其配置：可以证明，但证明无法携带重新决策所需内容；请去掉 --rescore",
        ),
        "access.busy": (
            "who reads the record could not be noted, another process keeps the file; nothing was given out",
            "无法登记由谁读取记录，另一进程占用该文件；未给出任何内容",
        ),
        "access.differs": (
            "{given} accesses are noted, {published} have leaves in the log, and they are not the same ones",
            "已登记 {given} 次访问，日志中有 {published} 次的叶，二者不一致",
        ),
        "ledger.secret": (
            "the secret key of this log is missing or empty, and there is its {given}: a log goes on under its own key "
            "only. Restore the secret key from a backup; for another log give `[state] folder` a new one",
            "此账本的私钥缺失或为空，而其 {given} 仍在：账本只能以自己的密钥继续。请从备份恢复私钥；"
            "需要另一账本请为 `[state] folder` 指定新文件夹",
        ),
        "policy.read": (
            "[ledger] policy: the file {given!r} cannot be read: {why}",
            "[ledger] policy：无法读取文件 {given!r}：{why}",
        ),
        "policy.own": (
            "the key of the witness {given!r} is that of this project's log, which cannot be its own witness",
            "见证人 {given!r} 的密钥即本项目账本的密钥；账本不能见证自己",
        ),
        "ledger.again": (
            "a log called {given} was kept here before, and a new one has another key: two logs of one name look like "
            "a fork to witnesses and to whoever holds a proof. Give `origin` another name, then start anew",
            "此处已有名为 {given} 的账本，而新账本使用另一密钥：同名的两个账本在见证人和持有证明者看来即为分叉。"
            "请先更改 origin，再重新开始",
        ),
        "fresh.server": (
            "the journal lies on a server, which --fresh does not put aside: give `[state]` another folder and another "
            "journal instead",
            "日志位于服务器上，--fresh 不会搁置它：请在 [state] 中另行指定 folder 和 journal",
        ),
        "reconcile.future": (
            "{given} has not begun in {zone}; allowed: {allowed} or an earlier day",
            "{given} 在 {zone} 尚未开始；允许：{allowed} 或更早的日期",
        ),
        "index.leaf": (
            "the state table says that a leaf of {kind} is frame {position}, but the journal has none there: the two "
            "do not belong together; delete {file}, it is made again from the journal",
            "状态表称帧 {position} 为 {kind} 的叶，但日志该处没有：两者不属于同一项目；请删除 {file}，它将由日志重建",
        ),
    }
)
