package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var place = Place{Table: "sso_profiles", Column: "private_key", Row: "sso_1"}

// known is a key whose octets are easy to find in whatever is printed.
func known(octet byte) Key {
	k, err := ParseKey(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{octet}, KeySize)))
	if err != nil {
		panic(err)
	}
	return k
}

func seal(t *testing.T, r *Ring, at Place, plain string) []byte {
	t.Helper()
	sealed, err := r.Seal(at, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealAndOpen(t *testing.T) {
	r := NewRing(NewKey())
	for _, plain := range []string{"", "x", strings.Repeat("long ", 10_000)} {
		sealed := seal(t, r, place, plain)
		if len(plain) > 8 && bytes.Contains(sealed, []byte(plain)) {
			t.Error("the text stands readable")
		}
		got, err := r.Open(place, sealed)
		if err != nil || string(got) != plain {
			t.Errorf("%d octets: got %d, %v", len(plain), len(got), err)
		}
	}
	if bytes.Equal(seal(t, r, place, "same"), seal(t, r, place, "same")) {
		t.Error("equal texts show as equal")
	}
}

func TestSealedValueOpensInItsPlaceAlone(t *testing.T) {
	r := NewRing(NewKey())
	sealed := seal(t, r, place, "text")
	for _, at := range []Place{
		{"users", "private_key", "sso_1"},
		{"sso_profiles", "message", "sso_1"},
		{"sso_profiles", "private_key", "sso_2"},
		{"sso_profilesp", "rivate_key", "sso_1"},
		{"sso_profiles", "private_keys", "so_1"},
		{},
	} {
		if _, err := r.Open(at, sealed); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v: %v", at, err)
		}
	}
}

func TestSealNeedsAWholePlace(t *testing.T) {
	for _, at := range []Place{{}, {Table: "t", Column: "c"}, {Table: "t", Row: "r"}, {Column: "c", Row: "r"}} {
		if _, err := NewRing(NewKey()).Seal(at, []byte("text")); err == nil {
			t.Errorf("%v was taken", at)
		}
	}
}

// TestEveryOctetCounts changes each octet of a sealed value and cuts it off at
// each length.
func TestEveryOctetCounts(t *testing.T) {
	r := NewRing(NewKey())
	sealed := seal(t, r, place, "text")
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := r.Open(place, changed); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoKey) {
			t.Errorf("octet %d changed: %v", i, err)
		}
		if _, err := r.Open(place, sealed[:i]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off at %d: %v", i, err)
		}
	}
	if _, err := r.Open(place, append(sealed, 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("with an octet more: %v", err)
	}
}

func TestRotation(t *testing.T) {
	old, current := NewKey(), NewKey()
	before, during, after := NewRing(old), NewRing(current, old), NewRing(current)
	sealed := seal(t, before, place, "text")
	if before.NeedsRotation(sealed) || !during.NeedsRotation(sealed) {
		t.Error("what the old key sealed isn't told apart")
	}
	plain, err := during.Open(place, sealed)
	if err != nil || string(plain) != "text" {
		t.Fatalf("the old key is in the ring: %v", err)
	}
	if _, err := after.Open(place, sealed); !errors.Is(err, ErrNoKey) {
		t.Errorf("the old key is gone: %v", err)
	}
	again := seal(t, during, place, "text")
	if during.NeedsRotation(again) {
		t.Error("sealed again, and still to be rotated")
	}
	if _, err := after.Open(place, again); err != nil {
		t.Errorf("sealed again: %v", err)
	}
	if !after.NeedsRotation(nil) || !after.NeedsRotation([]byte{9, 9, 9, 9, 9, 9}) {
		t.Error("a form that nobody knows counts as current")
	}
}

func TestMAC(t *testing.T) {
	r := NewRing(known(7))
	parts := func(s ...string) (out [][]byte) {
		for _, p := range s {
			out = append(out, []byte(p))
		}
		return out
	}
	seen := map[string]string{}
	for name, mac := range map[string][]byte{
		"ab,c":          r.MAC("audit", parts("ab", "c")...),
		"a,bc":          r.MAC("audit", parts("a", "bc")...),
		"abc":           r.MAC("audit", parts("abc")...),
		"abc,":          r.MAC("audit", parts("abc", "")...),
		"nothing":       r.MAC("audit"),
		"other purpose": r.MAC("throttle", parts("ab", "c")...),
		"other key":     NewRing(known(8)).MAC("audit", parts("ab", "c")...),
	} {
		if other, ok := seen[string(mac)]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[string(mac)] = name
	}
	// What stands in databases must not change from release to release.
	const want = "54d31e79a45f4c9e6abc13ef9d9d3fea3898d8b3a8a316f22daf1286485d495c"
	if got := hex.EncodeToString(r.MAC("audit", parts("ab", "c")...)); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	old, current := NewKey(), NewKey()
	mac := NewRing(old).MAC("audit", []byte("row"))
	if !NewRing(old).Verify(mac, "audit", []byte("row")) || !NewRing(current, old).Verify(mac, "audit", []byte("row")) {
		t.Error("refused")
	}
	if NewRing(current).Verify(mac, "audit", []byte("row")) {
		t.Error("accepted without its key")
	}
	for _, bad := range [][]byte{nil, mac[:31], append(bytes.Clone(mac), 0)} {
		if NewRing(old).Verify(bad, "audit", []byte("row")) {
			t.Errorf("accepted %d octets", len(bad))
		}
	}
}

