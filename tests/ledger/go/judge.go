package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type opened struct {
	Text  string   `json:"text"`
	Names []string `json:"names"`
	Fault string   `json:"fault"`
}

// Opens every note of a JSON list, each in base64, and says of each what it is.
func judgeNotes(file string, vkeys []string) error {
	var notes [][]byte
	if err := readJSON(file, &notes); err != nil {
		return err
	}
	known, err := readVerifiers(vkeys)
	if err != nil {
		return err
	}
	made := make([]opened, len(notes))
	for at, signed := range notes {
		found, err := note.Open(signed, note.VerifierList(known...))
		if err != nil {
			made[at].Fault = err.Error()
			continue
		}
		made[at].Text = found.Text
		for _, signature := range found.Sigs {
			made[at].Names = append(made[at].Names, signature.Name)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}

// Says of every text of a JSON list whether it is a key of type 01.
func judgeKeys(file string) error {
	var texts []string
	if err := readJSON(file, &texts); err != nil {
		return err
	}
	made := make([]bool, len(texts))
	for at, text := range texts {
		_, err := note.NewVerifier(text)
		made[at] = err == nil
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}

type carried struct {
	Leaf  string `json:"leaf"`
	Proof string `json:"tlog_proof"`
}

// Checks the tlog-proof inside a proof file: index, hashes, checkpoint with all keys, and that the leaf is there.
func judgeProof(file string, vkeys []string) error {
	var given carried
	if err := readJSON(file, &given); err != nil {
		return err
	}
	head, signed, _ := strings.Cut(given.Proof, "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return errors.New("head")
	}
	index, err := strconv.ParseInt(lines[1][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return errors.New("hash")
		}
		proof = append(proof, tlog.Hash(raw))
	}
	tree, err := openTree([]byte(signed), vkeys)
	if err != nil {
		return err
	}
	if index < 0 || index >= tree.N {
		return errors.New("index")
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash([]byte(given.Leaf))); err != nil {
		return err
	}
	fmt.Println(index, tree.N)
	return nil
}

func readVerifiers(vkeys []string) ([]note.Verifier, error) {
	var known []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := readVerifier(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, verifier)
	}
	return known, nil
}

// Opens a checkpoint that every one of the keys must have signed.
func openTree(signed []byte, vkeys []string) (tlog.Tree, error) {
	known, err := readVerifiers(vkeys)
	if err != nil {
		return tlog.Tree{}, err
	}
	found, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(found.Sigs) != len(known) {
		return tlog.Tree{}, fmt.Errorf("%d of %d keys signed", len(found.Sigs), len(known))
	}
	return readTree(found.Text)
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
