"""The messages of ledger."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "proof.shape": (
            "a proof holds hashes of 32 bytes for an entry inside the tree; given: entry {index}, size {size}",
            "证明由 32 字节哈希组成，且条目须在树内；给定：条目 {index}，大小 {size}",
        ),
        "proof.length": (
            "the proof has {given} hashes; this entry and tree size need another number",
            "证明含 {given} 个哈希，与此条目和树大小不符",
        ),
        "proof.root": (
            "the proof does not lead to the signed root: the entry is not in this tree at this place",
            "证明无法得到签名的根：该条目不在此树的此位置",
        ),
        "proof.sizes": (
            "no consistency proof goes from size {old} to size {new}; allowed: 0 < old <= new",
            "不存在从大小 {old} 到 {new} 的一致性证明；允许：0 < 旧 <= 新",
        ),
        "proof.consistency": (
            "the trees of size {old} and {new} do not belong together: history was changed",
            "大小 {old} 与 {new} 的树互不一致：历史被改动",
        ),
        "key.public": (
            "this is not a public key; allowed: name+8 hex digits+base64, of an Ed25519, ML-DSA-44 or SM2 key",
            "这不是公钥；允许：名称+8 位十六进制数+base64，Ed25519、ML-DSA-44 或 SM2 密钥",
        ),
        "key.secret": (
            "this is not a secret key; allowed: PRIVATE+KEY+name+8 hex digits+base64, of an Ed25519, ML-DSA-44 or SM2 key",
            "这不是私钥；允许：PRIVATE+KEY+名称+8 位十六进制数+base64，Ed25519、ML-DSA-44 或 SM2 密钥",
        ),
        "key.name": (
            "{given!r} is not a key name; allowed: UTF-8 text without spaces and plus signs, such as bank.example/log",
            "{given!r} 不是密钥名；允许：不含空格和加号的 UTF-8 文本，如 bank.example/log",
        ),
        "key.origin": (
            "the key is called {given!r}, the log {allowed!r}; a log signs with a key of its own name",
            "密钥名为 {given!r}，账本名为 {allowed!r}；账本须用同名密钥签名",
        ),
        "note.form": (
            "this is not a signed note; needed: UTF-8 text of at most 1 MiB without control characters, a blank line, and "
            "1 to 100 lines of a dash, a name and a signature in base64",
            "这不是签名文书；需要：不含控制字符、至多 1 MiB 的 UTF-8 文本、一个空行，"
            "以及 1 至 100 行由破折号、名称和 base64 签名组成的签名",
        ),
        "note.signature": (
            "the signature of {name} does not fit the text: text or signature was changed",
            "{name} 的签名与文本不符：文本或签名被改动",
        ),
        "note.unsigned": (
            "no signature is of a key that was given; signed by: {given}; given: {allowed}",
            "没有给定密钥的签名；签名者：{given}；给定：{allowed}",
        ),
        "checkpoint.form": (
            "this is not a checkpoint; needed: a line each of origin, size (a whole number) and root (32 bytes in base64)",
            "这不是检查点；需要：来源、大小（整数）和根（32 字节，base64）各占一行",
        ),
        "log.entry": (
            "an entry of {given} bytes is too long; at most 65,535 bytes",
            "条目长 {given} 字节过长；最多 65,535 字节",
        ),
        "log.gap": (
            "entry {given} cannot be appended: the log holds {size} entries, so entry {size} comes next",
            "无法追加条目 {given}：账本有 {size} 个条目，下一个应为条目 {size}",
        ),
        "log.other": (
            "entry {index} is already in the log with other bytes",
            "条目 {index} 已在账本中，但内容不同",
        ),
        "log.outside": (
            "there is no entry {index} in a tree of {size} entries",
            "大小为 {size} 的树中没有条目 {index}",
        ),
        "log.locked": (
            "another process writes this log; it has one writer: end that process, or open for reading",
            "另一进程正在写入此账本；一个账本只有一个写入者：请结束该进程，或以只读方式打开",
        ),
        "log.readonly": (
            "this log was opened for reading, or is closed; it takes no entries and signs nothing",
            "此账本以只读方式打开或已关闭，不能追加条目，也不能签名",
        ),
        "log.backwards": (
            "a checkpoint of {given} entries would replace one of {size} entries on disk; a log only grows",
            "{given} 个条目的检查点将取代磁盘上 {size} 个条目的检查点；账本只增不减",
        ),
        "log.size": (
            "there is no tree of {given} entries; the log holds {size}",
            "没有 {given} 个条目的树；账本有 {size} 个条目",
        ),
        "log.tile": (
            "the file is not what was written, or its entries are not",
            "文件与写入时不符，或其条目不符",
        ),
        "log.missing": ("the file is missing", "文件缺失"),
        "log.root": (
            "the stored hashes do not lead to the root of the checkpoint at size {size}",
            "存储的哈希无法得到大小 {size} 的检查点根",
        ),
        "leaf.form": (
            "this is not a leaf; needed: a JSON object with a digest",
            "这不是叶；需要：含 digest 的 JSON 对象",
        ),
        "leaf.public": (
            "{given!r} cannot be a public text of a leaf; taken: digest, kind",
            "{given!r} 不能作为叶的公开文本；已占用：digest、kind",
        ),
        "leaf.salt": ("a salt of {given} bytes was given; needed: {allowed}", "盐为 {given} 字节；需要 {allowed} 字节"),
        "bundle.form": (
            "this is not a proof file as it was written, nothing of it can be trusted; the fault lies in: {part}",
            "这不是原样的证明文件，其内容均不可信；错误在：{part}",
        ),
        "bundle.half": (
            "a payload and its salt go together: give both, or neither",
            "载荷与盐须同时给出，或都不给",
        ),
        "bundle.payload": (
            "the payload is not the one that was recorded: salt and payload do not give the digest in the leaf",
            "载荷不是当时记录的内容：盐与载荷得不到叶中的摘要",
        ),
        "bundle.trust": (
            "no key to trust was given; give --vkey with the public key of the log, or a --policy with a log line",
            "未给出受信密钥；请用 --vkey 给出账本的公钥，或用 --policy 给出含 log 行的策略",
        ),
        "proof.subtree": (
            "entries {start} to {stop} (not included) are no subtree of this tree; allowed: the first is a multiple of "
            "the smallest power of two not below their number, the last lies inside the tree",
            "条目 {start} 至 {stop}（不含）不是此树的子树；允许：首条目是不小于条目数的最小 2 的幂的倍数，末条目在树内",
        ),
        "cosignature.time": (
            "{given} is not a time of a cosignature; allowed: seconds since 1970, 0 to 2^63 - 1",
            "{given} 不是联署时间；允许：自 1970 年起的秒数，0 至 2^63 - 1",
        ),
        "cosignature.name": (
            "a name of {given} bytes cannot be cosigned with ML-DSA-44; allowed: 1 to 255 bytes",
            "{given} 字节的名称不能用 ML-DSA-44 联署；允许：1 至 255 字节",
        ),
        "cosignature.kind": (
            "a key of the kind Ed25519 signs as a log; cosignatures need a cosigner's key (type 04, 06 or ff)",
            "Ed25519 类密钥以账本身份签名；联署需要联署者密钥（类型 04、06 或 ff）",
        ),
        "cosignature.subtree": (
            "entries {start} to {stop} (not included) cannot be signed as a subtree; needed: a subtree, a root of 32 "
            "bytes and a key of the kind ML-DSA-44",
            "条目 {start} 至 {stop}（不含）不能作为子树签名；需要：合规子树、32 字节的根和 ML-DSA-44 密钥",
        ),
        "policy.size": (
            "a policy of {given} bytes is too long; at most {allowed}",
            "策略长 {given} 字节过长；最多 {allowed}",
        ),
        "policy.letters": (
            "the line holds a control character; allowed: text, spaces and tabs, lines ended by a line feed alone",
            "此行含控制字符；允许：文本、空格和制表符，行尾仅用换行符",
        ),
        "policy.line": (
            "{given!r} is no line of a policy; allowed: log VKEY [URL], witness NAME VKEY [URL], "
            "group NAME all|any|NUMBER NAME..., quorum NAME|none, and comments (#)",
            "{given!r} 不是策略行；允许：log VKEY [URL]、witness NAME VKEY [URL]、"
            "group NAME all|any|数字 NAME...、quorum NAME|none，以及注释（#）",
        ),
        "policy.kind": (
            "a key of type {given} is no {role} key; allowed for a log: 01, 06, ff; for a witness: 04, 06, ff",
            "类型 {given} 的密钥不能用作 {role}；log 允许 01、06、ff；witness 允许 04、06、ff",
        ),
        "policy.twice": ("the key of {given} was given before", "{given} 的密钥已给出过"),
        "policy.name": (
            "{given!r} was defined before, or is the reserved name none",
            "{given!r} 已定义，或为保留名 none",
        ),
        "policy.unknown": (
            "{given!r} is no witness and no group of a line above",
            "{given!r} 不是上文定义的见证人或组",
        ),
        "policy.member": (
            "{given!r} is already a member of a group; each name may be one once",
            "{given!r} 已是某组成员；每个名称只能出现一次",
        ),
        "policy.count": (
            "{given!r} is no number of members; allowed: all, any, or 1 to {allowed}",
            "{given!r} 不是有效的成员数；允许：all、any，或 1 至 {allowed}",
        ),
        "policy.quorums": (
            "a policy has one quorum line; found: {given}",
            "策略须有且仅有一行 quorum；找到：{given}",
        ),
        "policy.quorum": (
            "the quorum {quorum} does not hold; cosigned by: {given}",
            "法定数 {quorum} 未达到；联署者：{given}",
        ),
        "equivocation.form": (
            "this is not an equivocation file as it was written",
            "这不是原样的分叉证明文件",
        ),
        "equivocation.none": (
            "the two checkpoints may both be true: nothing is proven against the log",
            "两个检查点可能均为真：未证明账本有误",
        ),
        "witness.request": (
            "this is not an add-checkpoint request; needed: a line `old` and a size, at most 63 hashes in base64, "
            "a blank line, a signed checkpoint, together at most 1 MiB",
            "这不是 add-checkpoint 请求；需要：`old` 与大小一行、至多 63 行 base64 哈希、空行、签名检查点，总共不超过 1 MiB",
        ),
        "witness.unknown": ("the log {given} is not witnessed here", "此处不见证账本 {given}"),
        "witness.old": (
            "the old size {old} is beyond the checkpoint's size {size}",
            "旧大小 {old} 超过检查点大小 {size}",
        ),
        "witness.state": (
            "the witness cannot read or write its own state; nothing was cosigned",
            "见证人无法读写自身状态；未联署",
        ),
        "witness.locked": (
            "another process serves this witness; end that process first",
            "另一进程正在运行此见证人；请先结束该进程",
        ),
        "witness.url": (
            "{given!r} is no address of a witness; allowed: http:// or https://, a host, and a path",
            "{given!r} 不是见证人地址；允许：http:// 或 https://、主机和路径",
        ),
        "witness.silent": ("no answer in time, or none at all", "未及时答复或无答复"),
        "witness.answer": (
            "the answer is not one of the protocol: status {status}",
            "答复不符合协议：状态 {status}",
        ),
        "witness.ahead": (
            "the witness has cosigned a tree of {given} entries, this one has {size}: an older or another past was shown",
            "见证人已联署 {given} 个条目的树，而此树为 {size} 个：所示为较旧或另一历史",
        ),
        "witness.refused": (
            "the witness did not accept it (status {status}): {why}",
            "见证人未接受（状态 {status}）：{why}",
        ),
        "log.text": (
            "the note is not the log's last checkpoint with cosignatures added",
            "该文书不是账本最近检查点加联署的结果",
        ),
        "log.target": (
            "the folder holds something else already; give a new folder, or one with an earlier copy of this log",
            "文件夹中已有其他内容；请给出新文件夹，或含此账本此前副本的文件夹",
        ),
        "log.failed": (
            "a write to this log failed ({why}); nothing more is written: mend the cause and open it again",
            "写入此账本失败（{why}）；不再写入：请排除原因后重新打开",
        ),
        "log.foreign": (
            "the checkpoint of {size} entries on disk is none that this writer opened or wrote: another one writes here",
            "磁盘上 {size} 个条目的检查点并非由此写入者打开或写入：另有写入者在此写入",
        ),
        "key.extra": (
            "SM2 keys need the package gmalg, which is not installed; it belongs to an extra: "
            "pip install 'tallystick[domestic]'",
            "SM2 密钥需要 gmalg 包，但未安装；它属于可选组件：pip install 'tallystick[domestic]'",
        ),
        "key.profile": (
            "a key of the kind {given} cannot stand for a log of the profile {profile}; needed: {allowed}",
            "{given} 类密钥不能用于 {profile} 配置的账本；需要：{allowed}",
        ),
        "log.profile": (
            "this proof or log is of the profile {given}; read as: {allowed}",
            "此证明或账本属于 {given} 配置；读取时按：{allowed}",
        ),
        "witness.later": (
            "it had not answered yet when the quorum was complete",
            "法定数已满足时其尚未答复",
        ),
        "witness.subtree": (
            "not a sign-subtree request; allowed: `subtree START END` within the checkpoint's size, the root, up to 8 "
            "cosignatures, up to 63 proof lines, an empty line, a checkpoint with up to 8 signatures",
            "不是 sign-subtree 请求；允许：不超过检查点大小的 `subtree START END`、根、至多 8 个联署、至多 63 行证明、空行、"
            "至多带 8 个签名的检查点",
        ),
        "witness.subtrees": (
            "this witness signs no subtrees: it has no ML-DSA-44 key",
            "此见证人不签署子树：没有 ML-DSA-44 密钥",
        ),
        "witness.unseen": (
            "this witness has not cosigned that checkpoint",
            "此见证人未联署该检查点",
        ),
        "policy.roles": (
            "the key of {given} is that of a log and of a witness; a log cannot be its own witness, each needs its own key",
            "{given} 的密钥同时用于账本与见证人；账本不能见证自己，二者须各有密钥",
        ),
        "key.private": (
            "this is a secret key (it begins with PRIVATE+KEY); needed is the public one, name+8 hex digits+base64. "
            "Keep the secret one to its owner: whoever has seen it can sign as the log",
            "这是私钥（以 PRIVATE+KEY 开头）；此处需要公钥：名称+8 位十六进制数+base64。私钥只能由所有者保管：看到它的人都能冒充签名",
        ),
        "key.id": (
            "the key says that its id is {given}, its name and bytes give {allowed}: a letter of it was changed",
            "密钥所写的编号为 {given}，而其名称与字节得出 {allowed}：其中有字符被改动",
        ),
        "note.other": (
            "{name} signed with another key: that of id {given}, the key given is of id {allowed}. It is another log of "
            "the same name, or a key that the log no longer has; ask its owner for the key of this id",
            "{name} 用另一密钥签名：其编号为 {given}，给定密钥的编号为 {allowed}。这是同名的另一账本，或账本已不再使用的密钥；"
            "请向所有者索取该编号的密钥",
        ),
        "note.log": (
            "it is signed by {given}, and by no key that can stand for the log {allowed}; needed: a log's key of that name "
            "and of the proof's profile",
            "签名者为 {given}，其中没有可代表账本 {allowed} 的密钥；需要：同名且算法配置相符的账本密钥",
        ),
    }
)