// TestStoredFormsStay opens what an earlier release sealed.
func TestStoredFormsStay(t *testing.T) {
	const stored = "AUy5H/Ua3tJITkgUph7g5uVE+qm7b0nCvANSTf7ENVm1QglNCJNhNsFzQhNEiBkoHYGNWGbYGzZg3vA="
	sealed, _ := base64.StdEncoding.DecodeString(stored)
	plain, err := NewRing(known(7)).Open(place, sealed)
	if err != nil || string(plain) != "text of an earlier release" {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestParseKey(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(make([]byte, KeySize))
	if _, err := ParseKey(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty":        "",
		"too short":    base64.StdEncoding.EncodeToString([]byte("SECRETSECRETSECRETSECRETSECRET!")),
		"too long":     base64.StdEncoding.EncodeToString([]byte("SECRETSECRETSECRETSECRETSECRET!!!")),
		"no base64":    "SECRET*SECRET",
		"no padding":   strings.TrimRight(good, "="),
		"URL alphabet": strings.Repeat("_", 43) + "=",
		"hex":          strings.Repeat("ab", KeySize),
	} {
		_, err := ParseKey(bad)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if bad != "" && strings.Contains(err.Error(), bad[:min(len(bad), 6)]) {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sallyport.key")
	if err := CreateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	first, err := LoadKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, first, place, "text")
	if err := CreateKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key file was made over another: %v", err)
	}

	older, _ := os.ReadFile(path)
	rotated := "# since May\n\n" + base64.StdEncoding.EncodeToString(NewKey().octets()) + "\n  " + string(older)
	if err := os.WriteFile(path, []byte(rotated), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := LoadKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Open(place, sealed); err != nil || !second.NeedsRotation(sealed) {
		t.Errorf("the second line doesn't count as an older key: %v", err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(make([]byte, KeySize)) + "\n"
	for name, c := range map[string]struct {
		text string
		mode fs.FileMode
		want string
	}{
		"group reads it":  {good, 0o640, "only its owner"},
		"others read it":  {good, 0o604, "only its owner"},
		"empty":           {"", 0o600, "holds no key"},
		"comments alone":  {"# none\n", 0o600, "holds no key"},
		"bad second line": {good + "SECRET\n", 0o600, "line 2"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, c.mode) // whatever the umask
		_, err := LoadKeyFile(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadKeyFile(t.TempDir()); err == nil {
		t.Error("a directory was taken")
	}
	if _, err := LoadKeyFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestKeysDoNotPrint looks for the octets of a known key in everything that
// fmt, slog and JSON make of a ring, however it is nested.
func TestKeysDoNotPrint(t *testing.T) {
	key := known(0xA7)
	ring := NewRing(key, known(0xA7))
	values := map[string]any{
		"ring": ring, "ring value": *ring, "key": key, "key pointer": &key,
		"exported field":   struct{ Ring *Ring }{ring},
		"unexported field": struct{ ring Ring }{*ring},
		"unexported key":   struct{ key Key }{key},
		"list":             []any{ring, key},
	}
	forms := []string{"a7a7", "A7A7", "167 167", "\xa7\xa7", `\xa7`, "0xa7", "p6en", "247 247"}
	check := func(name, printed string) {
		for _, form := range forms {
			if strings.Contains(printed, form) {
				t.Errorf("%s shows the key: %s", name, printed)
			}
		}
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% X", "%d", "%o"} {
			check(name+" "+verb, fmt.Sprintf(verb, v))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		check(name+" slog", log.String())
		text, _ := json.Marshal(v)
		check(name+" JSON", string(text))
	}
	if got := fmt.Sprint(ring); got != redacted {
		t.Errorf("a ring prints as %q", got)
	}
}

func BenchmarkSeal(b *testing.B) {
	r := NewRing(NewKey())
	plain := make([]byte, 2048)
	for b.Loop() {
		if _, err := r.Seal(place, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseRing(t *testing.T) {
	text := func(octet byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{octet}, KeySize))
	}
	r, err := ParseRing(text(2) + ", " + text(1))
	if err != nil {
		t.Fatal(err)
	}
	old := seal(t, NewRing(known(1)), place, "text")
	if plain, err := r.Open(place, old); err != nil || string(plain) != "text" || !r.NeedsRotation(old) {
		t.Errorf("%q, %v", plain, err)
	}
	if plain, err := NewRing(known(2)).Open(place, seal(t, r, place, "new")); err != nil || string(plain) != "new" {
		t.Errorf("not sealed with the first: %q, %v", plain, err)
	}
	for _, wrong := range []string{"", ",", text(1) + ",", "," + text(1), text(1) + " " + text(2), text(1) + ",short"} {
		if _, err := ParseRing(wrong); err == nil {
			t.Errorf("%q is a ring", wrong)
		}
	}
}
