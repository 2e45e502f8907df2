package password

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// cheap makes hashing fast enough for tests.
var cheap = Params{Memory: 64, Time: 1, Threads: 1}

const plain = "three quiet harbours"

func hash(t *testing.T, h *Hasher, plain string) string {
	t.Helper()
	s, err := h.Hash(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verify(t *testing.T, h *Hasher, plain, hash string) (right, outdated bool) {
	t.Helper()
	right, outdated, err := h.Verify(t.Context(), plain, hash)
	if err != nil {
		t.Fatal(err)
	}
	return right, outdated
}

func TestDefaultParamsAreThoseOfTheRecommendation(t *testing.T) {
	if want := (Params{Memory: 19 * 1024, Time: 2, Threads: 1}); DefaultParams != want {
		t.Errorf("%+v, not %+v", DefaultParams, want)
	}
	if DefaultParams.Memory > maxMemory || DefaultParams.Time > maxTime {
		t.Error("our own hashes are beyond the ceiling")
	}
}

func TestHashIsAPHCStringThatVerifies(t *testing.T) {
	h := NewHasher(cheap, 1)
	s := hash(t, h, plain)
	if !strings.HasPrefix(s, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Count(s, "$") != 5 {
		t.Error(s)
	}
	if right, outdated := verify(t, h, plain, s); !right || outdated {
		t.Errorf("right %v, outdated %v", right, outdated)
	}
	for _, wrong := range []string{"", plain + " ", strings.ToUpper(plain), plain[1:], "\x00" + plain} {
		if right, _ := verify(t, h, wrong, s); right {
			t.Errorf("%q is right", wrong)
		}
	}
	if hash(t, h, plain) == s {
		t.Error("two hashes of one password are the same: no salt")
	}
}

// TestAHashOfAnotherProgramVerifies uses one made by the reference
// implementation: argon2 somesalt -id -t 2 -m 16 -p 1 -l 32, of "password".
func TestAHashOfAnotherProgramVerifies(t *testing.T) {
	const foreign = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := NewHasher(cheap, 1)
	if right, outdated := verify(t, h, "password", foreign); !right || !outdated {
		t.Errorf("right %v, outdated %v", right, outdated)
	}
}

func TestOldParametersAreOutdatedWhicheverTheyAre(t *testing.T) {
	s := hash(t, NewHasher(cheap, 1), plain)
	for _, now := range []Params{{128, 1, 1}, {64, 2, 1}, {64, 1, 2}, {32, 1, 1}} {
		if right, outdated := verify(t, NewHasher(now, 1), plain, s); !right || !outdated {
			t.Errorf("%+v: right %v, outdated %v", now, right, outdated)
		}
	}
}

func TestHowAccentsAreTypedDoesNotMatter(t *testing.T) {
	h := NewHasher(cheap, 1)
	composed, decomposed := "trois étés à Genève", "trois e\u0301te\u0301s a\u0300 Gene\u0300ve"
	if right, _ := verify(t, h, decomposed, hash(t, h, composed)); !right {
		t.Error("decomposed does not match composed")
	}
	if right, _ := verify(t, h, composed, hash(t, h, decomposed)); !right {
		t.Error("composed does not match decomposed")
	}
	// Compatibility forms are other passwords: NFC, not NFKC.
	if right, _ := verify(t, h, "ﬁne weather today", hash(t, h, "fine weather today")); right {
		t.Error("a ligature matches its letters")
	}
}

func TestDamagedHashesAreErrorsAndNeverRight(t *testing.T) {
	h := NewHasher(cheap, 1)
	good := hash(t, h, plain)
	parts := strings.Split(good, "$")
	with := func(i int, value string) string {
		p := append([]string(nil), parts...)
		p[i] = value
		return strings.Join(p, "$")
	}
	for name, bad := range map[string]string{
		"not a hash":             "x",
		"a password in clear":    plain,
		"another scheme":         with(1, "argon2i"),
		"bcrypt":                 "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"another version":        with(2, "v=16"),
		"no version":             with(2, ""),
		"no parameters":          with(3, ""),
		"parameters in disorder": with(3, "t=1,m=64,p=1"),
		"negative memory":        with(3, "m=-64,t=1,p=1"),
		"too much memory":        with(3, "m=262145,t=1,p=1"),
		"all memory":             with(3, "m=4294967295,t=1,p=1"),
		"memory that overflows":  with(3, "m=4294967296,t=1,p=1"),
		"no time":                with(3, "m=64,t=0,p=1"),
		"too much time":          with(3, "m=64,t=17,p=1"),
		"no threads":             with(3, "m=64,t=1,p=0"),
		"more parameters":        with(3, "m=64,t=1,p=1,x=1"),
		"salt not base64":        with(4, "!"),
		"key not base64":         with(5, "!"),
		"key too short":          with(5, parts[5][:10]),
		"no key":                 with(5, ""),
		"key too long":           with(5, parts[5]+parts[5]),
		"something behind":       good + "$",
		"something before":       "x" + good,
	} {
		right, _, err := h.Verify(t.Context(), plain, bad)
		if right || err == nil {
			t.Errorf("%s: right %v, %v", name, right, err)
		}
		if err != nil && strings.Contains(err.Error(), parts[5]) {
			t.Errorf("%s: the error holds the hash: %v", name, err)
		}
	}
}

func TestATamperedHashIsWrong(t *testing.T) {
	h := NewHasher(cheap, 1)
	parts := strings.Split(hash(t, h, plain), "$")
	for _, i := range []int{4, 5} {
		flipped := append([]string(nil), parts...)
		first := "A"
		if strings.HasPrefix(parts[i], first) {
			first = "B"
		}
		flipped[i] = first + parts[i][1:]
		if right, _ := verify(t, h, plain, strings.Join(flipped, "$")); right {
			t.Errorf("part %d changed and still right", i)
		}
	}
}

func TestNobodyIsVerifiedAgainstAHashAndIsNeverRight(t *testing.T) {
	h := NewHasher(cheap, 1)
	for _, tried := range []string{"", plain, strings.Repeat("\x00", 32)} {
		if right, outdated := verify(t, h, tried, ""); right || outdated {
			t.Errorf("%q: right %v, outdated %v", tried, right, outdated)
		}
	}
}

// TestNobodyTakesAsLong compares medians of the time for a wrong password with
// that for nobody: half as long would tell them apart, jitter does not.
func TestNobodyTakesAsLong(t *testing.T) {
	h := NewHasher(Params{Memory: 2 << 10, Time: 2, Threads: 1}, 1)
	s := hash(t, h, plain)
	median := func(hash string) time.Duration {
		var took []time.Duration
		for range 15 {
			began := time.Now()
			verify(t, h, "wrong", hash)
			took = append(took, time.Since(began))
		}
		return smallest(took, len(took)/2)
	}
	somebody, nobody := median(s), median("")
	if nobody < somebody/2 || somebody < nobody/2 {
		t.Errorf("somebody takes %v, nobody %v", somebody, nobody)
	}
}

// smallest returns the n-th smallest of some durations.
func smallest(d []time.Duration, n int) time.Duration {
	for _, candidate := range d {
		less := 0
		for _, other := range d {
			if other < candidate {
				less++
			}
		}
		if less == n {
			return candidate
		}
	}
	return d[0]
}

func TestSlotsBoundHowManyHashesAreMadeAtOnce(t *testing.T) {
	h := NewHasher(cheap, 2)
	if err := errors.Join(h.acquire(t.Context()), h.acquire(t.Context())); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, plain); !errors.Is(err, context.Canceled) {
		t.Errorf("hash without a slot: %v", err)
	}
	if _, _, err := h.Verify(ctx, plain, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("verify without a slot: %v", err)
	}
	h.release()
	if right, _ := verify(t, h, plain, hash(t, h, plain)); !right {
		t.Error("a free slot does not help")
	}
}

func TestManyAtOnce(t *testing.T) {
	h := NewHasher(cheap, 2)
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			word := fmt.Sprintf("%s %d", plain, i)
			if s, err := h.Hash(context.Background(), word); err != nil {
				t.Error(err)
			} else if right, _, err := h.Verify(context.Background(), word, s); !right || err != nil {
				t.Errorf("%v, %v", right, err)
			}
		})
	}
	wait.Wait()
	if len(h.slots) != 0 {
		t.Errorf("%d slots were not given back", len(h.slots))
	}
}
