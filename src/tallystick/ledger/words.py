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
            "this is not a public key; allowed: name+8 hex digits+base64, of an Ed25519 key",
            "这不是公钥；允许：名称+8 位十六进制数+base64，Ed25519 密钥",
        ),
        "key.secret": (
            "this is not a secret key; allowed: PRIVATE+KEY+name+8 hex digits+base64, of an Ed25519 key",
            "这不是私钥；允许：PRIVATE+KEY+名称+8 位十六进制数+base64，Ed25519 密钥",
        ),
        "key.name": (
            "{given!r} is not a key name; allowed: text without spaces and plus signs, such as bank.example/log",
            "{given!r} 不是密钥名；允许：不含空格和加号的文本，如 bank.example/log",
        ),
        "key.origin": (
            "the key is called {given!r}, the log {allowed!r}; a log signs with a key of its own name",
            "密钥名为 {given!r}，日志名为 {allowed!r}；日志须用同名密钥签名",
        ),
        "note.form": (
            "this is not a signed note; needed: UTF-8 text without control characters, a blank line, and 1 to 100 "
            "lines of a dash, a name and a signature in base64",
            "这不是签名文书；需要：不含控制字符的 UTF-8 文本、一个空行，以及 1 至 100 行由破折号、名称和 base64 签名组成的签名",
        ),
        "note.signature": (
            "the signature of {name} does not fit the text: text or signature was changed",
            "{name} 的签名与文本不符：文本或签名被改动",
        ),
        "note.unsigned": (
            "no signature is of a trusted key; signed by: {given}; trusted: {allowed}",
            "没有受信密钥的签名；签名者：{given}；受信：{allowed}",
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
            "无法追加条目 {given}：日志有 {size} 个条目，下一个应为条目 {size}",
        ),
        "log.other": (
            "entry {index} is already in the log with other bytes",
            "条目 {index} 已在日志中，但内容不同",
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
            "没有 {given} 个条目的树；日志有 {size} 个条目",
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
            "no key to trust was given; give at least one --vkey of the log's owner",
            "未给出受信密钥；请至少给出一个日志所有者的 --vkey",
        ),
    }
)
