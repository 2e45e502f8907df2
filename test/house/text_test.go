package house

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestNoKeyOfACatalogueStandsTwice: encoding/json takes the last one without a
// word, so that somebody corrects the sentence that nobody sees.
func TestNoKeyOfACatalogueStandsTwice(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(root, "internal/*/text/*.json"))
	if err != nil || len(names) < 4 {
		t.Fatalf("found %q, %v", names, err)
	}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		twice, n, err := doubled(json.NewDecoder(file))
		if err != nil || n < 10 {
			t.Errorf("%s: %d keys, %v", name, n, err)
		}
		for _, key := range twice {
			t.Errorf("%s has %s twice", name, key)
		}
	}
}

// doubled returns the keys of an object of sentences that stand there again, and
// how many keys there are.
func doubled(d *json.Decoder) (twice []string, n int, err error) {
	if _, err := d.Token(); err != nil { // the brace
		return nil, 0, err
	}
	seen := map[string]bool{}
	for ; d.More(); n++ {
		var sentence string
		key, err := d.Token()
		if err == nil {
			err = d.Decode(&sentence)
		}
		if err != nil {
			return twice, n, err
		}
		if name := key.(string); seen[name] {
			twice = append(twice, name)
		} else {
			seen[name] = true
		}
	}
	return twice, n, nil
}
