package id

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var kinds = []Kind{Organization, Domain, User, Account, SSOProfile, SSOKey, SSOReading, App, Event, Attempt, Session,
	APIToken, Job, Invitation, ConnectionTest, SetupLink, Request}

func at(ms int64) func() time.Time {
	return func() time.Time { return time.UnixMilli(ms) }
}

func TestNewHasTheShape(t *testing.T) {
	s := Default()
	shape := regexp.MustCompile(`^[a-z]{3}_[0-9a-v]{26}$`)
	seen := map[Kind]bool{}
	for _, k := range kinds {
		id := s.New(k)
		if !shape.MatchString(id) || !k.Valid(id) {
			t.Errorf("%s made %q", k, id)
		}
		if seen[k] {
			t.Errorf("two kinds share the prefix %s", k)
		}
		seen[k] = true
	}
}

func TestNewIsKnown(t *testing.T) {
	s := NewSource(at(1), strings.NewReader(strings.Repeat("\xff", 10)))
	if got, want := s.New(User), "usr_0000000007vvvvvvvvvvvvvvvs"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestOrderIsTime includes instants where a digit carries, and the last one
// that fits.
func TestOrderIsTime(t *testing.T) {
	var ids []string
	for _, ms := range []int64{0, 1, 31, 32, 33, 1<<20 - 1, 1 << 20, 1_700_000_000_000, 1_700_000_000_001, 1<<48 - 1} {
		ids = append(ids, NewSource(at(ms), rand.Reader).New(Event))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("out of order: %q", ids)
	}
}

func TestNewIsUnique(t *testing.T) {
	s := NewSource(at(0), rand.Reader)
	seen := map[string]bool{}
	for range 10_000 {
		id := s.New(Session)
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
	}
}

func TestValidIsStrict(t *testing.T) {
	good := Default().New(Organization)
	if !Organization.Valid(good) {
		t.Fatalf("%q is refused", good)
	}
	digits := good[4:]
	for name, bad := range map[string]string{
		"empty":             "",
		"prefix alone":      "org_",
		"no prefix":         digits,
		"another kind":      "usr_" + digits,
		"no underscore":     "org" + digits,
		"upper-case prefix": "ORG_" + digits,
		"upper-case digits": "org_" + strings.Repeat("A", 26),
		"too short":         good[:len(good)-1],
		"too long":          good + "0",
		"outside the set":   "org_" + "w" + digits[1:],
		"second spelling":   "org_" + digits[:25] + "1",
		"space before":      " " + good,
		"line break after":  good + "\n",
		"not ASCII":         "org_" + "é" + digits[2:],
		"NUL":               "org_" + "\x00" + digits[1:],
	} {
		if Organization.Valid(bad) {
			t.Errorf("%s: %q is accepted", name, bad)
		}
	}
}

func TestToken(t *testing.T) {
	s := NewSource(time.Now, bytes.NewReader(bytes.Repeat([]byte{0xfb}, 32)))
	if got, want := s.Token(), strings.Repeat("-_v7", 10)+"-_s"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if a, b := Default().Token(), Default().Token(); a == b || len(a) != 43 {
		t.Errorf("%s, %s", a, b)
	}
}

func TestHash(t *testing.T) {
	const sha256OfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := hex.EncodeToString(Hash("abc")); got != sha256OfABC {
		t.Error(got)
	}
}

func TestWithoutRandomnessNothingIsMade(t *testing.T) {
	for name, try := range map[string]func(*Source) string{
		"token": (*Source).Token,
		"id":    func(s *Source) string { return s.New(User) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was made", name)
				}
			}()
			try(NewSource(time.Now, iotest.ErrReader(errors.New("none"))))
		}()
	}
}

func BenchmarkNew(b *testing.B) {
	s := Default()
	for b.Loop() {
		s.New(Event)
	}
}

func TestFirstIsWhereATimeBegins(t *testing.T) {
	for _, ms := range []int64{0, 1, 1_767_225_600_000, 1<<48 - 1} {
		first := Event.First(time.UnixMilli(ms))
		lowest := NewSource(at(ms), bytes.NewReader(make([]byte, 10))).New(Event)
		if first != lowest || !Event.Valid(first) {
			t.Errorf("%d: %q, not %q", ms, first, lowest)
		}
		if ms == 0 {
			continue
		}
		if before := NewSource(at(ms-1), strings.NewReader(strings.Repeat("\xff", 10))).New(Event); before >= first {
			t.Errorf("%q is not before %q", before, first)
		}
	}
	if Event.First(time.Time{}) != Event.First(time.UnixMilli(0)) || Event.First(time.Unix(1<<40, 0)) != Event.First(time.UnixMilli(1<<48-1)) {
		t.Error("a time that no id can hold has no nearest one")
	}
}
