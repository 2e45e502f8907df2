package outside

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/test/harness"
)

var (
	instants = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ)?( UTC)?`)
	nonces   = regexp.MustCompile(`nonce="[^"]*"`)
)

// neutral is the body of a page without what differs from one visit to the
// next: its reference, its time, and the address that was typed.
func neutral(a harness.Answer, email string) string {
	body := a.Body
	for _, one := range []string{a.Reference, email, strings.ReplaceAll(email, "+", "&#43;")} {
		if one != "" {
			body = strings.ReplaceAll(body, one, "…")
		}
	}
	return nonces.ReplaceAllString(instants.ReplaceAllString(body, "…"), "…")
}

// sprint writes values as JSON, to compare them.
func sprint(values ...any) string {
	raw, err := json.Marshal(values)
	if err != nil {
		panic(err) // they came from JSON
	}
	return string(raw)
}

// same fails unless an object has exactly these fields.
func same(t *testing.T, what string, o harness.Object, fields ...string) {
	t.Helper()
	have := slices.Sorted(maps.Keys(o))
	slices.Sort(fields)
	if !slices.Equal(have, fields) {
		t.Errorf("%s has the fields\n%v, not\n%v", what, have, fields)
	}
}
