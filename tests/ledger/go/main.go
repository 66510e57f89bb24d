// Checks a log with the Go project's own tlog and note packages, and writes one for others to check.
//
//	harness verify FOLDER VKEY...      checkpoint, cosignatures, every tile and entry, and the proofs of proofs.json
//	harness write FOLDER SIZE SKEY KEYS the log of SIZE entries, signed and cosigned, with proofs.json
//	harness notes FILE VKEY...          what each note of a JSON list says, or why it does not open
//	harness keys FILE                   which texts of a JSON list are keys
//	harness proof FILE VKEY...          the tlog-proof inside a proof file, signed by all the keys
package main

import (
	"bytes"
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
	case len(words) >= 3 && words[0] == "notes":
		return judgeNotes(words[1], words[2:])
	case len(words) == 2 && words[0] == "keys":
		return judgeKeys(words[1])
	case len(words) >= 3 && words[0] == "proof":
		return judgeProof(words[1], words[2:])
	}
	return errors.New("usage: verify|write|notes|keys|proof ...")
}

func verify(folder string, vkeys []string) error {
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openTree(signed, vkeys)
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
		theirs, err := tlog.ProveTree(proof.New, proof.Old, reader)
		if err != nil || !same(theirs, proof.Hashes) {
			return fmt.Errorf("consistency %d to %d differs from ProveTree", proof.Old, proof.New)
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
	for index := int64(0); index < size; index += 1 + size/297 {
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
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return tlog.Tree{}, errors.New("checkpoint")
	}
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			return tlog.Tree{}, errors.New("checkpoint")
		}
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err == nil && (strconv.FormatInt(size, 10) != lines[1] || root.String() != lines[2]) {
		err = errors.New("checkpoint")
	}
	return tlog.Tree{N: size, Hash: root}, err
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
