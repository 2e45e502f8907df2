package id

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// A Kind is what an id names. Its value is the prefix, without the underscore.
type Kind string

const (
	Organization   Kind = "org"
	Domain         Kind = "dom"
	User           Kind = "usr"
	Account        Kind = "acc"
	SSOProfile     Kind = "sso"
	SSOKey         Kind = "key"
	SSOReading     Kind = "rdg"
	App            Kind = "app"
	Event          Kind = "evt"
	Attempt        Kind = "att"
	Session        Kind = "ses"
	APIToken       Kind = "tok"
	Job            Kind = "job"
	Upload         Kind = "upl"
	AddressChange  Kind = "adr"
	Invitation     Kind = "inv"
	ConnectionTest Kind = "tst"
	SetupLink      Kind = "lnk"
	Request        Kind = "req"
	Mail           Kind = "mai"
	Feedback       Kind = "fbk"
)

// encoding is base32hex in lower case: its digits stand in ASCII order, so
// that ids sort as the numbers that they hold.
var encoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

const (
	size   = 16 // octets: 6 of milliseconds, 10 random
	length = 26 // characters: 130 bits, the last two are always zero
)

// New makes an id. Ids of one kind sort by the millisecond in which they were
// made, ids of the same millisecond in no order.
func (s *Source) New(kind Kind) string { return s.NewAt(kind, s.now()) }

// NewAt is [Source.New] for what happened at an instant and is written later.
func (s *Source) NewAt(kind Kind, t time.Time) string {
	var raw [size]byte
	binary.BigEndian.PutUint64(raw[:], uint64(t.UnixMilli())<<16)
	s.read(raw[6:])
	return string(kind) + "_" + encoding.EncodeToString(raw[:])
}

// First is the lowest id of this kind that is made at t or later: where a range
// of time begins in a list that is sorted by id.
func (k Kind) First(t time.Time) string {
	var raw [size]byte
	ms := min(max(t.UnixMilli(), 0), 1<<48-1)
	binary.BigEndian.PutUint64(raw[:], uint64(ms)<<16)
	return string(k) + "_" + encoding.EncodeToString(raw[:])
}

// Valid reports whether s has the shape of an id of this kind. Whether there is
// such a thing is another question.
func (k Kind) Valid(s string) bool {
	digits, ok := strings.CutPrefix(s, string(k)+"_")
	if !ok || len(digits) != length {
		return false
	}
	for _, c := range []byte(digits) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'v') {
			return false
		}
	}
	// The last character holds three bits of the id and two zeros. Another
	// one would be a second spelling of the same id.
	return strings.IndexByte("048cgkos", digits[length-1]) >= 0
}
