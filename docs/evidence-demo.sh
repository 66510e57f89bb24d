#!/usr/bin/env bash
# Ten minutes of evidence: a decision is taken, proved, and checked where nothing of the bank is; then somebody cheats.
#
#     bash docs/evidence-demo.sh [PROJECT]
#
# PROJECT is a project that has run (`tally demo`); it is copied and stays as it is. Without one a small bank is simulated.
set -euo pipefail

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
bank=$work/bank away=$work/away
mkdir "$away"

step() { printf '\n== %s\n' "$*"; }
refused() { # the command must end with exit code 1
  local code=0
  "$@" || code=$?
  [ "$code" = 1 ] || { echo "expected exit code 1, got $code: $*" >&2; exit 3; }
}

if [ $# -gt 0 ]; then cp -R "$1" "$bank"; else tally demo "$bank" --customers 600 --months 6 >"$work/demo.txt"; fi

step "1. A card payment is decided"
cat >"$work/payment.json" <<'JSON'
{"stream": "payments", "payment_id": 90000001, "paid_at": "2025-09-02T10:00:00Z", "card_id": "K900001",
 "customer_id": "C900001", "terminal_id": "T000012", "merchant_id": "M000008", "device_id": "D900001",
 "amount": "12.50", "channel": "pos", "entry_mode": "chip", "country": "DE", "category": "grocery"}
JSON
tally -p "$bank" decide "$work/payment.json" | head -n 3

step "2. In the evening the payment system says how many it asked for: one"
tally -p "$bank" ledger reconcile 2025-09-02 --received payments=1

step "3. Auditor, chamber and regulator each run a witness; two of the three must cosign what the bank's log says"
key=$(tally -p "$bank" ledger key)
echo "log $key" >"$bank/trust.policy"
for owner in auditor chamber regulator; do
  vkey=$(tally witness key "$owner.example/w" --folder "$work/$owner")
  echo "$key" >"$work/$owner/logs"
  tally witness serve --folder "$work/$owner" --port 0 >"$work/$owner.txt" &
  until [ -s "$work/$owner.txt" ]; do sleep 0.1; done
  echo "witness $owner $vkey $(grep -o 'http://[0-9.:]*' "$work/$owner.txt")" >>"$bank/trust.policy"
done
printf 'group two-of-three 2 auditor chamber regulator\nquorum two-of-three\n' >>"$bank/trust.policy"
printf '\n[ledger]\npolicy = "trust.policy"\n' >>"$bank/tallystick.toml"
kill %1 # the auditor's is down today
tally -p "$bank" ledger cosign

step "4. The decision is proved, with model and tables to take it again from; the whole log is sound"
tally -p "$bank" prove payments-90000001 --rescore -o "$away/proof.json"
cp "$bank/.tallystick/ledger/vkey" "$bank/trust.policy" "$away"
tally -p "$bank" ledger check
tally -p "$bank" ledger export "$work/static"

step "5. Elsewhere: the file, key and policy, and no project. The proof is checked, the decision taken again"
(cd "$away" && tally-verify proof.json --policy trust.policy && tally verify proof.json --vkey vkey --rescore)

step "6. Somebody changes the record in the proof: caught"
python - "$away" <<'PY'
import base64, json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
proof = json.loads((folder / "proof.json").read_text("utf-8"))
record = base64.b64decode(proof["payload"]).replace(b'"outcome":"approve"', b'"outcome":"decline"')
proof["payload"] = base64.b64encode(record.replace(b"K900001", b"K900002")).decode()
text = json.dumps(proof, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
(folder / "changed.json").write_text(text, "utf-8")
PY
(cd "$away" && refused tally-verify changed.json --vkey vkey)

step "7. Somebody changes one byte of the bank's journal: caught, and the file is named"
cp -R "$bank" "$work/touched"
python - "$work/touched" <<'PY'
import pathlib, sys

path = next(pathlib.Path(sys.argv[1], ".tallystick/journal").glob("*.log"))
data = bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(data)
PY
refused tally -p "$work/touched" ledger check

step "8. An insider with every key deletes the decision, and writes journal, tree and signature anew: caught"
python - "$bank" <<'PY'
import pathlib, shutil, sys

from tallystick.desk import load_project
from tallystick.desk.evidence import open_keys, open_log, read_journal
from tallystick.desk.journal import DecisionRecord, Evidence, Journal, extend_ledger

project = load_project(pathlib.Path(sys.argv[1]))
home = project.state
with read_journal(project) as journal:
    entries = list(journal.read())
shutil.rmtree(home / "journal")
shutil.rmtree(home / "ledger/tile")
(home / "ledger/checkpoint").unlink()
for path in home.glob("state.db*"):
    path.unlink()
personal = {name for name, field in project.schema("payments").items() if field.personal}
with Journal(home / "journal", open_keys(project)) as journal, open_log(project, write=True) as log:
    for entry in entries:
        if isinstance(entry.record, DecisionRecord) and entry.request_id != "payments-90000001":
            journal.append_decision(entry.record, entry.subject, personal, {"card_id", "customer_id", "device_id"})
        elif isinstance(entry.record, Evidence):
            journal.append_evidence(entry.record.kind, entry.record.payload)
    journal.flush()
    extend_ledger(journal, log)
    log.checkpoint()
PY
refused tally -p "$bank" ledger check
refused tally -p "$bank" ledger cosign

step "9. And whoever kept the old proof still has it"
(cd "$away" && tally-verify proof.json --vkey vkey --policy trust.policy)
