package main

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

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
