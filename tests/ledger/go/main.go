// Checks a log with the Go project's own tlog and note packages, and writes one for others to check.
//
//	harness verify FOLDER VKEY...      checkpoint, cosignatures, every tile and entry, and the proofs of proofs.json
//	harness write FOLDER SIZE SKEY KEYS the log of SIZE entries, signed and cosigned, with proofs.json
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type proofs struct {
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

type inclusion struct {
	Index  int64    `json:"index"`
	Size   int64    `json:"size"`
	Hashes [][]byte `json:"hashes"`
}

type consistency struct {
	Old     int64    `json:"old"`
	New     int64    `json:"new"`
	OldRoot []byte   `json:"old_root"`
	Hashes  [][]byte `json:"hashes"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) >= 3 && words[0] == "verify":
		return verify(words[1], words[2:])
	case len(words) == 5 && words[0] == "write":
		size, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return err
		}
		return write(words[1], size, words[3], strings.Fields(words[4]))
	}
	return errors.New("usage: verify FOLDER VKEY... | write FOLDER SIZE SKEY SEEDS")
}

func verify(folder string, vkeys []string) error {
	var known []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := readVerifier(vkey)
		if err != nil {
			return err
		}
		known = append(known, verifier)
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != len(known) {
		return fmt.Errorf("%d of %d keys signed", len(opened.Sigs), len(known))
	}
	tree, err := readTree(opened.Text)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, &tiles{folder})
	if err := checkEntries(folder, tree, reader); err != nil {
		return err
	}
	return checkProofs(folder, tree, reader)
}

func checkEntries(folder string, tree tlog.Tree, reader tlog.HashReader) error {
	for start := int64(0); start < tree.N; start += 1 << height {
		count := min(tree.N-start, 1<<height)
		data, err := os.ReadFile(filepath.Join(folder, path("entries", start>>height, int(count))))
		if err != nil {
			return err
		}
		indexes := make([]int64, count)
		for at := range indexes {
			indexes[at] = tlog.StoredHashIndex(0, start+int64(at))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for at, hash := range hashes {
			length := int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:2+length]) != hash {
				return fmt.Errorf("entry %d", start+int64(at))
			}
			data = data[2+length:]
		}
		if len(data) != 0 {
			return fmt.Errorf("entries after %d", start+count)
		}
	}
	return nil
}

func checkProofs(folder string, tree tlog.Tree, reader tlog.HashReader) error {
	text, err := os.ReadFile(filepath.Join(folder, "proofs.json"))
	if err != nil {
		return err
	}
	var given proofs
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	for _, proof := range given.Inclusion {
		root, err := tlog.TreeHash(proof.Size, reader)
		if err != nil {
			return err
		}
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, proof.Index)})
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(hashes(proof.Hashes), proof.Size, root, proof.Index, leaf[0]); err != nil {
			return fmt.Errorf("inclusion %d of %d: %w", proof.Index, proof.Size, err)
		}
		theirs, err := tlog.ProveRecord(proof.Size, proof.Index, reader)
		if err != nil || !same(theirs, proof.Hashes) {
			return fmt.Errorf("inclusion %d of %d differs from ProveRecord", proof.Index, proof.Size)
		}
	}
	for _, proof := range given.Consistency {
		root, err := tlog.TreeHash(proof.New, reader)
		if err != nil {
			return err
		}
		old := tlog.Hash(proof.OldRoot)
		if err := tlog.CheckTree(hashes(proof.Hashes), proof.New, root, proof.Old, old); err != nil {
			return fmt.Errorf("consistency %d to %d: %w", proof.Old, proof.New, err)
		}
	}
	fmt.Printf("%d %d %d\n", tree.N, len(given.Inclusion), len(given.Consistency))
	return nil
}

func write(folder string, size int64, skey string, seeds []string) error {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for at, index := range indexes {
			found[at] = stored[index]
		}
		return found, nil
	})
	var bundle bytes.Buffer
	for index := int64(0); index < size; index++ {
		entry := []byte(fmt.Sprintf("entry %d", index))
		more, err := tlog.StoredHashes(index, entry, reader)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
		binary.Write(&bundle, binary.BigEndian, uint16(len(entry)))
		bundle.Write(entry)
		if count := int(index%(1<<height)) + 1; count == 1<<height || index == size-1 {
			if err := save(folder, path("entries", index>>height, count), bundle.Bytes()); err != nil {
				return err
			}
			bundle.Reset()
		}
	}
	for _, tile := range tlog.NewTiles(height, 0, size) {
		data, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		if err := save(folder, path(strconv.Itoa(tile.L), tile.N, tile.W), data); err != nil {
			return err
		}
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return err
	}
	signers := []note.Signer{signer}
	for _, seed := range seeds {
		cosigner, err := readCosigner(seed)
		if err != nil {
			return err
		}
		signers = append(signers, cosigner)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)}, signers...)
	if err != nil {
		return err
	}
	if err := save(folder, "checkpoint", signed); err != nil {
		return err
	}
	return writeProofs(folder, size, reader)
}

func writeProofs(folder string, size int64, reader tlog.HashReader) error {
	var made proofs
	for index := int64(0); index < size; index += 1 + size/97 {
		proof, err := tlog.ProveRecord(size, index, reader)
		if err != nil {
			return err
		}
		made.Inclusion = append(made.Inclusion, inclusion{index, size, raw(proof)})
		growth, err := tlog.ProveTree(size, index+1, reader)
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(index+1, reader)
		if err != nil {
			return err
		}
		made.Consistency = append(made.Consistency, consistency{index + 1, size, root[:], raw(growth)})
	}
	text, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return save(folder, "proofs.json", text)
}

// A log's files, where height is not part of the path as it is in the Go project's own.
type tiles struct{ folder string }

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, path(strconv.Itoa(tile.L), tile.N, tile.W)))
		if err != nil {
			full, second := os.ReadFile(filepath.Join(t.folder, path(strconv.Itoa(tile.L), tile.N, 1<<height)))
			if second != nil {
				return nil, err
			}
			data = full[:tile.W*tlog.HashSize]
		}
		found = append(found, data)
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func path(level string, number int64, width int) string {
	groups := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		groups = fmt.Sprintf("x%03d/%s", number%1000, groups)
	}
	if width < 1<<height {
		groups += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + groups
}

func save(folder, name string, data []byte) error {
	file := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func readTree(text string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return tlog.Tree{}, errors.New("checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// What a cosigner signs, by the type byte of its key, with the time in front of the signature.
func message(kind byte, name, text string, seconds uint64) ([]byte, error) {
	if kind == 4 {
		return []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)), nil
	}
	tree, err := readTree(text)
	if err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(text, "\n")
	made := append([]byte("subtree/v1\n\x00"), byte(len(name)))
	made = binary.BigEndian.AppendUint64(append(made, name...), seconds)
	made = append(append(made, byte(len(origin))), origin...)
	made = binary.BigEndian.AppendUint64(made, 0)
	made = binary.BigEndian.AppendUint64(made, uint64(tree.N))
	return append(made, tree.Hash[:]...), nil
}

type cosigner struct {
	name  string
	kind  byte
	id    uint32
	check func(message, signature []byte) bool
	sign  func(message []byte) ([]byte, error)
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) < 8 {
		return false
	}
	signed, err := message(c.kind, c.name, string(text), binary.BigEndian.Uint64(signature))
	return err == nil && c.check(signed, signature[8:])
}

func (c *cosigner) Sign(text []byte) ([]byte, error) {
	const seconds = 1700000000
	signed, err := message(c.kind, c.name, string(text), seconds)
	if err != nil {
		return nil, err
	}
	signature, err := c.sign(signed)
	return append(binary.BigEndian.AppendUint64(nil, seconds), signature...), err
}

func keyID(name string, kind byte, public []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"+string([]byte{kind})), public...))
	return binary.BigEndian.Uint32(sum[:])
}

func readVerifier(vkey string) (note.Verifier, error) {
	name, kind, public, err := parts(vkey)
	if err != nil {
		return nil, err
	}
	made := &cosigner{name: name, kind: kind, id: keyID(name, kind, public)}
	switch kind {
	case 4:
		made.check = func(m, s []byte) bool { return ed25519.Verify(public, m, s) }
	case 6:
		key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public)
		if err != nil {
			return nil, err
		}
		made.check = func(m, s []byte) bool { return mldsa.Verify(key, m, s, nil) == nil }
	default:
		return note.NewVerifier(vkey)
	}
	return made, nil
}

func readCosigner(skey string) (note.Signer, error) {
	name, kind, seed, err := parts(strings.TrimPrefix(skey, "PRIVATE+KEY+"))
	if err != nil {
		return nil, err
	}
	made := &cosigner{name: name, kind: kind}
	if kind == 4 {
		key := ed25519.NewKeyFromSeed(seed)
		made.id = keyID(name, kind, key.Public().(ed25519.PublicKey))
		made.sign = func(m []byte) ([]byte, error) { return ed25519.Sign(key, m), nil }
		return made, nil
	}
	key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
	if err != nil {
		return nil, err
	}
	made.id = keyID(name, kind, key.PublicKey().Bytes())
	made.sign = func(m []byte) ([]byte, error) { return key.Sign(nil, m, nil) }
	return made, nil
}

func parts(text string) (string, byte, []byte, error) {
	words := strings.SplitN(text, "+", 3)
	if len(words) != 3 {
		return "", 0, nil, errors.New("key")
	}
	raw, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil || len(raw) < 2 {
		return "", 0, nil, errors.New("key")
	}
	return words[0], raw[0], raw[1:], nil
}

func hashes(raw [][]byte) []tlog.Hash {
	made := make([]tlog.Hash, len(raw))
	for at, item := range raw {
		made[at] = tlog.Hash(item)
	}
	return made
}

func raw(made []tlog.Hash) [][]byte {
	found := make([][]byte, len(made))
	for at := range made {
		found[at] = made[at][:]
	}
	return found
}

func same(made []tlog.Hash, given [][]byte) bool {
	if len(made) != len(given) {
		return false
	}
	for at := range made {
		if !bytes.Equal(made[at][:], given[at]) {
			return false
		}
	}
	return true
}
